//! Checkpoints beside the writer: when one is due, the thread that writes it, and who waits for it.

use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::sync::oneshot;

#[cfg(test)]
use super::origin::Done;
use super::origin::{Origin, ViaWriter, write};
use super::queue::{Request, reply};
use super::retire::Outdated;
use super::{Committer, Core};
use crate::error::{Error, Result};
use crate::fs::{lower_priority, spawn};
use crate::lsn::Lsn;
use crate::panic;
use crate::schema::state::{Recorded, WalState};

/// The state's size is only guessed before, from the log's: an encoding that comes out longer than this is given up.
const MOST_ENCODED: usize = 2 << 20;

/// A state of at most about this many bytes is checkpointed at open, before anything else, when that is due.
const MOST_AT_OPEN: u64 = 16 << 20;

/// What a checkpoint's thread leaves: the LSN, what it removed, and whether that was all it wanted to remove.
type Ended = Result<(Lsn, Outdated, Result<()>)>;

pub(crate) struct Checkpointer<S: Recorded> {
    core: Arc<Core<S>>,
    job: Option<JoinHandle<Ended>>,
    /// Who waits for the checkpoint that is under way.
    waiting: Vec<oneshot::Sender<Result<Lsn>>>,
    /// Who asked since it began, and wants a later state.
    next: Vec<oneshot::Sender<Result<Lsn>>>,
    /// Bytes of log between the newest checkpoint and this open.
    recovered: u64,
    /// What the journal had appended when the newest checkpoint began.
    appended: u64,
    appended_at_start: u64,
    /// The newest checkpoint's length.
    bytes: u64,
}

impl<S: Recorded> Drop for Checkpointer<S> {
    /// Where the writer panicked: its checkpoint ends before the store is unlocked.
    fn drop(&mut self) {
        if let Some(job) = self.job.take() {
            self.core.checkpoint.cancel();
            self.core.queue.end();
            let _ = job.join();
        }
    }
}

impl<S: WalState> Checkpointer<S> {
    pub(crate) fn new(core: &Arc<Core<S>>) -> Self {
        let core = core.clone();
        let (recovered, bytes) = (core.recovery.log_bytes, core.recovery.checkpoint_bytes);
        Checkpointer {
            core,
            job: None,
            waiting: Vec::new(),
            next: Vec::new(),
            recovered,
            appended: 0,
            appended_at_start: 0,
            bytes,
        }
    }

    pub(super) fn is_busy(&self) -> bool {
        self.job.is_some()
    }

    /// Begins a checkpoint if the policy says so.
    pub(super) fn begin_if_due(&mut self, committer: &mut Committer<S>) {
        let due = self.core.config.checkpoint.is_due(self.log(committer), self.bytes);
        if due && self.job.is_none() && self.core.latch.get().is_none() && self.is_behind(committer) {
            self.begin(committer);
        }
    }

    /// At open, writes the checkpoint that is due, if the state is small: a program that is always killed, or that drops its
    /// handle soon, would never finish one beside its work, and its log would grow for ever.
    pub(super) fn catch_up(&mut self, committer: &mut Committer<S>) {
        let due = self.core.config.checkpoint.is_due(self.log(committer), self.bytes);
        if due && self.bytes + self.core.recovery.bytes <= MOST_AT_OPEN && self.core.latch.get().is_none() {
            // An error is in the figures, and a later checkpoint meets it again.
            let _ = self.write_now(committer);
        }
    }

    /// Whether anything was applied since the newest checkpoint.
    fn is_behind(&self, committer: &Committer<S>) -> bool {
        committer.checkpoints.last().is_none_or(|newest| *newest < self.core.live.read().lsn)
    }

    /// Somebody wants a checkpoint of the state as it is now.
    pub(super) fn ask(&mut self, committer: &mut Committer<S>, answer: oneshot::Sender<Result<Lsn>>) {
        if let Some(cause) = self.core.latch.get() {
            return reply(answer, Err(Error::Failed { cause: cause.clone() }));
        }
        if self.job.is_some() {
            self.next.push(answer);
        } else if self.is_behind(committer) {
            self.waiting.push(answer);
            self.begin(committer);
        } else {
            reply(answer, Ok(committer.checkpoints.last().copied().unwrap_or_default()));
        }
    }

