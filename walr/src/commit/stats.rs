//! Figures of an open store.

use crate::error::Error;
use crate::lsn::Lsn;

/// Figures of a store since it was opened; from [`Durable::stats`](crate::Durable::stats).
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Stats {
    /// The LSN of the last applied record.
    pub last: Lsn,
    /// The LSN up to which the log is known to be on stable storage.
    pub durable: Lsn,
    /// Records that were applied.
    pub records: u64,
    /// Groups that were committed: calls that were made at once share one.
    pub groups: u64,
    /// Syncs of the log's files.
    pub syncs: u64,
    /// Bytes appended to the log, frames and all.
    pub log_bytes: u64,
    /// Mutations that panicked and were taken back.
    pub panics: u64,
    /// The LSN of the newest checkpoint.
    pub checkpoint: Lsn,
    /// Checkpoints that were written.
    pub checkpoints: u64,
    /// Why the newest attempt to write a checkpoint failed; `None` when it didn't. The log is kept, and it is tried again
    /// after as much log again. Its sources say more; `{:?}` shows all of it.
    pub checkpoint_error: Option<Error>,
    /// Why a file that the newest checkpoint makes needless couldn't be removed; `None` when all could. Meanwhile it takes space, with
    /// the log behind it; it is tried again after the next checkpoint, and by the next open, which fails if it still can't be.
    pub removal_error: Option<Error>,
}
