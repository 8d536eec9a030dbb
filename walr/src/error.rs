//! What can go wrong, and what to do next.

mod told;

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

pub use self::told::Told;
pub(crate) use self::told::in_one_line;
use crate::lsn::Lsn;

/// What walr's calls return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a call failed: what, where (path, byte offset, LSN, where they exist), and what to do next.
///
/// No message ever holds an argument's value. [`fate`](Error::fate) tells whether the mutation may have been recorded;
/// each variant says which it is.
///
/// `Display` says what happened and what to do, and leaves the cause to [`source`](std::error::Error::source): whoever prints
/// an error for a person prints its sources too, as `anyhow` and `eyre` do. `Debug` shows all of them in one line, so that
/// `fn main() -> walr::Result<()>` tells the whole.
///
/// ```
/// # let error = walr::Error::Io { action: "open", path: "cache".into(), source: std::sync::Arc::new(std::io::ErrorKind::NotFound.into()) };
/// eprintln!("{error}");
/// let mut cause = std::error::Error::source(&error);
/// while let Some(error) = cause {
///     eprintln!("caused by: {error}");
///     cause = error.source();
/// }
/// # assert!(format!("{error:?}").ends_with("try again: entity not found"), "{error:?}");
/// ```
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A call to the file system failed, and nothing of the store was changed by it. Fate: not recorded.
    #[error("can't {action} {}; the store is as it was, so fix the cause and try again", .path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: Arc<io::Error>,
    },

    /// The disk has no space for the next segment. Nothing was recorded, and the store works again when there is space.
    /// Fate: not recorded.
    #[error("no space for {needed} bytes of {}; nothing was recorded, so free some space and call again", .path.display())]
    Full {
        /// The file that was to be reserved.
        path: PathBuf,
        /// How many bytes it needs.
        needed: u64,
        /// What the operating system said.
        source: Arc<io::Error>,
    },

    /// The write or the sync of this call's group failed, or the segment was removed from under the store. Fate: unknown; the call is there whole or not at all, and only
    /// a reopen can tell.
    #[error("can't {action} {} at byte {offset} (from lsn {lsn} on); whether the call is recorded shows when the store is opened again", .path.display())]
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
    #[error("the store takes no more mutations, because of an earlier failure; close it and open it again")]
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

    /// A call was polled inside a `read` of the same store or inside a mutation's body, where it would wait for itself. Fate: as
    /// the field `fate` says; unknown for a call that was begun outside, and was in flight already.
    #[error("a call was awaited inside {} of the same store, where it would wait for itself; await it outside of that (`Error::fate` tells whether it may be recorded)", .place)]
    Reentrant {
        /// Where the call stood.
        place: &'static str,
        /// What became of it.
        fate: Fate,
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

    /// The batch holds more records than one frame of the log can count. Fate: not recorded.
    #[error("the batch holds {records} records and the log takes at most {max} in one; split it")]
    TooMany {
        /// How many records the batch holds.
        records: u64,
        /// The most that a batch may hold.
        max: u64,
    },

    /// The mutation panicked, was aborted, and never happened; what a power cut can do to that is told at [`Durability`](crate::Durability). Fate: not recorded.
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
    #[error("the replay handler failed; nothing was changed, so fix its cause and replay again")]
    Handler {
        /// The handler's error, as texts.
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
        "the store is closed and nothing is lost, but its last checkpoint couldn't be written; the next open replays the log"
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
            Error::Reentrant { fate, .. } => *fate,
            _ => Fate::NotRecorded,
        }
    }

    /// What a replay handler's error says, as an error that can go anywhere.
    pub(crate) fn handler(error: &dyn std::error::Error) -> Error {
        Error::Handler { source: Arc::new(Told::by(error)) }
    }

    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>, source: io::Error) -> Error {
        Error::Io { action, path: path.into(), source: Arc::new(source) }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&in_one_line(self))
    }
}

#[cfg(test)]
mod tests;