    fn begin(&mut self, committer: &mut Committer<S>) {
        self.appended_at_start = committer.journal.appended();
        let from = match self.choose(committer) {
            Ok(from) => from,
            Err(error) => return self.conclude(Err(error)),
        };
        if !self.core.config.in_background {
            return self.write_here(committer, from);
        }
        let core = self.core.clone();
        let work = move || {
            lower_priority();
            let mut log = ViaWriter(&core);
            let done = write(&core, from, &mut log);
            let ended = done.and_then(|(lsn, bytes)| {
                let outdated = log.ask(|answer| Request::Checkpointed(lsn, bytes, answer))?;
                let (gone, removed) = outdated.remove(&core.dir);
                Ok((lsn, gone, removed))
            });
            // The writer waits for this before it ends.
            let _ = core.queue.request(Request::CheckpointDone);
            ended
        };
        match spawn("walr-checkpoint", Box::new(work)) {
            Ok(job) => self.job = Some(job),
            Err(error) => self.conclude(Err(error)),
        }
    }

    /// Writes a checkpoint on this thread, the writer's, and answers the callers that wait for it.
    fn write_here(&mut self, committer: &mut Committer<S>, from: Origin<S>) {
        match committer.sync() {
            // It answers them.
            Ok(_) => drop(self.write_from(committer, from)),
            Err(error) => self.conclude(Err(error)),
        }
    }

    /// Chooses where the state is taken from.
    fn choose(&self, committer: &mut Committer<S>) -> Result<Origin<S>> {
        let small = self.core.config.small_state;
        // The state is rarely larger than it was, and everything that was recorded since.
        Ok(match self.core.copy {
            Some(copy) => Origin::Copy(copy),
            None if small > 0 && self.bytes + self.appended_since(committer) <= small => {
                Origin::Encoded { most: MOST_ENCODED }
            }
            None => Origin::Replay(committer.snapshot()?),
        })
    }

    /// Bytes of log since the newest checkpoint.
    fn appended_since(&self, committer: &Committer<S>) -> u64 {
        self.recovered + (committer.journal.appended() - self.appended)
    }

    /// The log since the newest checkpoint, as a reason to write the next. A segment counts as some bytes at least: many small
    /// ones, as many short runs leave them, cost an open more than their bytes.
    fn log(&self, committer: &Committer<S>) -> u64 {
        let newest = committer.checkpoints.last().copied().unwrap_or_default();
        self.appended_since(committer)
            .max(committer.journal.segments_above(newest) as u64 * self.core.config.checkpoint.segment_counts())
    }

    /// Counts a checkpoint that has its name, and says what it outdates.
    pub(crate) fn named(&mut self, committer: &mut Committer<S>, lsn: Lsn, bytes: u64) -> Outdated {
        self.bytes = bytes;
        committer.checkpointed(lsn)
    }

    /// Counts a checkpoint that was written on this thread, and removes what it outdates.
    fn counts(&mut self, committer: &mut Committer<S>, lsn: Lsn, bytes: u64) -> Lsn {
        let (gone, removed) = self.named(committer, lsn, bytes).remove(&self.core.dir);
        self.note_removal(committer, &gone, removed);
        lsn
    }

    /// Takes note of what is gone, and why that isn't all. The checkpoint counts all the same: what is left takes space, and is
    /// removed after the next one.
    fn note_removal(&self, committer: &mut Committer<S>, gone: &Outdated, removed: Result<()>) {
        committer.forget(gone);
        self.core.stats.lock().removal_error = removed.err();
    }

