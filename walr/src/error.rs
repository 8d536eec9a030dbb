//! What can go wrong, and what to do next.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::lsn::Lsn;

/// What walr's calls return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a call failed: what, where (path, byte offset, LSN, where they exist), and what to do next.
///
/// No message ever holds an argument's value. [`fate`](Error::fate) tells whether the mutation may have been recorded;
/// each variant says which it is.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A call to the file system failed, and nothing of the store was changed by it. Fate: not recorded.
    #[error("can't {action} {}: {source}; the store is as it was, so mend the cause and try again", .path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: Arc<io::Error>,
    },

    /// The disk has no room for the next segment. Nothing was recorded, and the store works again when there is room.
    /// Fate: not recorded.
    #[error("no room for {needed} bytes of {}: {source}; nothing was recorded, free some space and call again", .path.display())]
    Full {
        /// The file that was to be reserved.
        path: PathBuf,
        /// How many bytes it needs.
        needed: u64,
        /// What the operating system said.
        source: Arc<io::Error>,
    },

    /// The write or the sync of this call's group failed. Fate: unknown; the call is there whole or not at all, and only
    /// a reopen can tell.
    #[error("can't {action} {} at byte {offset} (from lsn {lsn} on): {source}; whether the call is recorded shows when the store is opened again", .path.display())]
    Commit {
        /// What was tried: a write or a sync.
        action: &'static str,
        /// The segment.
        path: PathBuf,
        /// Where in it the group begins.
        offset: u64,
        /// The first LSN that may not be durable.
        lsn: Lsn,
        /// What the operating system said.
        source: Arc<io::Error>,
    },

    /// An earlier write or sync failed, and nothing is written after that. Reads go on. Fate: not recorded.
    #[error("the store takes no more mutations, because an earlier one failed: {cause}; close it and open it again")]
    Failed {
        /// The first failure.
        #[source]
        cause: Arc<Error>,
    },

    /// The store was closed. Fate: not recorded.
    #[error("the store is closed; open it again to change it")]
    Closed,

    /// The call comes from a child process that was forked after the store was opened. Fate: not recorded.
    #[error(
        "this process was forked after the store was opened, and only the parent may use it; open a store of its own in the child"
    )]
    Forked,

    /// A mutation was polled inside a `read` of the same store, or inside a mutation's own body, where it could never
    /// become durable. Fate: not recorded.
    #[error(
        "a call was awaited inside {place} of the same store, where it would wait for itself; await it outside of that"
    )]
    Reentrant {
        /// Where the call stood.
        place: &'static str,
    },

    /// A value can't be encoded, or would not come back from its encoding as it is; or a type of the state or of an argument has
    /// only such values, and then the store doesn't open. Fate: not recorded. Arguments of std's types that always come back, as
    /// `String` and `Vec<u64>`, are not decoded at the call.
    #[error("{what} can't be {step}: {reason}")]
    Codec {
        /// The state or the mutation by name, and its field or its argument where that is known.
        what: String,
        /// Which step failed, as in "encoded" or "read back".
        step: &'static str,
        /// Why, and what to do.
        reason: String,
    },

    /// The record is larger than `Options::max_record_size`. Fate: not recorded.
    #[error(
        "the record of `{mutation}` takes {size} bytes and the store allows {max}; raise `Options::max_record_size`, or split the call"
    )]
    TooLarge {
        /// The mutation.
        mutation: &'static str,
        /// The record's size in bytes.
        size: u64,
        /// The largest that the options allow.
        max: u64,
    },

    /// The mutation panicked. It was aborted, and the state is as if the call had never been made. Fate: not recorded.
    #[error(
        "the mutation `{mutation}` (lsn {lsn}) panicked and was taken back: {message}; the state is as before the call"
    )]
    Panicked {
        /// The mutation.
        mutation: &'static str,
        /// The LSN that it had; it is not given out again.
        lsn: Lsn,
        /// The panic's message.
        message: String,
    },

    /// A mutation panicked while the log was replayed, and it isn't certain that it may be left out. Fate: not recorded
    /// (the store doesn't open).
    #[error("{}: replaying `{mutation}` (lsn {lsn}) panicked: {message}; {advice}", .path.display())]
    ReplayPanicked {
        /// The store.
        path: PathBuf,
        /// The mutation, by its name on disk.
        mutation: String,
        /// Its LSN.
        lsn: Lsn,
        /// The panic's message.
        message: String,
        /// What to do.
        advice: &'static str,
    },

    /// Bytes that were once durable are damaged or missing. Nothing on disk was changed. Fate: not recorded.
    #[error("{} is damaged at byte {offset} (after lsn {after}): {reason}; nothing was changed: restore the file from a backup", .path.display())]
    Corrupt {
        /// The damaged file.
        path: PathBuf,
        /// Where the damage was met.
        offset: u64,
        /// The last LSN that is known to be sound before it.
        after: Lsn,
        /// What is wrong, and how it is known.
        reason: String,
    },

    /// A file of the store is missing, or a file of another store stands in its place. Nothing on disk was changed.
    /// Fate: not recorded.
    #[error("{}: {reason}; nothing was changed: put the right files back", .path.display())]
    Missing {
        /// The file, or the folder.
        path: PathBuf,
        /// What is missing or foreign.
        reason: String,
    },

    /// The store was written by a newer walr, or with another codec. Fate: not recorded.
    #[error("{} has {what} {found}, and this walr reads up to {known}; open it with a newer walr", .path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// What is newer.
        what: &'static str,
        /// What the file has.
        found: u32,
        /// The newest that this version knows.
        known: u32,
    },

    /// The folder was written by walr 0.1, whose format was another. Nothing was changed. Fate: not recorded.
    #[error("{} was written by walr 0.1, whose format this version doesn't read; nothing was changed: open another folder, and bring the data there by replaying this one with walr 0.1", .path.display())]
    Older {
        /// The old file.
        path: PathBuf,
    },

    /// The replay handler of a [`WAL`](crate::WAL) returned an error, or kept the state. Nothing on disk was changed.
    /// Fate: not recorded.
    #[error("the replay handler failed: {reason}; nothing was changed: mend its cause and replay again")]
    Handler {
        /// The error's text, and those of its causes.
        reason: String,
        /// The error's text, with its causes' texts as sources.
        source: Arc<Told>,
    },

    /// The folder holds a state, or mutations, that this program doesn't know in this form. Nothing was applied or
    /// changed. Fate: not recorded.
    #[error("{}: {reason}", .path.display())]
    Schema {
        /// The store.
        path: PathBuf,
        /// What differs, and the ways out.
        reason: String,
    },

    /// The migration of an older version's checkpoint panicked. Nothing on disk was changed. Fate: not recorded (the store
    /// doesn't open).
    #[error("{}: the migration from version {from} to {to}, {migration}, panicked: {message}; nothing was changed: mend it and open again", .path.display())]
    Migration {
        /// The checkpoint.
        path: PathBuf,
        /// The version that it leads from.
        from: u32,
        /// The version that it leads to.
        to: u32,
        /// Which conversion it is.
        migration: String,
        /// The panic's message.
        message: String,
    },

    /// The log holds records that other code of the same mutations made, and `Options::on_changed_code` says that they may
    /// not be replayed. Nothing was applied or changed. Fate: not recorded (the store doesn't open).
    #[error("{}: {records} records above lsn {checkpoint} were made by other code of the mutations, and replaying them with this code is refused; open the store with the program that made them and close it, or allow it with `on_changed_code(ChangedCode::Replay)`", .path.display())]
    ChangedCode {
        /// The store.
        path: PathBuf,
        /// How many records there are.
        records: u64,
        /// The checkpoint that the replay would begin at.
        checkpoint: Lsn,
    },

    /// [`Store::verify_replay`](crate::Store::verify_replay) found that a replay doesn't lead to the state that is served. Fate:
    /// not recorded (there was nothing to record).
    #[error("{}: {reason}; after lsn {trusted} a replay can't be trusted: mend the mutation, and take what comes from outside as an argument or by `#[record(..)]`", .path.display())]
    Diverged {
        /// The store.
        path: PathBuf,
        /// Up to this LSN replays were seen to agree.
        trusted: Lsn,
        /// The first record at which two replays were seen to differ, if any was.
        lsn: Option<Lsn>,
        /// The mutation that it calls, by its name on disk.
        mutation: Option<String>,
        /// How the states differ.
        reason: String,
    },

    /// The store is open already, in this process or in another. Fate: not recorded.
    #[error("{} is in use: another handle holds its lock, here or in another process; close that one first", .path.display())]
    Locked {
        /// The store's folder.
        path: PathBuf,
    },

    /// An option's value makes no sense. Fate: not recorded.
    #[error("the option `{option}` can't be {value}: {reason}")]
    Option {
        /// The option's name.
        option: &'static str,
        /// The value that was given.
        value: String,
        /// What is allowed.
        reason: &'static str,
    },

    /// The store is closed, and everything acknowledged is in its log; only the checkpoint that a close writes failed.
    /// Fate: not recorded (there was nothing to record).
    #[error(
        "the store is closed and nothing is lost, but its last checkpoint couldn't be written ({cause}); the next open replays the log"
    )]
    NoCheckpoint {
        /// Why the checkpoint failed.
        #[source]
        cause: Arc<Error>,
    },

    /// A thread of the store could not be started, or ended by a panic; the store takes no more mutations. Fate: unknown.
    #[error("a thread of the store failed: {reason}; close the store and open it again")]
    Thread {
        /// What happened.
        reason: String,
    },

    /// A hand-written [`Recorded::apply`](crate::__private::Recorded::apply) returned the outcome of another mutation.
    /// Fate: unknown (the mutation is recorded).
    #[error("the outcome isn't the one of the mutation that was applied; mend the hand-written `Recorded::apply`")]
    Outcome,
}

