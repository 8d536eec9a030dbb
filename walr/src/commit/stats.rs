//! Counts and sizes of an open store.

use crate::error::Error;
use crate::lsn::Lsn;

/// Counts and sizes of a store since its open. [`Durable::stats`](crate::Durable::stats) returns them.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Stats {
    /// The LSN of the last applied record.
    pub last: Lsn,
    /// The last LSN that is known to be on stable storage.
    pub durable: Lsn,
    /// The number of records that were applied.
    pub records: u64,
    /// The number of groups that were committed. Calls that are made at the same time share a group.
    pub groups: u64,
    /// The number of syncs of the log's files.
    pub syncs: u64,
    /// The bytes that were appended to the log, with frames and padding.
    pub log_bytes: u64,
    /// The number of mutations that panicked and were rolled back.
    pub panics: u64,
    /// The LSN of the newest checkpoint.
    pub checkpoint: Lsn,
    /// The number of checkpoints that were written.
    pub checkpoints: u64,
    /// The error of the newest attempt to write a checkpoint, if it failed. The store keeps the log, and tries again once the log has grown
    /// by as much again.
    pub checkpoint_error: Option<Error>,
    /// The error of removing a file that the newest checkpoint replaces, if there was one. The file and the log after it stay until the next
    /// checkpoint, or the next open, removes them. An open that can't remove them fails.
    pub removal_error: Option<Error>,
}
