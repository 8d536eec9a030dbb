//! A group's calls are applied in order, and answered; a panic is taken back.

use std::time::{Duration, Instant};
use std::vec::Drain;

use parking_lot::RwLockWriteGuard;

use super::Committer;
use super::answer::Answer;
use super::core::Live;
use super::front::PATIENCE;
use super::queue::{Call, Group};
use crate::error::{Error, Result, in_one_line};
use crate::log::frame::Range;
use crate::lsn::Lsn;
use crate::options::Durability;
use crate::pace::Pace;
use crate::panic::{self, drop_quietly};
use crate::recovery::{Snapshot, rebuild};
use crate::reentry::{self, Place};
use crate::schema::state::WalState;

/// For about so long reads wait while a group is applied.
const SLICE: Duration = Duration::from_micros(500);

fn slice() -> Duration {
    #[cfg(test)]
    if crate::crash_tests::slices::are_short() {
        return Duration::ZERO;
    }
    SLICE
}

impl<S: WalState> Committer<S> {
    /// Applies the group's calls, whose first record has the LSN `first`, and answers them: in slices, so that reads come
    /// between, and that those who are answered run while the rest is applied.
    pub(super) fn apply(&mut self, first: Lsn, group: &mut Group<S>) {
        let (mut calls, mut lsn) = (group.calls.drain(..), first);
        self.core.stats.lock().groups += 1;
        while calls.len() > 0 {
            if let Err(error) = self.keep_the_period().and_then(|()| self.apply_slice(&mut lsn, &mut calls)) {
                return calls.for_each(|call| call.fail(error.clone()));
            }
            #[cfg(test)]
            crate::crash_tests::slices::between();
        }
    }

    /// A long group must not stop the clock for what was acknowledged before, its own first calls included.
    fn keep_the_period(&mut self) -> Result<()> {
        let Durability::Periodic(period) = self.core.config.durability else { return Ok(()) };
        if self.unsynced_since.is_some_and(|since| since.elapsed() >= period) {
            self.sync()?;
        }
        Ok(())
    }

    /// Applies and answers calls for about as long as reads may wait. `lsn` is the next record's. After a panic there is no
    /// end before the group's: what follows is shown only when the abort is durable.
    fn apply_slice(&mut self, lsn: &mut Lsn, calls: &mut Drain<'_, Call<S>>) -> Result<()> {
        let core = self.core.clone();
        let mut live = match core.live.try_write_for(PATIENCE) {
            Some(live) => live,
            None => {
                // A long read must not stop the clock for what was acknowledged before.
                if matches!(core.config.durability, Durability::Periodic(_)) {
                    self.sync()?;
                }
                core.live.write()
            }
        };
        let entered = reentry::enter(core.id(), Place::Mutation);
        let mut answers = std::mem::take(&mut self.answers);
        let (began, first) = (Instant::now(), *lsn);
        let mut aborted = Vec::new();
        for call in calls {
            let next = Lsn::new(lsn.get() + call.records() as u64);
            let (answer, panicked) = apply_call(&mut live, call, *lsn);
            if panicked {
                aborted.push((*lsn, Lsn::new(next.get() - 1)));
                self.rebuild(&mut live, &aborted, Lsn::new(lsn.get() - 1));
            }
            answers.push(answer);
            *lsn = next;
            if aborted.is_empty() && began.elapsed() >= slice() {
                break;
            }
        }
        live.lsn = Lsn::new(lsn.get() - 1);
        let taken_back = self.take_back(&mut live, &aborted);
        drop(entered);
        RwLockWriteGuard::unlock_fair(live);
        // Before the answers: who has one finds its call in the figures.
        self.count(Lsn::new(lsn.get() - 1), lsn.get() - first.get());
        for answer in answers.drain(..) {
            match &taken_back {
                Ok(()) => answer.give(),
                Err(error) => answer.fail(error.clone()),
            }
        }
        self.answers = answers;
        Ok(())
    }

    /// Builds the state again without what `aborted` holds, after a mutation that panicked may have left it half changed.
    pub(super) fn rebuild(&mut self, live: &mut Live<S>, aborted: &[Range], up_to: Lsn) {
        if live.state.is_none() {
            // It couldn't be built a moment ago, and the store has latched.
            return;
        }
        drop_quietly(live.state.take());
        let aborts = [&self.aborts[..], aborted].concat();
        // What `Periodic` keeps in the process must be there to be read. After a failure nothing is written any more.
        let written = if self.core.latch.get().is_none() { self.journal.write() } else { Ok(()) };
        let rebuilt = written.and_then(|()| {
            let checkpoint = self.checkpoints.last().copied().unwrap_or_default();
            let snapshot = Snapshot { checkpoint, extents: self.journal.extents(), aborts, up_to };
            rebuild(&self.core.dir, &self.core.store, &snapshot, &Pace::full())
        });
        match rebuilt {
            Ok(state) => live.state = Some(state),
            Err(error) => drop(self.latch(error)),
        }
    }

    /// Records that `aborted` is taken back: durable before anything that was applied after it is shown or acknowledged.
    pub(super) fn take_back(&mut self, live: &mut Live<S>, aborted: &[Range]) -> Result<()> {
        if live.state.is_none() {
            let cause = self.core.latch.get().map(|cause| in_one_line(&**cause)).unwrap_or_default();
            return Err(Error::Thread { reason: format!("the state couldn't be rebuilt after a panic: {cause}") });
        }
        let Some(&(first, _)) = aborted.first() else { return Ok(()) };
        self.journal.append_abort(aborted);
        #[cfg(test)]
        if crate::crash_tests::sabotage::abort_stays_unsynced() {
            return Ok(());
        }
        let written = self.persist();
        if let Err(error) = &written {
            self.latch(error.clone());
            if self.core.config.durability == Durability::Sync {
                // A crash may take back what was applied on top of the abort: show what is certain.
                let certain = Lsn::new(first.get() - 1);
                self.rebuild(live, &[], certain);
                live.lsn = certain;
            }
        }
        self.aborts.extend_from_slice(aborted);
        self.core.stats.lock().panics += aborted.len() as u64;
        written
    }
}

/// Applies one call whose first record has this LSN; true if it panicked, and the state is spoilt.
fn apply_call<S: WalState>(live: &mut Live<S>, call: Call<S>, lsn: Lsn) -> (Answer<S>, bool) {
    match call {
        Call::One { log, answer } => {
            let result = apply_record(live, log, lsn);
            let panicked = result.is_err();
            (Answer::One(answer, result), panicked)
        }
        Call::Many { logs, answer } => {
            let mut outcomes = Vec::with_capacity(logs.len());
            for (at, log) in logs.into_iter().enumerate() {
                match apply_record(live, log, Lsn::new(lsn.get() + at as u64)) {
                    Ok(outcome) => outcomes.push(outcome),
                    Err(error) => {
                        drop_quietly(outcomes);
                        return (Answer::Many(answer, Err(error)), true);
                    }
                }
            }
            (Answer::Many(answer, Ok(outcomes)), false)
        }
    }
}

pub(super) fn apply_record<S: WalState>(live: &mut Live<S>, log: S::Log, lsn: Lsn) -> Result<S::Outcome> {
    let mutation = S::MUTATIONS.get(S::index(&log)).map_or("?", |mutation| mutation.name);
    let Some(state) = &mut live.state else {
        let message = "an earlier panic of its group spoilt the state".to_string();
        return Err(Error::Panicked { mutation, lsn, message });
    };
    panic::catch(|| state.apply(log)).map_err(|message| Error::Panicked { mutation, lsn, message })
}
