//! The error type of walr's calls.

mod handler;

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

pub use self::handler::HandlerError;
pub(crate) use self::handler::in_one_line;
use crate::lsn::Lsn;

/// The result of walr's calls.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The reason why a call failed.
///
/// A message says what happened, where (a path, a byte offset, an LSN), and what to do next. No message contains the value of
/// an argument. [`fate`](Error::fate) tells whether the call may be recorded, and so do the docs of each variant.
///
/// `Display` leaves the cause to [`source`](std::error::Error::source): print an error together with its sources, as `anyhow`
/// and `eyre` do. `Debug` prints them all in one line, and so does a `main` that returns `walr::Result<()>`.
///
/// ```
/// # let error = walr::Error::Io { action: "open", path: "cache".into(), source: std::sync::Arc::new(std::io::ErrorKind::NotFound.into()) };
/// eprintln!("{error}");
/// let mut source = std::error::Error::source(&error);
/// while let Some(error) = source {
///     eprintln!("caused by: {error}");
///     source = error.source();
/// }
/// # assert!(format!("{error:?}").ends_with("try again: entity not found"), "{error:?}");
/// ```
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A call to the file system failed, and the store didn't change. Fate: not recorded.
    #[error("can't {action} {}; the store is unchanged; fix the cause and try again", .path.display())]
    Io {
        /// The operation, such as `open`.
        action: &'static str,
        /// The file or the folder.
        path: PathBuf,
        /// The error of the operating system.
        source: Arc<io::Error>,
    },

    /// The disk has no space for the next segment, or for a checkpoint. The store works again once there is space. Fate: not
    /// recorded.
    #[error("no space for {needed} bytes in {}; nothing was recorded; free some space and call again", .path.display())]
    Full {
        /// The file.
        path: PathBuf,
        /// The number of bytes that the file needs.
        needed: u64,
        /// The error of the operating system.
        source: Arc<io::Error>,
    },

    /// A write or a sync of the log failed, or the segment's file was removed while the store was open. Fate: unknown; the
    /// whole call is recorded or nothing of it, and only a reopen can tell.
    #[error("can't {action} {} at byte {offset}, from lsn {lsn} on; the call may be recorded; open the store again to find out", .path.display())]
    Commit {
        /// The operation: a write, a sync, or both.
        action: &'static str,
        /// The segment.
        path: PathBuf,
        /// The offset of the write in the segment.
        offset: u64,
        /// The first LSN that may not be durable.
        lsn: Lsn,
        /// The error of the operating system.
        source: Arc<io::Error>,
    },

    /// An earlier write or sync failed. The store writes nothing after that, and reads go on. Fate: not recorded.
    #[error("the store takes no mutations after an earlier failure; close it and open it again")]
    Failed {
        /// The first failure.
        #[source]
        cause: Arc<Error>,
    },

    /// The store is closed. Fate: not recorded.
    #[error("the store is closed; open it again to make calls")]
    Closed,

    /// This process was forked after the store was opened. Fate: not recorded.
    #[error(
        "this process was forked after the store was opened; only the parent can use this store; open another store in the child"
    )]
    Forked,

    /// A call was polled inside a `read` of the same store, or inside the body of a mutation, where it would wait for itself.
    /// Fate: as the field `fate` says; unknown for a call that was in flight before.
    #[error("a call was awaited inside {} of the same store and would wait for itself; await it outside; `Error::fate` tells whether it may be recorded", .place)]
    Reentrant {
        /// The surrounding call.
        place: &'static str,
        /// The fate of the call.
        fate: Fate,
    },

    /// A value of the state or of an argument can't be encoded, or would be read back as another value. An open returns this error if
    /// samples of a type show that. Fate: not recorded.
    #[error("{what} can't be {step}: {reason}")]
    Codec {
        /// The name of the state or the mutation, with the field or the argument if it is known.
        what: String,
        /// The step that failed, such as `encoded` or `read back`.
        step: &'static str,
        /// The reason, and the way out.
        reason: String,
    },

    /// The record is larger than [`Options::max_record_size`](crate::Options::max_record_size). Fate: not recorded.
    #[error(
        "the record of `{mutation}` takes {size} bytes, and the limit is {max}; raise `Options::max_record_size` or split the call"
    )]
    TooLarge {
        /// The mutation.
        mutation: &'static str,
        /// The record's size in bytes.
        size: u64,
        /// The limit in bytes.
        max: u64,
    },

    /// The batch holds more records than one frame of the log can count. Fate: not recorded.
    #[error("the batch holds {records} records, and the limit is {max}; split the batch")]
    TooMany {
        /// The number of records in the batch.
        records: u64,
        /// The limit.
        max: u64,
    },

    /// The mutation panicked and was rolled back. [`Durability`](crate::Durability) says when a power cut can bring the call
    /// back. Fate: not recorded.
    #[error("the mutation `{mutation}` (lsn {lsn}) panicked: {message}; the call was rolled back; fix the mutation")]
    Panicked {
        /// The mutation.
        mutation: &'static str,
        /// The LSN of the call. No other record gets it.
        lsn: Lsn,
        /// The panic's message.
        message: String,
    },

    /// A mutation panicked while the log was replayed, and its record may be that of an acknowledged call. Fate: not recorded
    /// (the store doesn't open).
    #[error("{}: the replay of `{mutation}` (lsn {lsn}) panicked: {message}; {advice}", .path.display())]
    ReplayPanicked {
        /// The store.
        path: PathBuf,
        /// The mutation's name on disk.
        mutation: String,
        /// The LSN of the record.
        lsn: Lsn,
        /// The panic's message.
        message: String,
        /// The reason for the refusal, and the way out.
        advice: &'static str,
    },

    /// Bytes that were durable are corrupt or missing. Nothing on disk was changed. Fate: not recorded.
    #[error("{} is corrupt at byte {offset} (after lsn {after}): {reason}; nothing was changed; restore the file from a backup", .path.display())]
    Corrupt {
        /// The corrupt file.
        path: PathBuf,
        /// The offset of the corruption.
        offset: u64,
        /// The last LSN before it that is known to be intact.
        after: Lsn,
        /// The finding, and the proof of it.
        reason: String,
    },

    /// A file of the store is missing, or belongs to another store. Nothing on disk was changed. Fate: not recorded.
    #[error("{}: {reason}; nothing was changed; put the right files back", .path.display())]
    Missing {
        /// The file or the folder.
        path: PathBuf,
        /// The finding.
        reason: String,
    },

    /// A newer walr wrote the file, or a walr with another codec. Nothing on disk was changed. Fate: not recorded.
    #[error("{} has {what} {found}, which this walr doesn't know; open it with a newer walr", .path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// The unknown part: the format, a required flag, the codec, or the block size.
        what: &'static str,
        /// Its number in the file.
        found: u32,
    },

    /// The folder is in a format that this version doesn't read: that of walr 0.1, or format 1, which was never released. Nothing on disk
    /// was changed. Fate: not recorded.
    #[error("{} is in {format}; nothing was changed; {advice}", .path.display())]
    Older {
        /// The old file.
        path: PathBuf,
        /// The file's format.
        format: &'static str,
        /// The way out.
        advice: &'static str,
    },

    /// The replay handler of a [`WAL`](crate::WAL) returned an error, or kept the state. Nothing on disk was changed. Fate: not
    /// recorded.
    #[error("the replay handler failed; nothing was changed; fix the cause and replay again")]
    Handler {
        /// The handler's error, as text.
        source: Arc<HandlerError>,
    },

    /// The folder holds a state, or mutations, in a form that this program doesn't know. Nothing was applied, and nothing on
    /// disk was changed. Fate: not recorded.
    #[error("{}: {reason}", .path.display())]
    Schema {
        /// The store.
        path: PathBuf,
        /// The differences, and the ways out.
        reason: String,
    },

    /// The migration of an older version's checkpoint panicked. Nothing on disk was changed. Fate: not recorded (the store
    /// doesn't open).
    #[error("{}: the migration from version {from} to {to}, {migration}, panicked: {message}; nothing was changed; fix the migration and open again", .path.display())]
    Migration {
        /// The checkpoint.
        path: PathBuf,
        /// The older version.
        from: u32,
        /// The version after it.
        to: u32,
        /// The conversion, such as `impl From<CacheV1> for Cache`.
        migration: String,
        /// The panic's message.
        message: String,
    },

    /// A replay returned other results than the calls did, and
    /// [`Options::on_changed_results`](crate::Options::on_changed_results) refuses its state. Nothing on disk was changed. Fate: not
    /// recorded (the store doesn't open).
    #[error("{}: the replay of lsn {first} to {last} returned other results than the calls of {} did; {reason}; nothing was changed; open the store with the program that made the calls and close it, or fix the mutation, or keep the replayed state with `on_changed_results(ChangedResults::Accept)`", .path.display(), in_code(.mutations))]
    ChangedResults {
        /// The store.
        path: PathBuf,
        /// The first record of the interval that differs.
        first: Lsn,
        /// The last record of the interval.
        last: Lsn,
        /// The names on disk of the interval's mutations whose results count, each once; of all its mutations if none counts.
        mutations: Vec<String>,
        /// The possible reasons, such as `the code was changed, or isn't deterministic`.
        reason: &'static str,
    },

    /// [`Store::verify_replay`](crate::Store::verify_replay) built a state from disk that differs from the live one. Fate: not
    /// recorded (there was nothing to record).
    #[error("{}: {reason}; a replay can't be trusted after lsn {trusted}; fix the mutation: take values from outside the state as arguments or by `#[record(..)]`", .path.display())]
    Diverged {
        /// The store.
        path: PathBuf,
        /// The newest LSN up to which replays agreed.
        trusted: Lsn,
        /// The first record at which two replays differed, if they did.
        lsn: Option<Lsn>,
        /// The name on disk of that record's mutation.
        mutation: Option<String>,
        /// The difference.
        reason: String,
    },

    /// The store is open already, in this process or in another. Fate: not recorded.
    #[error("{} is open already, in this process or in another; close it there first", .path.display())]
    Locked {
        /// The store's folder.
        path: PathBuf,
    },

    /// An option has a value that isn't allowed. Fate: not recorded.
    #[error("the option `{option}` can't be {value}: {reason}")]
    Option {
        /// The option's name.
        option: &'static str,
        /// The value that was set.
        value: String,
        /// The allowed values.
        reason: &'static str,
    },

    /// The checkpoint of a close failed. The store is closed, and its log holds every acknowledged call. Fate: not recorded
    /// (there was nothing to record).
    #[error(
        "the checkpoint of the close failed; the store is closed and nothing is lost; the next open replays the log"
    )]
    NoCheckpoint {
        /// The failure of the checkpoint.
        #[source]
        cause: Arc<Error>,
    },

    /// A thread of the store couldn't be started, or it panicked. The store takes no more mutations. Fate: unknown.
    #[error("a thread of the store failed: {reason}; close the store and open it again")]
    Thread {
        /// The failure.
        reason: String,
    },
}

/// The fate of a call that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fate {
    /// The call isn't recorded. The state is as if it had never been made, now and after every reopen.
    NotRecorded,
    /// The whole call is recorded or nothing of it, and only a reopen can tell.
    Unknown,
}

impl Error {
    /// Returns the fate of the call that returned this error.
    ///
    /// ```
    /// use walr::{Error, Fate};
    ///
    /// assert_eq!(Error::Closed.fate(), Fate::NotRecorded); // the call can be made again
    /// ```
    pub fn fate(&self) -> Fate {
        match self {
            Error::Commit { .. } | Error::Thread { .. } => Fate::Unknown,
            Error::Reentrant { fate, .. } => *fate,
            _ => Fate::NotRecorded,
        }
    }

    /// Wraps the error of a replay handler.
    pub(crate) fn handler(error: &dyn std::error::Error) -> Error {
        Error::Handler { source: Arc::new(HandlerError::new(error)) }
    }

    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>, source: io::Error) -> Error {
        Error::Io { action, path: path.into(), source: Arc::new(source) }
    }
}

/// Joins names, each in backticks.
fn in_code(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&in_one_line(self))
    }
}

#[cfg(test)]
mod tests;
