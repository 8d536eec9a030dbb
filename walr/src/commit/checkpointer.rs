//! Checkpoints beside the writer: when one is due, the thread that writes it, and who waits for it.

use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use super::queue::{Request, reply};
use super::retire::Outdated;
use super::{Committer, Core};
use crate::checkpoint;
use crate::codec;
use crate::error::{Error, Result};
use crate::fs::step_back;
use crate::lsn::Lsn;
use crate::options::{CheckpointSource, Durability};
use crate::pace::Pace;
use crate::panic;
use crate::recovery::{Snapshot, rebuild};
use crate::state::{Recorded, WalState};

/// A state of at most about this many bytes is written under the read lock, which takes a few milliseconds.
const MOST_LIVE: u64 = 1 << 20;

/// A state of at most about this many bytes is checkpointed at open, before anything else, when that is due.
const MOST_AT_OPEN: u64 = 16 << 20;

/// A checkpoint's LSN and its file's length.
pub(crate) type Done = Result<(Lsn, u64)>;
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
            self.core.checkpoint.stop();
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
        let core = self.core.clone();
        let thread = std::thread::Builder::new().name("walr-checkpoint".into());
        let job = thread.spawn(move || {
            step_back();
            let done = guarded(&core, from, || ask(&core, Request::Sync)?.map(drop));
            let ended = done.and_then(|(lsn, bytes)| {
                let outdated = ask(&core, |answer| Request::Checkpointed(lsn, bytes, answer))?;
                let (gone, removed) = outdated.remove(&core.dir);
                Ok((lsn, gone, removed))
            });
            // The writer waits for this before it ends.
            let _ = core.queue.request(Request::CheckpointDone);
            ended
        });
        match job {
            Ok(job) => self.job = Some(job),
            Err(error) => {
                let reason = format!("the checkpoint's thread can't be started: {error}");
                self.conclude(Err(Error::Thread { reason }));
            }
        }
    }

    /// Where the state is taken from.
    fn choose(&self, committer: &mut Committer<S>) -> Result<From<S>> {
        let replay = match self.core.config.source {
            CheckpointSource::Live => false,
            CheckpointSource::Replay => true,
            // No larger than what it was, and all that was recorded since.
            CheckpointSource::Auto => self.bytes + self.appended_since(committer) > MOST_LIVE,
        };
        Ok(match self.core.copy {
            Some(copy) => From::Copy(copy),
            None if replay => From::Replay(committer.snapshot()?),
            None => From::Encoded,
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
        for answer in self.waiting.drain(..) {
            reply(answer, done.clone());
        }
    }

    /// Writes a checkpoint on this thread, the writer's, if there is anything to write.
    pub(crate) fn write_now(&mut self, committer: &mut Committer<S>) -> Result<Lsn> {
        committer.sync()?;
        self.write_from(committer, From::Live)
    }

    /// The same from the live state's encoding, as beside the writer.
    #[cfg(test)]
    pub(crate) fn write_encoded(&mut self, committer: &mut Committer<S>) -> Result<Lsn> {
        committer.sync()?;
        self.write_from(committer, From::Encoded)
    }

    /// The same from a state that is built from disk, as beside the writer.
    #[cfg(test)]
    pub(crate) fn write_from_replay(&mut self, committer: &mut Committer<S>) -> Result<Lsn> {
        let snapshot = committer.snapshot()?;
        self.write_from(committer, From::Replay(snapshot))
    }

    /// The same from a clone of the live state.
    #[cfg(test)]
    pub(crate) fn write_from_copy(&mut self, committer: &mut Committer<S>, copy: fn(&S) -> S) -> Result<Lsn> {
        committer.sync()?;
        self.write_from(committer, From::Copy(copy))
    }

    /// Writes a state that was taken in the middle of a group.
    #[cfg(test)]
    pub(crate) fn write_taken(&mut self, committer: &mut Committer<S>, state: S, lsn: Lsn) -> Done {
        let core = self.core.clone();
        guarded(&core, From::Given(state, lsn), || committer.sync().map(drop))
    }

    /// Writes `state`, which is as of `lsn`, on this thread; in the place of an earlier one of the same LSN. After an error
    /// there is no checkpoint of that LSN, if there was none before.
    pub(crate) fn write_given(&mut self, committer: &mut Committer<S>, state: S, lsn: Lsn) -> Result<Lsn> {
        committer.sync()?;
        self.appended_at_start = committer.journal.appended();
        let core = self.core.clone();
        let done = match guarded(&core, From::Given(state, lsn), || Ok(())) {
            Ok((lsn, bytes)) => Ok(self.counts(committer, lsn, bytes)),
            Err(error) => {
                committer.disown_checkpoint(lsn);
                Err(error)
            }
        };
        self.conclude(done.clone());
        done
    }

    fn write_from(&mut self, committer: &mut Committer<S>, from: From<S>) -> Result<Lsn> {
        if !self.is_behind(committer) {
            return Ok(committer.checkpoints.last().copied().unwrap_or_default());
        }
        self.appended_at_start = committer.journal.appended();
        let core = self.core.clone();
        let done = guarded(&core, from, || Ok(())).map(|(lsn, bytes)| self.counts(committer, lsn, bytes));
        self.conclude(done.clone());
        done
    }
}

/// Writes and names a checkpoint of a clone of the live state, as the thread does under `Sync`, whatever the writer does.
#[cfg(test)]
pub(crate) fn write_beside<S: WalState>(core: &Core<S>, copy: fn(&S) -> S) -> Done {
    guarded(core, From::Copy(copy), || Ok(()))
}

/// Asks the writer for something, and waits for the answer.
fn ask<S: Recorded, T>(core: &Core<S>, request: impl FnOnce(oneshot::Sender<T>) -> Request<S>) -> Result<T> {
    let (answer, answered) = oneshot::channel();
    let ended = || Error::Thread { reason: "the writer has ended".to_string() };
    core.queue.request(request(answer)).map_err(|_| ended())?;
    answered.blocking_recv().map_err(|_| ended())
}

/// Where a checkpoint takes the state from.
enum From<S> {
    /// The live state, under the read lock until it is written.
    Live,
    /// The live state, under the read lock until it is encoded in memory.
    Encoded,
    /// A clone of it.
    Copy(fn(&S) -> S),
    /// A state of its own, built from disk: the live one isn't touched.
    Replay(Snapshot),
    /// The caller's own, as of this LSN.
    Given(S, Lsn),
}

/// [`write`], where a panic of the state's own code is an error, and nothing unfinished stays.
fn guarded<S: WalState>(core: &Core<S>, from: From<S>, sync: impl FnOnce() -> Result<()>) -> Done {
    let failed = |message| Error::Thread { reason: format!("the checkpoint panicked: {message}") };
    let done = panic::catch(|| write(core, from, sync)).unwrap_or_else(|message| Err(failed(message)));
    if done.is_err() {
        checkpoint::discard(&core.dir);
    }
    done
}

/// Writes, checks and names a checkpoint. `sync` makes the log durable.
fn write<S: WalState>(core: &Core<S>, from: From<S>, sync: impl FnOnce() -> Result<()>) -> Done {
    let pace = match from {
        From::Live | From::Given(..) => Pace::full(),
        _ => Pace::gentle(&core.checkpoint),
    };
    let put = |state: &S, lsn| checkpoint::write(&core.dir, &core.store, lsn, state, &pace);
    let lost = || Error::Thread { reason: "the state was lost by a panic".to_string() };
    let written = match from {
        From::Live => {
            let live = core.live.read();
            put(live.state.as_ref().ok_or_else(lost)?, live.lsn)?
        }
        From::Encoded => {
            let live = core.live.read();
            let (mut encoded, lsn) = (Vec::new(), live.lsn);
            let tokens = codec::encode_state(live.state.as_ref().ok_or_else(lost)?, &mut encoded);
            let tokens = tokens.map_err(|refusal| refusal.of_state(S::NAME))?;
            drop(live);
            checkpoint::write_encoded::<S>(&core.dir, &core.store, lsn, (&encoded, tokens), &pace)?
        }
        From::Copy(copy) => {
            let live = core.live.read();
            let (state, lsn) = (copy(live.state.as_ref().ok_or_else(lost)?), live.lsn);
            drop(live);
            put(&state, lsn)?
        }
        From::Replay(snapshot) => {
            let state = rebuild(&core.dir, &core.store, &snapshot, &pace)?;
            put(&state, snapshot.up_to)?
        }
        From::Given(state, lsn) => put(&state, lsn)?,
    };
    let written = written.sync(&core.dir)?;
    drop(written.read_back::<S>(&core.dir, &core.store, &pace)?);
    if core.config.durability != Durability::Sync {
        // Under `Sync` nothing is applied that isn't durable.
        sync()?;
    }
    let (lsn, bytes) = (written.lsn, written.bytes);
    written.commit(&core.dir)?;
    Ok((lsn, bytes))
}
