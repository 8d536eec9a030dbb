//! The state half: applies durable groups in the order of their LSNs, answers their calls, and aborts those that panic.

use std::sync::Arc;
use std::time::Instant;
use std::vec::Drain;

use parking_lot::RwLockWriteGuard;

use super::answer::Answer;
use super::core::{Core, Live};
use super::queue::{Call, DurableGroup, Step, send};
use crate::error::{Error, Result};
use crate::log::frame::LsnRange;
use crate::lsn::Lsn;
use crate::options::Durability;
use crate::panic::{self, Quiet, drop_quietly};
use crate::schema::reentry::{self, Inside};
use crate::schema::results::{ResultDigest, digest_of};
use crate::schema::state::{Recorded, WalState};

/// Latches the store when a commit panics outside of a mutation.
pub(super) struct Fuse<'a, S: Recorded> {
    core: &'a Core<S>,
    /// A caller's thread may be unwinding already, and use its handle in a `Drop`.
    was_panicking: bool,
}

impl<'a, S: Recorded> Fuse<'a, S> {
    pub(super) fn new(core: &'a Core<S>) -> Self {
        Fuse { core, was_panicking: std::thread::panicking() }
    }
}

impl<S: Recorded> Drop for Fuse<'_, S> {
    fn drop(&mut self) {
        if std::thread::panicking() && !self.was_panicking {
            let reason = "a commit panicked half-way".to_string();
            self.core.latch.get_or_init(|| Arc::new(Error::Thread { reason }));
        }
    }
}

/// A turn of the state. Its drop ends the turn.
pub(super) struct Turn<'a, S: Recorded>(pub(super) &'a Core<S>);

impl<S: Recorded> Drop for Turn<'_, S> {
    fn drop(&mut self) {
        self.0.queue.handover.applied();
    }
}

impl<S: WalState> Core<S> {
    /// Takes the step that begins a turn of this thread, and ends the turn.
    pub(super) fn take_step(&self, step: Step<S>) {
        let _turn = Turn(self);
        let _fuse = Fuse::new(self);
        match step {
            Step::Apply(group) => self.apply(group),
            Step::Synced(answer, result) => send(answer, result),
        }
    }

    /// Takes the steps that wait, unless another thread does.
    pub(super) fn take_steps(&self) {
        while let Some(step) = self.queue.handover.begin_applying() {
            self.take_step(step);
        }
    }

    /// Applies the calls of a group, and answers them: in slices, so that reads come between, and that callers with an answer run while
    /// the rest is applied.
    fn apply(&self, mut group: DurableGroup<S>) {
        let (mut lsn, number) = (group.first, group.lists.calls.len());
        self.queue.answering();
        self.stats.lock().groups += 1;
        let mut calls = group.lists.calls.drain(..);
        while calls.len() > 0 {
            if let Err(error) = self.apply_slice(&mut lsn, &mut calls, &mut group.lists.answers) {
                calls.by_ref().for_each(|call| call.fail(error.clone()));
            }
        }
        drop(calls);
        self.progress.lock().abort_space -= group.abort_space;
        self.queue.answered(group, number);
    }

    /// Applies and answers calls for about as long as reads may wait. `lsn` is the next record's. After a panic the slice runs to the end
    /// of the group, because later calls may be shown only once the abort is recorded.
    ///
    /// # Errors
    ///
    /// An error concerns the calls that are left, whose fate is unknown.
    fn apply_slice(&self, lsn: &mut Lsn, calls: &mut Drain<'_, Call<S>>, answers: &mut Vec<Answer<S>>) -> Result<()> {
        let mut live = self.write();
        if let Some(error) = self.refusal(&live, *lsn) {
            return Err(error);
        }
        let entered = reentry::enter(self.id(), Inside::Mutation);
        self.catch_up(&mut live);
        live.keep_base(self.copy);
        let (began, first) = (Instant::now(), *lsn);
        let (mut aborted, mut panics, mut digest) = (Vec::new(), 0, ResultDigest::default());
        // The number of answers before the first abort.
        let mut certain = None;
        for call in calls {
            let next = Lsn::new(lsn.get() + call.records() as u64);
            let (answer, applied) = apply_call(&mut live, call, *lsn);
            if let Some(results) = applied {
                digest.add(results);
            } else {
                certain.get_or_insert(answers.len());
                aborted.push((*lsn, Lsn::new(next.get() - 1)));
                // Once the state is lost, the calls after the panic are refused, and aborted with it.
                if live.state.is_ok() {
                    panics += 1;
                    self.rebuild(&mut live, &aborted, Lsn::new(lsn.get() - 1));
                }
            }
            answers.push(answer);
            *lsn = next;
            if aborted.is_empty() && began.elapsed() >= self.config.slice {
                break;
            }
        }
        live.lsn = Lsn::new(lsn.get() - 1);
        let recorded = self.abort(&mut live, &aborted, panics);
        let base = live.base.take();
        let shown = live.lsn;
        self.publish(shown, digest);
        drop(entered);
        RwLockWriteGuard::unlock_fair(live);
        drop_quietly(base);
        // Before the answers, so that a caller with an answer finds its call in the statistics.
        self.count(shown, (shown.get() + 1).saturating_sub(first.get()));
        for (at, answer) in answers.drain(..).enumerate() {
            match &recorded {
                Err(error) if certain.is_some_and(|certain| at >= certain) => answer.fail(error.clone()),
                _ => answer.give(),
            }
        }
        Ok(())
    }

