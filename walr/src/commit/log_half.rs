//! The log half: everything that is written to the log. Its lock is held for I/O alone: no code of the user runs under it, no `Drop` of
//! a user's value, and no waker.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::base::StoreBase;
use super::old_files::OldFiles;
use super::stats::Stats;
use crate::error::{Error, Result};
use crate::log::frame::{HEADER, LsnRange};
use crate::log::journal::Journal;
use crate::log::layout::checkpoint_name;
use crate::lsn::Lsn;
use crate::options::Durability;
use crate::recovery::LogSnapshot;

/// `Periodic` keeps records in the process. Beyond this many bytes they are written to the operating system.
const MOST_UNWRITTEN: usize = 1 << 20;

/// The open log, its aborts, and the checkpoints that it is read above.
pub(crate) struct LogHalf {
    pub(super) base: Arc<StoreBase>,
    pub(crate) journal: Journal,
    /// The aborted LSNs, since the oldest checkpoint.
    pub(super) aborts: Vec<LsnRange>,
    /// The checkpoints, oldest first.
    pub(crate) checkpoints: Vec<Lsn>,
    /// The time of the oldest record that isn't synced yet.
    pub(super) unsynced_since: Option<Instant>,
}

impl LogHalf {
    pub(super) fn new(base: Arc<StoreBase>, journal: Journal, aborts: Vec<LsnRange>, checkpoints: Vec<Lsn>) -> LogHalf {
        LogHalf { base, journal, aborts, checkpoints, unsynced_since: None }
    }

    /// Records a group of `calls` calls as one frame, as durable as the options ask. Returns its first LSN, and the space that is
    /// reserved for its abort. `frame` is [`HEADER`] free bytes and the encodings of `records` records.
    ///
    /// # Errors
    ///
    /// Nothing is recorded after [`Error::Full`], [`Error::Io`] and [`Error::Failed`].
    pub(super) fn commit(&mut self, frame: &mut Vec<u8>, records: u32, calls: usize) -> Result<(Lsn, u64)> {
        self.base.failed()?;
        // Each group whose calls aren't applied yet can still need an abort.
        let abort_space = self.journal.abort_space(calls);
        let pending = self.base.progress.lock().abort_space;
        let has_recovered_aborts = self.journal.has_unwritten_aborts();
        let reserved = self.journal.reserve_space(frame.len() - HEADER, pending + abort_space);
        reserved.map_err(|error| self.not_recorded(error))?;
        self.stamp();
        let first = self.journal.append_batch(frame, records);
        // Nothing is shown above a record that recovery aborted before that abort is durable.
        let persisted = if has_recovered_aborts { self.journal.sync() } else { self.persist() };
        self.latched(persisted)?;
        self.base.progress.lock().abort_space += abort_space;
        self.count();
        Ok((first, abort_space))
    }

    /// Records one call on the caller's thread. Returns `None`, and records nothing, if the record doesn't fit into the active segment.
    pub(super) fn commit_one(&mut self, record: &[u8]) -> Option<Result<Lsn>> {
        if self.journal.has_unwritten_aborts() || !self.journal.has_space_for(record.len()) {
            return None;
        }
        self.stamp();
        let lsn = self.journal.append_record(record);
        let persisted = self.persist();
        let persisted = self.latched(persisted);
        self.note_unsynced();
        Some(persisted.map(|()| lsn))
    }

    /// Passes the newest applied LSN to the journal, for the next frame.
    fn stamp(&mut self) {
        let (applied, digest) = self.base.progress.lock().take();
        self.journal.stamp(applied, digest);
    }

    /// Makes the appended frames as durable as the options ask.
    fn persist(&mut self) -> Result<()> {
        match self.base.config.durability {
            Durability::Sync => self.journal.sync(),
            Durability::Os => self.journal.write(),
            Durability::Periodic(_) if self.journal.unwritten() > MOST_UNWRITTEN => self.journal.write(),
            Durability::Periodic(_) => Ok(()),
        }
    }

    /// Latches the store if a write or a sync has failed.
    fn latched(&self, result: Result<()>) -> Result<()> {
        result.inspect_err(|error| drop(self.base.latch(error.clone())))
    }

    /// Returns the error of a call for which no space could be reserved. Nothing of the call is recorded.
    fn not_recorded(&self, error: Error) -> Error {
        match error {
            // The seal of the old segment failed.
            Error::Commit { .. } => Error::Failed { cause: self.base.latch(error) },
            other => other,
        }
    }

    /// Makes everything in the log durable, and returns the last LSN of the log.
    pub(crate) fn sync(&mut self) -> Result<Lsn> {
        self.base.failed()?;
        self.stamp();
        let synced = self.journal.sync();
        self.count();
        self.latched(synced)?;
        Ok(self.last())
    }

    /// Returns the last LSN of the log.
    pub(super) fn last(&self) -> Lsn {
        Lsn::new(self.journal.next_lsn().get() - 1)
    }

    /// Makes everything in the log durable, and returns the log up to the newest applied LSN, for a replay.
    pub(crate) fn snapshot(&mut self) -> Result<LogSnapshot> {
        // Read before the sync, so that all of it is durable.
        let applied = self.base.progress.lock().applied;
        self.sync()?;
        Ok(self.log_up_to(applied, &[]))
    }

    /// Returns the log up to an LSN, without the aborted records and those of `aborted`.
    pub(super) fn log_up_to(&self, up_to: Lsn, aborted: &[LsnRange]) -> LogSnapshot {
        let aborts = [&self.aborts[..], aborted].concat();
        let checkpoint = self.checkpoints.last().copied().unwrap_or_default();
        LogSnapshot { checkpoint, extents: self.journal.extents(), aborts, up_to }
    }

