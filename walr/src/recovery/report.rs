//! The report of a recovery.

use std::path::PathBuf;
use std::time::Duration;

use crate::error::Error;
use crate::lsn::Lsn;

/// The report of an open: what it found and did. [`Store::recovery`](crate::Store::recovery) returns it.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Recovery {
    /// `true` if this open created the store.
    pub created: bool,
    /// The LSN of the checkpoint that the state was loaded from.
    pub checkpoint: Lsn,
    /// The length of that checkpoint's file, in bytes.
    pub checkpoint_bytes: u64,
    /// The version of the state in the checkpoint, if the open migrated it.
    pub migrated_from: Option<u32>,
    /// The LSN of the last record in the log, and of the state.
    pub last: Lsn,
    /// The number of records that were replayed on top of the checkpoint.
    pub records: u64,
    /// The size of these records in bytes.
    pub bytes: u64,
    /// The size of the log above the checkpoint in bytes, with frames and padding.
    pub(crate) log_bytes: u64,
    /// The number of replayed records that other code of the same mutations made.
    pub records_of_other_code: u64,
    /// `true` if the replay returned other results than the calls did, and
    /// [`on_changed_results`](crate::Options::on_changed_results) accepted them.
    pub accepted_results: bool,
    /// The number of replayed records whose results weren't compared with those of the calls, because the type of the result was changed.
    pub results_not_compared: u64,
    /// `true` if the store writes a checkpoint before it serves.
    pub(crate) needs_checkpoint: bool,
    /// The torn ends that were cut off the log: what a power cut leaves of writes that weren't acknowledged.
    pub cut: Vec<Cut>,
    /// The corrupt checkpoints that an older one replaced, each renamed to `.bad`.
    pub bypassed: Vec<Bypassed>,
    /// The records that panicked on replay and that this open aborted: the first and the last LSN of each call. The log doesn't say that
    /// any of these calls was answered. A call whose mutation panics only sometimes may have been answered, if it succeeded then.
    pub aborted: Vec<(Lsn, Lsn)>,
    /// The duration of the recovery.
    pub took: Duration,
}

/// A torn end of the log that an open cut off.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Cut {
    /// The file.
    pub path: PathBuf,
    /// The end of its last valid frame.
    pub offset: u64,
    /// The number of bytes after that.
    pub bytes: u64,
    /// The copy of these bytes, or of the first MiB. The store keeps the newest 16 copies. `None` if no copy could be written, for example
    /// on a full disk, or if `salvage` isn't a folder: then the bytes stay in the file.
    pub copy: Option<PathBuf>,
}

/// A corrupt checkpoint that an open replaced by an older one.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Bypassed {
    /// The file, under the name that it had before.
    pub path: PathBuf,
    /// The offset of the corruption.
    pub offset: u64,
    /// The finding.
    pub reason: String,
}

/// The result of a dry run: what an open would do. [`Options::dry_run`](crate::Options::dry_run) returns it.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct DryRun {
    /// `true` if the open would create the store.
    pub creates: bool,
    /// The error that the open would return.
    pub refused: Option<Error>,
    /// The report of the open, up to the error if there is one. Nothing in it has happened: no copy of a torn end was made, and no corrupt
    /// checkpoint was renamed.
    pub recovery: Recovery,
}