    /// Returns the error of a call that may not be applied any more: an abort before it couldn't be recorded, or the process kept its record,
    /// as `Periodic` does, and couldn't write it.
    fn refusal(&self, live: &Live<S>, lsn: Lsn) -> Option<Error> {
        let is_kept = matches!(self.config.durability, Durability::Periodic(_));
        let failure = self.latch.get().filter(|_| is_kept && lsn > self.stats.lock().durable);
        live.stopped.clone().or_else(|| failure.map(|cause| (**cause).clone()))
    }

    /// Publishes that the state is as of `applied`, with the digest of the results since it was published last. The next frame of the log
    /// carries both.
    pub(super) fn publish(&self, applied: Lsn, results: ResultDigest) {
        let mut progress = self.progress.lock();
        progress.applied = progress.applied.max(applied);
        if let Some(digest) = &mut progress.digest {
            digest.add(results);
        }
    }

    /// Counts so many applied records, up to `last`.
    pub(super) fn count(&self, last: Lsn, records: u64) {
        let mut stats = self.stats.lock();
        stats.last = stats.last.max(last);
        stats.records += records;
    }

    /// Records the abort of these LSNs; `panics` of the calls panicked. The abort is durable under `Sync`, and written to the operating
    /// system otherwise, before later calls are shown or answered. So the end of the process can't bring an aborted call back.
    ///
    /// If that fails, the state rolls back to the last LSN before the first abort, because only that is certain.
    pub(super) fn abort(&self, live: &mut Live<S>, aborted: &[LsnRange], panics: u64) -> Result<()> {
        let Some(&(first, _)) = aborted.first() else { return Ok(()) };
        let recorded = self.log.lock().abort(aborted);
        if let Err(error) = &recorded {
            live.stopped = Some(error.clone());
            let certain = Lsn::new(first.get() - 1);
            self.rebuild(live, &[], certain);
            live.lsn = certain;
        }
        self.stats.lock().panics += panics;
        self.extend_lost(live);
        self.note_lost(live);
        recorded
    }
}

/// Applies one call whose first record has this LSN, and returns the digest of its results. Returns `None` if the call isn't applied as a
/// whole, because it panicked and the state is half changed, or because the state is lost.
fn apply_call<S: WalState>(live: &mut Live<S>, call: Call<S>, lsn: Lsn) -> (Answer<S>, Option<ResultDigest>) {
    match call {
        Call::One { log, answer } => match apply_record(live, log, lsn) {
            Ok((outcome, digest)) => (Answer::One(answer, Ok(outcome)), Some(digest)),
            Err(error) => (Answer::One(answer, Err(error)), None),
        },
        Call::Many { logs, answer } => {
            let (mut outcomes, mut digest) = (Vec::with_capacity(logs.len()), ResultDigest::default());
            for (at, log) in logs.into_iter().enumerate() {
                match apply_record(live, log, Lsn::new(lsn.get() + at as u64)) {
                    Ok((outcome, result)) => {
                        digest.add(result);
                        outcomes.push(outcome);
                    }
                    Err(error) => return (Answer::Many(answer, Err(error)), None),
                }
            }
            (Answer::Many(answer, Ok(outcomes)), Some(digest))
        }
    }
}

/// Applies one record, and returns its outcome with the outcome's digest.
pub(super) fn apply_record<S: WalState>(
    live: &mut Live<S>,
    log: Quiet<S::Log>,
    lsn: Lsn,
) -> Result<(Quiet<S::Outcome>, ResultDigest)> {
    let state = match &mut live.state {
        Ok(state) => state,
        Err(lost) => return Err(lost.error()),
    };
    let log = log.into_inner();
    let mutation = S::MUTATIONS.get(S::index(&log)).map_or("?", |mutation| mutation.name);
    let outcome = panic::catch(|| state.apply(log));
    let outcome = outcome.map_err(|message| Error::Panicked { mutation, lsn, message })?;
    let digest = ResultDigest::of(lsn, digest_of::<S>(&outcome));
    Ok((Quiet::new(outcome), digest))
}