/// The text of an error that may not go everywhere, and those of its causes.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{text}")]
pub struct Told {
    text: String,
    source: Option<Arc<Told>>,
}

impl Told {
    fn by(error: &dyn std::error::Error) -> Told {
        let mut chain = vec![error.to_string()];
        let mut cause = error.source();
        while let Some(error) = cause {
            chain.push(error.to_string());
            cause = error.source();
        }
        let mut source = None;
        for text in chain.drain(1..).rev() {
            source = Some(Arc::new(Told { text, source }));
        }
        Told { text: chain.swap_remove(0), source }
    }

    /// All the texts; a cause's that stands in the text before it is not said twice.
    fn whole(&self) -> String {
        let mut whole = self.text.clone();
        let mut cause = &self.source;
        while let Some(told) = cause {
            if !whole.contains(&told.text) {
                whole = format!("{whole}: {}", told.text);
            }
            cause = &told.source;
        }
        whole
    }
}

/// What became of a mutation whose call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fate {
    /// It is not recorded: the state is as if the call had never been made, now and after every reopen.
    NotRecorded,
    /// It is recorded whole or not at all, and only a reopen can tell which.
    Unknown,
}

impl Error {
    /// What became of the mutation whose call returned this error.
    pub fn fate(&self) -> Fate {
        match self {
            Error::Commit { .. } | Error::Thread { .. } | Error::Outcome => Fate::Unknown,
            _ => Fate::NotRecorded,
        }
    }

