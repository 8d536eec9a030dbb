//! A group's calls are applied in order, and answered; one that panics is aborted.

use std::time::Instant;
use std::vec::Drain;

use parking_lot::RwLockWriteGuard;

use super::Committer;
use super::answer::Answer;
use super::core::Live;
use super::front::PATIENCE;
use super::queue::{Call, Group, keep_spare};
use crate::error::{Error, Result};
use crate::lsn::Lsn;
use crate::options::Durability;
use crate::panic::{self, Quiet, drop_quietly};
use crate::schema::reentry::{self, Inside};
use crate::schema::state::WalState;

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

    /// Applies and answers calls for about as long as reads may wait. `lsn` is the next record's. After a panic the
    /// slice runs to the end of the group, because later calls may be shown only once the abort is recorded.
    fn apply_slice(&mut self, lsn: &mut Lsn, calls: &mut Drain<'_, Call<S>>) -> Result<()> {
        let core = self.core.clone();
        let mut live = match core.live.try_write_for(PATIENCE) {
            Some(live) => live,
            None => {
                // A long read must not stop the clock for what was acknowledged before.
                if matches!(core.config.durability, Durability::Periodic(_)) {
                    self.sync()?;
                }
                core.write()
            }
        };
        let entered = reentry::enter(core.id(), Inside::Mutation);
        live.keep_base(core.copy);
        let mut answers = std::mem::take(&mut self.answers);
        let (began, first) = (Instant::now(), *lsn);
        let (mut aborted, mut panics) = (Vec::new(), 0);
        for call in calls {
            let next = Lsn::new(lsn.get() + call.records() as u64);
            let (answer, applied) = apply_call(&mut live, call, *lsn);
            if !applied {
                aborted.push((*lsn, Lsn::new(next.get() - 1)));
                // Once the state is lost, the calls behind the panic are refused, and aborted with it.
                if live.state.is_ok() {
                    panics += 1;
                    self.rebuild(&mut live, &aborted, Lsn::new(lsn.get() - 1));
                }
            }
            answers.push(answer);
            *lsn = next;
            if aborted.is_empty() && began.elapsed() >= core.config.slice {
                break;
            }
        }
        live.lsn = Lsn::new(lsn.get() - 1);
        let recorded = self.abort(&mut live, &aborted, panics);
        let base = live.base.take();
        drop(entered);
        RwLockWriteGuard::unlock_fair(live);
        drop_quietly(base);
        // Before the answers: who has one finds its call in the figures.
        self.count(Lsn::new(lsn.get() - 1), lsn.get() - first.get());
        for answer in answers.drain(..) {
            match &recorded {
                Ok(()) => answer.give(),
                Err(error) => answer.fail(error.clone()),
            }
        }
        keep_spare(&mut answers);
        self.answers = answers;
        Ok(())
    }
}

/// Applies one call whose first record has this LSN; false if it isn't applied whole, because it panicked and the state is half
/// changed, or because the state is lost.
fn apply_call<S: WalState>(live: &mut Live<S>, call: Call<S>, lsn: Lsn) -> (Answer<S>, bool) {
    match call {
        Call::One { log, answer } => {
            let result = apply_record(live, log, lsn);
            let applied = result.is_ok();
            (Answer::One(answer, result), applied)
        }
        Call::Many { logs, answer } => {
            let mut outcomes = Vec::with_capacity(logs.len());
            for (at, log) in logs.into_iter().enumerate() {
                match apply_record(live, log, Lsn::new(lsn.get() + at as u64)) {
                    Ok(outcome) => outcomes.push(outcome),
                    Err(error) => return (Answer::Many(answer, Err(error)), false),
                }
            }
            (Answer::Many(answer, Ok(outcomes)), true)
        }
    }
}

pub(super) fn apply_record<S: WalState>(live: &mut Live<S>, log: Quiet<S::Log>, lsn: Lsn) -> Result<Quiet<S::Outcome>> {
    let state = match &mut live.state {
        Ok(state) => state,
        Err(lost) => return Err(lost.error()),
    };
    let log = log.into_inner();
    let mutation = S::MUTATIONS.get(S::index(&log)).map_or("?", |mutation| mutation.name);
    let outcome = panic::catch(|| state.apply(log));
    outcome.map(Quiet::new).map_err(|message| Error::Panicked { mutation, lsn, message })
}
