//! Group commit: the calls that came in together become one frame, one sync, and then they are applied in order.
//!
//! A handle calls `front`; `queue` holds the waiting calls; `writer` is the thread that takes them; `checkpointer` writes checkpoints beside
//! the writer; `core` is shared by all of them and the handles. This file commits one group.

pub(crate) mod answer;
mod apply;
pub(crate) mod checkpointer;
pub(crate) mod core;
mod front;
pub(crate) mod origin;
pub(crate) mod queue;
pub(crate) mod rebuild;
pub(crate) mod retire;
mod stats;
#[cfg(test)]
mod tests;
mod undo;
mod writer;

pub(crate) use self::core::Core;
pub(crate) use self::front::Front;
pub(crate) use self::queue::{Group, Request};
pub use self::stats::Stats;
pub(crate) use self::writer::run;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use self::answer::Answer;
use self::apply::apply_record;
use self::front::PATIENCE;
use self::retire::Outdated;
use crate::error::{Error, Result};
use crate::log::frame::{HEADER, LsnRange};
use crate::log::journal::Journal;
use crate::log::layout::StoreDir;
use crate::lsn::Lsn;
use crate::options::{Durability, Options};
use crate::panic::{Quiet, drop_quietly};
use crate::recovery::{LogSnapshot, OpenedStore};
use crate::schema::Schema;
use crate::schema::reentry::{self, Inside};
use crate::schema::state::{Recorded, WalState};

/// `Periodic` keeps records in the process; beyond this many bytes they are handed to the operating system.
const MOST_KEPT: usize = 1 << 20;

/// Writes the log and applies calls. It is behind a mutex: the writer's thread uses it, or a caller's that commits by itself.
pub(crate) struct Committer<S: Recorded> {
    pub(crate) core: Arc<Core<S>>,
    pub(crate) journal: Journal,
    /// LSNs that were taken back, since the oldest checkpoint.
    aborts: Vec<LsnRange>,
    /// The checkpoints that count, oldest first.
    pub(crate) checkpoints: Vec<Lsn>,
    /// An answer per call of the group at work; kept for its memory.
    answers: Vec<Answer<S>>,
    /// How many calls were waiting already when the last group's first was answered.
    others: usize,
    /// When the oldest record that isn't synced yet came in.
    pub(crate) unsynced_since: Option<Instant>,
}

impl<S: WalState> Committer<S> {
    /// Takes over what a recovery opened. `ahead` lets the next segment be made on a thread.
    pub(crate) fn new(
        dir: StoreDir,
        options: Options<S>,
        mut opened: OpenedStore<S>,
        ahead: bool,
    ) -> Result<Committer<S>> {
        let encode = |reason| Error::Codec { what: "the schema".to_string(), step: "encoded", reason };
        let schema = Schema::of::<S>().encode().map_err(encode)?;
        let size = options.config.segment_size;
        let syncs = options.config.durability == Durability::Sync && !options.config.only_reserve;
        let position = opened.position.take();
        let mut journal = Journal::new(dir.clone(), opened.identity.store, schema, size, syncs, ahead, position);
        if !options.config.power_safe_overwrite {
            journal.pad();
        }
        match journal.write_recovered_aborts() {
            // On a full disk the store still opens for reading; the aborts go with the first group.
            Ok(()) | Err(Error::Full { .. }) => {}
            Err(error) => return Err(error),
        }
        let aborts = [std::mem::take(&mut opened.aborts), opened.report.aborted.clone()].concat();
        let checkpoints = std::mem::take(&mut opened.checkpoints);
        let core = Arc::new(Core::new(dir, options, opened));
        Ok(Committer { core, journal, aborts, checkpoints, answers: Vec::new(), others: 0, unsynced_since: None })
    }