    /// Takes note of what the checkpoint's thread did.
    pub(super) fn finish(&mut self, committer: &mut Committer<S>) {
        let Some(job) = self.job.take() else { return };
        let ended = job.join().unwrap_or_else(|payload| Err(Error::Thread { reason: panic::message(payload) }));
        let done = ended.map(|(lsn, gone, removed)| {
            self.note_removal(committer, &gone, removed);
            lsn
        });
        self.conclude(done);
        // All who asked meanwhile share the next one.
        self.waiting = std::mem::take(&mut self.next);
        if self.waiting.is_empty() {
            return;
        }
        if let Some(cause) = self.core.latch.get() {
            let failed = Error::Failed { cause: cause.clone() };
            self.waiting.drain(..).for_each(|answer| reply(answer, Err(failed.clone())));
        } else if self.is_behind(committer) {
            self.begin(committer);
        } else {
            let newest = committer.checkpoints.last().copied().unwrap_or_default();
            self.waiting.drain(..).for_each(|answer| reply(answer, Ok(newest)));
        }
    }

    fn conclude(&mut self, done: Result<Lsn>) {
        let mut stats = self.core.stats.lock();
        stats.checkpoint_error = done.as_ref().err().cloned();
        if let Ok(lsn) = done {
            stats.checkpoint = lsn;
            stats.checkpoints += 1;
        }
        drop(stats);
        // After a failure too: it is tried again after as much log again, and not at every group.
        (self.recovered, self.appended) = (0, self.appended_at_start);
        for answer in std::mem::take(&mut self.waiting) {
            reply(answer, done.clone());
        }
    }

    /// Writes a checkpoint on this thread, the writer's, if there is anything to write.
    pub(crate) fn write_now(&mut self, committer: &mut Committer<S>) -> Result<Lsn> {
        committer.sync()?;
        self.write_from(committer, Origin::Live)
    }

    /// The same from the live state's encoding, as beside the writer.
    #[cfg(test)]
    pub(crate) fn write_encoded(&mut self, committer: &mut Committer<S>) -> Result<Lsn> {
        committer.sync()?;
        self.write_from(committer, Origin::Encoded { most: usize::MAX })
    }

    /// The same from a state that is built from disk, as beside the writer.
    #[cfg(test)]
    pub(crate) fn write_from_replay(&mut self, committer: &mut Committer<S>) -> Result<Lsn> {
        let snapshot = committer.snapshot()?;
        self.write_from(committer, Origin::Replay(snapshot))
    }

    /// The same from a clone of the live state.
    #[cfg(test)]
    pub(crate) fn write_from_copy(&mut self, committer: &mut Committer<S>, copy: fn(&S) -> S) -> Result<Lsn> {
        committer.sync()?;
        self.write_from(committer, Origin::Copy(copy))
    }

    /// Writes a state that was taken in the middle of a group.
    #[cfg(test)]
    pub(crate) fn write_taken(&mut self, committer: &mut Committer<S>, state: S, lsn: Lsn) -> Done {
        write(&self.core, Origin::Given(state, lsn), committer)
    }

    /// Writes `state`, which is as of `lsn`, on this thread; in the place of an earlier one of the same LSN. After an error
    /// there is no checkpoint of that LSN, if there was none before.
    pub(crate) fn write_given(&mut self, committer: &mut Committer<S>, state: S, lsn: Lsn) -> Result<Lsn> {
        committer.sync()?;
        self.appended_at_start = committer.journal.appended();
        let done = match write(&self.core, Origin::Given(state, lsn), committer) {
            Ok((lsn, bytes)) => Ok(self.counts(committer, lsn, bytes)),
            Err(error) => {
                committer.disown_checkpoint(lsn);
                Err(error)
            }
        };
        self.conclude(done.clone());
        done
    }

    fn write_from(&mut self, committer: &mut Committer<S>, from: Origin<S>) -> Result<Lsn> {
        if !self.is_behind(committer) {
            return Ok(committer.checkpoints.last().copied().unwrap_or_default());
        }
        self.appended_at_start = committer.journal.appended();
        let done = write(&self.core, from, committer).map(|(lsn, bytes)| self.counts(committer, lsn, bytes));
        self.conclude(done.clone());
        done
    }
}