    /// What a replay handler's error says, as an error that can go anywhere.
    pub(crate) fn handler(error: &dyn std::error::Error) -> Error {
        let source = Told::by(error);
        Error::Handler { reason: source.whole(), source: Arc::new(source) }
    }

    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>, source: io::Error) -> Error {
        Error::Io { action, path: path.into(), source: Arc::new(source) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_can_go_anywhere() {
        fn anywhere<T: Send + Sync + 'static + std::error::Error>() {}
        anywhere::<Error>();
    }

    #[test]
    fn a_handlers_error_keeps_every_text() {
        let deep = io::Error::other("the bottom");
        let middle = Error::Io { action: "open", path: "x".into(), source: Arc::new(deep) };
        let error = Error::handler(&Error::Failed { cause: Arc::new(middle.clone()) });
        let mut texts = Vec::new();
        let mut cause = std::error::Error::source(&error);
        while let Some(error) = cause {
            texts.push(error.to_string());
            cause = error.source();
        }
        assert_eq!(texts[1..], [middle.to_string(), "the bottom".to_string()]);
        assert_eq!(error.to_string().matches("the bottom").count(), 1, "{error}");
        assert_eq!(error.fate(), Fate::NotRecorded);
        let plain = Error::handler(&io::Error::other("why"));
        assert!(plain.to_string().starts_with("the replay handler failed: why; "), "{plain}");
    }

    #[test]
    fn only_what_may_be_on_disk_is_unknown() {
        assert_eq!(Error::Closed.fate(), Fate::NotRecorded);
        let commit = Error::Commit {
            action: "sync",
            path: "x".into(),
            offset: 8,
            lsn: Lsn::new(3),
            source: Arc::new(io::Error::other("no")),
        };
        assert_eq!(commit.fate(), Fate::Unknown);
        assert!(std::error::Error::source(&commit).is_some());
        assert_eq!(Error::Failed { cause: Arc::new(commit) }.fate(), Fate::NotRecorded);
    }
}
