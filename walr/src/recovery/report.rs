//! What an open found.

use std::path::PathBuf;
use std::time::Duration;

use crate::error::Error;
use crate::lsn::Lsn;

/// What the open of a store found and did; from [`Store::recovery`](crate::Store::recovery).
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Recovery {
    /// Whether the store was created by this open.
    pub created: bool,
    /// The LSN of the checkpoint that the state was loaded from.
    pub checkpoint: Lsn,
    /// The length of that checkpoint's file, in bytes.
    pub checkpoint_bytes: u64,
    /// The version of the state that the checkpoint was written under, where it was migrated from that.
    pub migrated_from: Option<u32>,
    /// The LSN of the last record in the log: the state is as of this one.
    pub last: Lsn,
    /// How many records of the log were replayed on top of the checkpoint.
    pub records: u64,
    /// How many bytes these records take.
    pub bytes: u64,
    /// How many bytes the log above the checkpoint takes, with its frames and the padding between them.
    pub(crate) log_bytes: u64,
    /// How many of the replayed records were made by other code of the same mutations than this program's.
    pub records_of_other_code: u64,
    /// What was cut off the end of the log, as a power cut leaves of writes that nobody had acknowledged.
    pub cut: Vec<Cut>,
    /// Damaged checkpoints that an older one stood in for, each renamed to `.bad`.
    pub bypassed: Vec<Bypassed>,
    /// Records that panicked on replay and were aborted by this open: the first and the last LSN of each.
    pub aborted: Vec<(Lsn, Lsn)>,
    /// How long the recovery took.
    pub took: Duration,
}

/// The torn end of the log.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Cut {
    /// The file.
    pub path: PathBuf,
    /// Where its last valid frame ends.
    pub offset: u64,
    /// How many bytes stood behind it.
    pub bytes: u64,
    /// The copy of them (of the first MiB, if there were more), of which the newest 16 are kept; `None` where none could be
    /// written, as on a full disk, or where `salvage` isn't a folder: then they stay in the file.
    pub copy: Option<PathBuf>,
}

/// A checkpoint that was found damaged.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Bypassed {
    /// Its file, before it was renamed.
    pub path: PathBuf,
    /// Where the damage was met.
    pub offset: u64,
    /// What is wrong.
    pub reason: String,
}

/// What an open would do; from [`Options::dry_run`](crate::Options::dry_run).
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct DryRun {
    /// Whether the open would create the store, because there is none.
    pub creates: bool,
    /// The error that the open would return.
    pub refused: Option<Error>,
    /// What the open would report; as far as it came, where it would be refused. Nothing of it was done: no copy was made of what
    /// is to be cut off, and no damaged checkpoint was renamed.
    pub recovery: Recovery,
}
