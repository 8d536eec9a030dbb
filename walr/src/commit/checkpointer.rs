//! Checkpoints beside the halves: when one is due, the thread that writes it, and the callers that wait for it.

use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use super::core::Core;
use super::queue::{Request, send};
use super::state_source::{Done, StateSource, write};
use crate::error::{Error, Result};
use crate::fs::{lower_priority, spawn};
use crate::lsn::Lsn;
use crate::panic;
use crate::schema::state::{Recorded, WalState};

/// The state's size is guessed from the log's. If its encoding is longer than this, the checkpoint is written from a replay instead.
const MOST_ENCODED: usize = 2 << 20;

/// A state of at most about this many bytes is checkpointed at open, before anything else, if a checkpoint is due.
const MOST_AT_OPEN: u64 = 16 << 20;

/// Begins checkpoints, on behalf of the log thread.
pub(crate) struct Checkpointer<S: Recorded> {
    core: Arc<Core<S>>,
    job: Option<JoinHandle<Done>>,
    /// The callers that wait for the checkpoint in progress.
    waiting: Vec<oneshot::Sender<Result<Lsn>>>,
    /// The callers that asked since it began, and want a later state.
    next: Vec<oneshot::Sender<Result<Lsn>>>,
    /// The bytes of log between the newest checkpoint and this open.
    recovered: u64,
    /// The bytes that the journal had appended when the newest checkpoint began.
    appended: u64,
    appended_at_start: u64,
    /// The newest checkpoint's length.
    bytes: u64,
}

impl<S: Recorded> Drop for Checkpointer<S> {
    /// Ends the checkpoint before the store is unlocked, if the log thread panicked.
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
    pub(super) fn begin_if_due(&mut self) {
        if self.job.is_none() && self.core.latch.get().is_none() && self.is_due() && self.is_behind() {
            self.begin();
        }
    }

    /// At open, writes a checkpoint that is due, if the state is small. A program that is always killed, or that drops its handle soon,
    /// would never finish one beside its work, and its log would grow for ever.
    pub(super) fn write_if_due_at_open(&mut self) {
        let is_small = self.bytes + self.core.recovery.bytes <= MOST_AT_OPEN;
        if is_small && self.is_due() && self.core.latch.get().is_none() {
            // An error is in the statistics, and a later checkpoint meets it again.
            let _ = self.write_now();
        }
    }

    fn is_due(&self) -> bool {
        self.core.config.checkpoint.is_due(self.log_since(), self.bytes)
    }

    /// Returns the newest checkpoint.
    fn newest(&self) -> Lsn {
        self.core.log.lock().checkpoints.last().copied().unwrap_or_default()
    }

    /// Returns whether anything was applied since the newest checkpoint.
    fn is_behind(&self) -> bool {
        self.newest() < self.core.progress.lock().applied
    }

    /// Answers once there is a checkpoint of the state as it is now.
    pub(super) fn ask(&mut self, answer: oneshot::Sender<Result<Lsn>>) {
        if let Err(error) = self.core.failed() {
            return send(answer, Err(error));
        }
        if self.job.is_some() {
            self.next.push(answer);
        } else if self.is_behind() {
            self.waiting.push(answer);
            self.begin();
        } else {
            send(answer, Ok(self.newest()));
        }
    }

    fn begin(&mut self) {
        let source = self.choose();
        if !self.core.config.in_background {
            // It answers the callers that wait.
            drop(self.write_from(source));
            return;
        }
        self.appended_at_start = self.core.log.lock().journal.appended();
        let core = self.core.clone();
        let work = move || {
            lower_priority();
            let done = write(&core, source).inspect(|(lsn, _)| add(&core, *lsn));
            // The log thread waits for this before it ends.
            let _ = core.queue.request(Request::CheckpointDone);
            done
        };
        match spawn("walr-checkpoint", Box::new(work)) {
            Ok(job) => self.job = Some(job),
            Err(error) => self.conclude(Err(error)),
        }
    }

    /// Chooses the source of the state.
    fn choose(&self) -> StateSource<S> {
        let small = self.core.config.small_state;
        // The state is rarely larger than it was, with everything that was recorded since.
        match self.core.copy {
            Some(copy) => StateSource::Copy(copy),
            None if small > 0 && self.bytes + self.appended_since() <= small => {
                StateSource::Encoded { most: MOST_ENCODED }
            }
            None => StateSource::Replay,
        }
    }

