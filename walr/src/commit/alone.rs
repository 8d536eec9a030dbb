//! Commits a single call on its caller's thread, when nothing else is pending.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::core::Core;
use super::state_half::{Fuse, apply_record};
use crate::error::Result;
use crate::lsn::Lsn;
use crate::options::Durability;
use crate::panic::{Quiet, drop_quietly};
use crate::schema::reentry::{self, Inside};
use crate::schema::results::ResultDigest;
use crate::schema::state::{Recorded, WalState};

/// The time that a caller waits for the commits of other callers, or for reads, before it leaves its call to the log thread.
const PATIENCE: Duration = Duration::from_micros(50);

/// The turns of a caller. Its drop ends them.
struct Turns<'a, S: Recorded> {
    core: &'a Core<S>,
    logs: bool,
}

impl<S: Recorded> Turns<'_, S> {
    /// Ends the log's turn.
    fn end_log(&mut self) {
        if std::mem::take(&mut self.logs) {
            self.core.queue.handover.logged_alone();
        }
    }
}

impl<S: Recorded> Drop for Turns<'_, S> {
    fn drop(&mut self) {
        self.core.queue.handover.done_alone(self.logs);
    }
}

impl<S: WalState> Core<S> {
    /// Commits one call on the caller's thread, if nothing is pending before it and it fits into the active segment. Returns the call
    /// otherwise. `record` is its encoding.
    pub(crate) fn commit_alone(
        &self,
        log: Quiet<S::Log>,
        record: &[u8],
    ) -> Result<Result<Quiet<S::Outcome>>, Quiet<S::Log>> {
        let Some(_alone) = self.alone.try_lock_for(PATIENCE) else { return Err(log) };
        if self.latch.get().is_some() || self.is_lost.load(Ordering::Acquire) || !self.queue.handover.try_alone() {
            return Err(log);
        }
        let mut turns = Turns { core: self, logs: true };
        let _fuse = Fuse::new(self);
        // Under `Sync`, reads go on during the sync. Otherwise the call takes the queue where reads take long.
        let live = match self.config.durability {
            Durability::Sync => None,
            _ => match self.live.try_write_for(PATIENCE) {
                Some(live) => Some(live),
                None => return Err(log),
            },
        };
        if live.as_ref().is_some_and(|live| live.behind.is_some()) {
            return Err(log);
        }
        let (lsn, wakes_clock) = {
            let mut half = self.log.lock();
            // The log thread sleeps without a deadline as long as there is nothing to sync and nothing to mark.
            let (was_marked, was_synced) = (half.journal.is_marked(), half.unsynced_since.is_none());
            let lsn = match half.commit_one(record) {
                None => return Err(log),
                Some(Err(error)) => return Ok(Err(error)),
                Some(Ok(lsn)) => lsn,
            };
            half.count();
            half.prepare();
            (lsn, was_marked || was_synced && half.unsynced_since.is_some())
        };
        if wakes_clock {
            self.queue.handover.nudge();
        }
        let mut live = match live {
            Some(live) => live,
            None => {
                turns.end_log();
                self.write()
            }
        };
        let entered = reentry::enter(self.id(), Inside::Mutation);
        live.keep_base(self.copy);
        let (mut result, digest) = match apply_record(&mut live, log, lsn) {
            Ok((outcome, digest)) => (Ok(outcome), digest),
            Err(error) => (Err(error), ResultDigest::default()),
        };
        live.lsn = lsn;
        if result.is_err() {
            let aborted = [(lsn, lsn)];
            self.rebuild(&mut live, &aborted, Lsn::new(lsn.get() - 1));
            if let Err(error) = self.abort(&mut live, &aborted, 1) {
                result = Err(error);
            }
        }
        let base = live.base.take();
        let shown = live.lsn;
        self.publish(shown, digest);
        drop(entered);
        drop(live);
        drop_quietly(base);
        let mut stats = self.stats.lock();
        stats.groups += 1;
        stats.last = stats.last.max(shown);
        stats.records += u64::from(shown == lsn);
        drop(stats);
        Ok(result)
    }
}