    /// Writes what is still in the process to the operating system, so that a replay can read it.
    pub(super) fn write(&mut self) -> Result<()> {
        self.base.failed()?;
        let written = self.journal.write();
        self.latched(written)
    }

    /// Records an abort of these LSNs: durable under `Sync`, and written to the operating system otherwise. The space for it was reserved
    /// with the calls.
    pub(super) fn abort(&mut self, aborted: &[LsnRange]) -> Result<()> {
        if let Some(cause) = self.base.latch.get() {
            return Err((**cause).clone());
        }
        self.stamp();
        self.journal.append_abort(aborted);
        let sync = self.base.config.durability == Durability::Sync;
        let written = if sync { self.journal.sync() } else { self.journal.write() };
        self.latched(written)?;
        self.aborts.extend_from_slice(aborted);
        self.count();
        Ok(())
    }

    /// Aborts every record above `above`, as durably as a call is recorded, and returns the last LSN of the log.
    ///
    /// The live state doesn't change: this is for a layer whose records the program applies. A repetition changes nothing. No call may be
    /// in flight.
    pub(crate) fn abort_above(&mut self, above: Lsn) -> Result<Lsn> {
        self.base.failed()?;
        // A record that a checkpoint contains can't be aborted.
        let above = above.max(self.checkpoints.last().copied().unwrap_or_default());
        let last = self.last();
        if last <= above {
            return Ok(last);
        }
        let reserved = self.journal.reserve_space(0, self.journal.abort_space(1));
        reserved.map_err(|error| self.not_recorded(error))?;
        let range = (Lsn::new(above.get() + 1), last);
        self.stamp();
        self.journal.append_abort(&[range]);
        let persisted = self.persist();
        self.latched(persisted)?;
        self.aborts.push(range);
        self.count();
        self.prepare();
        Ok(last)
    }

    /// Writes a mark, if the log doesn't end in one. Returns `false` if it must wait, because calls aren't applied yet.
    pub(crate) fn mark(&mut self) -> bool {
        if self.base.latch.get().is_some() {
            return true;
        }
        if self.base.progress.lock().abort_space > 0 {
            return false;
        }
        self.stamp();
        let marked = self.journal.mark();
        self.count();
        match marked {
            Ok(()) | Err(Error::Full { .. } | Error::Io { .. }) => {}
            Err(error) => drop(self.base.latch(error)),
        }
        true
    }

    /// Ends the log cleanly, unless it has failed.
    pub(crate) fn close(&mut self) -> Result<()> {
        self.base.failed()?;
        self.stamp();
        let closed = self.journal.close();
        self.latched(closed)
    }

    /// Begins to prepare the next segment, if it is time.
    pub(super) fn prepare(&mut self) {
        if self.base.latch.get().is_none() {
            self.journal.prepare_next_segment();
        }
    }

    /// Adds `lsn` as the newest checkpoint, and returns the files that only checkpoints before the newest two need: none if the store has
    /// failed, or if a verification reads them.
    pub(crate) fn add_checkpoint(&mut self, lsn: Lsn) -> OldFiles {
        if self.checkpoints.last() != Some(&lsn) {
            self.checkpoints.push(lsn);
        }
        let old = self.checkpoints.len().saturating_sub(2);
        if self.base.latch.get().is_some() || self.base.pins.load(Ordering::Acquire) > 0 {
            return OldFiles::default();
        }
        let segments = self.journal.segments_below(self.checkpoints[old]);
        OldFiles { checkpoints: self.checkpoints[..old].to_vec(), segments }
    }

    /// Notes that these files were removed.
    pub(crate) fn note_removed(&mut self, removed: &OldFiles) {
        self.checkpoints.retain(|lsn| !removed.checkpoints.contains(lsn));
        let oldest = self.checkpoints.first().copied().unwrap_or_default();
        self.aborts.retain(|(_, last)| *last > oldest);
        self.journal.note_removed(&removed.segments);
    }

    /// Removes the file of a checkpoint that failed: its rename may have happened when the sync of the folder failed. Otherwise the records
    /// that it contains could still be aborted, and the next open would find them.
    pub(super) fn remove_failed_checkpoint(&mut self, lsn: Lsn) {
        if self.checkpoints.contains(&lsn) {
            return;
        }
        let dir = &self.base.dir;
        if let Err(error) = dir.remove_if_there(&checkpoint_name(lsn)).and_then(|()| dir.sync()) {
            self.base.latch(error);
        }
    }

    /// Copies the sizes of the log to the statistics, and notes since when records aren't synced.
    pub(super) fn count(&mut self) {
        let mut stats = self.base.stats.lock();
        self.count_in(&mut stats);
        drop(stats);
        self.note_unsynced();
    }

    fn count_in(&self, stats: &mut Stats) {
        let journal = &self.journal;
        (stats.syncs, stats.log_bytes, stats.durable) = (journal.syncs(), journal.appended(), journal.durable_lsn());
    }

    /// Returns the time at which the records in the log must be synced.
    pub(super) fn sync_deadline(&self) -> Option<Instant> {
        let Durability::Periodic(period) = self.base.config.durability else { return None };
        self.unsynced_since.and_then(|since| since.checked_add(period))
    }

    fn note_unsynced(&mut self) {
        if !self.journal.has_unsynced() {
            self.unsynced_since = None;
        } else if self.unsynced_since.is_none() {
            self.unsynced_since = Some(Instant::now());
        }
    }
}