    /// Returns the bytes of log since the newest checkpoint.
    fn appended_since(&self) -> u64 {
        self.recovered + (self.core.log.lock().journal.appended() - self.appended)
    }

    /// Returns the log since the newest checkpoint, as a reason to write the next. A segment counts as some bytes at least: many small
    /// ones, as many short runs leave them, cost an open more than their bytes.
    fn log_since(&self) -> u64 {
        let newest = self.newest();
        let segments = self.core.log.lock().journal.segments_above(newest) as u64;
        self.appended_since().max(segments * self.core.config.checkpoint.segment_counts())
    }

    /// Notes the end of the checkpoint's thread.
    pub(super) fn finish(&mut self) {
        let Some(job) = self.job.take() else { return };
        let ended = job.join().unwrap_or_else(|payload| Err(Error::Thread { reason: panic::message(payload) }));
        self.conclude(ended);
        // All callers that asked meanwhile share the next one.
        self.waiting = std::mem::take(&mut self.next);
        if self.waiting.is_empty() {
            return;
        }
        let done = match self.core.failed() {
            Err(error) => Err(error),
            Ok(()) if self.is_behind() => return self.begin(),
            Ok(()) => Ok(self.newest()),
        };
        self.waiting.drain(..).for_each(|answer| send(answer, done.clone()));
    }

    /// Notes the result of a checkpoint, and answers the callers that wait for it.
    fn conclude(&mut self, done: Done) {
        let mut stats = self.core.stats.lock();
        stats.checkpoint_error = done.as_ref().err().cloned();
        if let Ok((lsn, bytes)) = done {
            self.bytes = bytes;
            stats.checkpoint = lsn;
            stats.checkpoints += 1;
        }
        drop(stats);
        // After a failure too: it is tried again once the log has grown by as much again, and not at every group.
        (self.recovered, self.appended) = (0, self.appended_at_start);
        for answer in std::mem::take(&mut self.waiting) {
            send(answer, done.clone().map(|(lsn, _)| lsn));
        }
    }

    /// Writes a checkpoint on this thread, if there is anything to write.
    pub(crate) fn write_now(&mut self) -> Result<Lsn> {
        self.write_from(StateSource::Live)
    }

    /// Writes a checkpoint on this thread, if there is anything to write, and answers the callers that wait for it.
    pub(crate) fn write_from(&mut self, source: StateSource<S>) -> Result<Lsn> {
        if !self.is_behind() {
            let newest = self.newest();
            self.waiting.drain(..).for_each(|answer| send(answer, Ok(newest)));
            return Ok(newest);
        }
        self.appended_at_start = self.core.log.lock().journal.appended();
        let done = write(&self.core, source).inspect(|(lsn, _)| add(&self.core, *lsn));
        self.conclude(done.clone());
        done.map(|(lsn, _)| lsn)
    }

    /// Writes `state`, which is as of `lsn`, on this thread; in the place of an earlier checkpoint of the same LSN. After an error there is
    /// no checkpoint of that LSN, if there was none before.
    pub(crate) fn write_given(&mut self, state: S, lsn: Lsn) -> Result<Lsn> {
        self.core.log.lock().sync()?;
        self.appended_at_start = self.core.log.lock().journal.appended();
        let done = write(&self.core, StateSource::Given(state, lsn));
        match &done {
            Ok((lsn, _)) => add(&self.core, *lsn),
            Err(_) => self.core.log.lock().remove_failed_checkpoint(lsn),
        }
        self.conclude(done.clone());
        done.map(|(lsn, _)| lsn)
    }
}

/// Counts a checkpoint that has its name, and removes the files that it replaces. The checkpoint counts also if a removal fails: the files
/// take space until the next one.
pub(crate) fn add<S: Recorded>(core: &Core<S>, lsn: Lsn) {
    let old = core.log.lock().add_checkpoint(lsn);
    let (removed, result) = old.remove(&core.dir);
    core.log.lock().note_removed(&removed);
    core.stats.lock().removal_error = result.err();
}