    /// Commits one group: one frame, one sync, then the applications in order, then the answers.
    pub(crate) fn commit(&mut self, group: &mut Group<S>) {
        if let Some(cause) = self.core.latch.get() {
            let failed = Error::Failed { cause: cause.clone() };
            return fail_all(group, &failed);
        }
        // Only a state that is there can be changed.
        let is_lost = self.core.live.read().state.is_err();
        if is_lost && let Err(error) = self.core.restore() {
            return fail_all(group, &error);
        }
        // Never more than a frame counts: a batch is refused before that, and each record of the others takes a byte of the
        // queue at least, whose size is a `u32`.
        let Ok(records) = u32::try_from(group.records) else {
            let error = Error::TooMany { records: group.records as u64, max: u32::MAX.into() };
            return fail_all(group, &error);
        };
        if let Err(error) = self.journal.reserve_space(group.frame.len() - HEADER, group.calls.len()) {
            let error = self.not_begun(error);
            return fail_all(group, &error);
        }
        let first = self.journal.append_batch(&mut group.frame, records);
        if let Err(error) = self.persist() {
            self.latch(error.clone());
            return fail_all(group, &error);
        }
        self.others = self.core.queue.arrived();
        self.core.queue.answering();
        self.apply(first, group);
        self.prepare_ahead();
    }

    /// How many calls may soon be there, if those that were just answered come again.
    pub(crate) fn expected(&self, answered: usize) -> usize {
        answered + self.others
    }

    fn prepare_ahead(&mut self) {
        if self.core.latch.get().is_none() {
            self.journal.prepare_next_segment();
        }
    }

    /// Commits one call on the caller's thread, if nothing stands before it and it fits into the active segment; gives it
    /// back otherwise. `record` is its encoding.
    pub(crate) fn commit_here(
        &mut self,
        log: Quiet<S::Log>,
        record: &[u8],
    ) -> Result<Result<Quiet<S::Outcome>>, Quiet<S::Log>> {
        let core = self.core.clone();
        if core.latch.get().is_some() || core.queue.has_work() || !self.journal.has_space_for(record.len()) {
            return Err(log);
        }
        // The writer sleeps without a deadline as long as there is nothing to sync and nothing to mark.
        let (marked, synced) = (self.journal.is_marked(), self.unsynced_since.is_none());
        let _fuse = writer::Fuse::new(&core);
        // A long read must not stop the clock for what was acknowledged before. Under `Sync` there is no such clock, and
        // reads go on during the sync.
        let live = match core.config.durability {
            // Without a state it is the writer that builds one.
            Durability::Sync if core.live.read().state.is_err() => return Err(log),
            Durability::Sync => None,
            _ => match core.live.try_write_for(PATIENCE) {
                Some(live) if live.state.is_ok() => Some(live),
                _ => return Err(log),
            },
        };
        let lsn = self.journal.append_record(record);
        if let Err(error) = self.persist() {
            self.latch(error.clone());
            return Ok(Err(error));
        }
        let mut live = live.unwrap_or_else(|| core.write());
        let entered = reentry::enter(core.id(), Inside::Mutation);
        live.keep_base(core.copy);
        let mut result = apply_record(&mut live, log, lsn);
        live.lsn = lsn;
        if result.is_err() {
            let aborted = [(lsn, lsn)];
            self.rebuild(&mut live, &aborted, Lsn::new(lsn.get() - 1));
            if let Err(error) = self.abort(&mut live, &aborted, 1) {
                result = Err(error);
            }
        }
        let base = live.base.take();
        drop(entered);
        drop(live);
        drop_quietly(base);
        core.stats.lock().groups += 1;
        self.count(lsn, 1);
        if marked || synced && self.unsynced_since.is_some() {
            core.queue.nudge();
        }
        self.prepare_ahead();
        Ok(result)
    }

    /// Makes what is appended as durable as a call asks for.
    fn persist(&mut self) -> Result<()> {
        match self.core.config.durability {
            Durability::Sync => self.journal.sync(),
            Durability::Os => self.journal.write(),
            Durability::Periodic(_) if self.journal.unwritten() > MOST_KEPT => self.journal.write(),
            Durability::Periodic(_) => Ok(()),
        }
    }

    /// Notes the first failure; nothing is written after that.
    pub(crate) fn latch(&self, error: Error) -> Arc<Error> {
        self.core.latch.get_or_init(|| Arc::new(error)).clone()
    }

    /// Counts so many applied records, up to `last`.
    fn count(&mut self, last: Lsn, records: u64) {
        let mut stats = self.core.stats.lock();
        stats.last = last;
        stats.records += records;
        count_log(&mut stats, &self.journal);
        drop(stats);
        self.note_unsynced();
    }

    /// Notes since when something waits to be synced.
    fn note_unsynced(&mut self) {
        if !self.journal.has_unsynced() {
            self.unsynced_since = None;
        } else if self.unsynced_since.is_none() {
            self.unsynced_since = Some(Instant::now());
        }
    }

    /// Makes everything so far durable, and returns the LSN that it reaches to.
    pub(crate) fn sync(&mut self) -> Result<Lsn> {
        if let Some(cause) = self.core.latch.get() {
            return Err(Error::Failed { cause: cause.clone() });
        }
        let synced = self.journal.sync();
        self.unsynced_since = None;
        count_log(&mut self.core.stats.lock(), &self.journal);
        match synced {
            Ok(()) => Ok(Lsn::new(self.journal.next_lsn().get() - 1)),
            Err(error) => {
                self.latch(error.clone());
                Err(error)
            }
        }
    }

    /// What the log holds now, for a replay beside it: everything in it is durable.
    pub(crate) fn snapshot(&mut self) -> Result<LogSnapshot> {
        let up_to = self.sync()?;
        let (checkpoint, aborts) = (self.checkpoints.last().copied().unwrap_or_default(), self.aborts.clone());
        Ok(LogSnapshot { checkpoint, extents: self.journal.extents(), aborts, up_to })
    }

    /// Writes a mark, if the log doesn't end in one.
    pub(crate) fn mark(&mut self) {
        if self.core.latch.get().is_some() {
            return;
        }
        let marked = self.journal.mark();
        count_log(&mut self.core.stats.lock(), &self.journal);
        match marked {
            Ok(()) | Err(Error::Full { .. } | Error::Io { .. }) => {}
            Err(error) => drop(self.latch(error)),
        }
    }

    /// Ends the log cleanly, unless it has failed.
    pub(crate) fn close(&mut self) -> Result<()> {
        if let Some(cause) = self.core.latch.get() {
            return Err(Error::Failed { cause: cause.clone() });
        }
        self.journal.close().inspect_err(|error| drop(self.latch(error.clone())))
    }

    /// Adds `lsn` as the newest checkpoint, and returns the files that only checkpoints before the newest two need: none if the store has
    /// failed, or is pinned.
    pub(crate) fn checkpointed(&mut self, lsn: Lsn) -> Outdated {
        if self.checkpoints.last() != Some(&lsn) {
            self.checkpoints.push(lsn);
        }
        let stays = self.checkpoints.len().saturating_sub(2);
        if self.core.latch.get().is_some() || self.core.pins.load(Ordering::Acquire) > 0 {
            return Outdated::default();
        }
        let segments = self.journal.segments_below(self.checkpoints[stays]);
        Outdated { checkpoints: self.checkpoints[..stays].to_vec(), segments }
    }

    /// Takes note of what was removed.
    pub(crate) fn forget(&mut self, gone: &Outdated) {
        self.checkpoints.retain(|lsn| !gone.checkpoints.contains(lsn));
        let oldest = self.checkpoints.first().copied().unwrap_or_default();
        self.aborts.retain(|(_, last)| *last > oldest);
        self.journal.note_removed(&gone.segments);
    }
}

fn count_log(stats: &mut Stats, journal: &Journal) {
    (stats.syncs, stats.log_bytes, stats.durable) = (journal.syncs(), journal.appended(), journal.durable_lsn());
}

fn fail_all<S: Recorded>(group: &mut Group<S>, error: &Error) {
    group.calls.drain(..).for_each(|call| call.fail(error.clone()));
}
