//! The calls of a workload, and the check of a recovered state against them.

use std::sync::Weak;

use super::state::Tally;
use crate::commit::Core;

/// A call of a workload.
#[derive(Clone, Debug)]
pub(super) struct Unit {
    /// The ids that the call adds.
    pub(super) ids: Vec<u32>,
    pub(super) status: Status,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    /// The call isn't answered yet.
    Pending {
        panics: bool,
    },
    Acknowledged,
    Panicked,
    /// The answer is an error, and the call isn't recorded.
    Refused,
    /// The answer is an error, and the call is recorded whole or not at all.
    Unknown,
}

/// The calls so far, in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Model {
    pub(super) units: Vec<Unit>,
    /// The number of calls that were answered, all of them before the others.
    pub(super) acked: usize,
    /// The number of calls that must survive a power cut, from the first.
    pub(super) durable: usize,
    /// The number of calls that must survive a power cut and one flipped bit, from the first: all but the last group, or all if a mark
    /// follows.
    pub(super) proven: usize,
    /// The open store.
    pub(super) core: Weak<Core<Tally>>,
    /// The ids that a read has shown.
    pub(super) shown: Vec<u32>,
}

impl Model {
    /// Notes that all answered calls are durable. The frames of this sync prove what was durable before.
    pub(super) fn synced(&mut self) {
        if self.durable < self.acked {
            (self.proven, self.durable) = (self.durable, self.acked);
        }
    }

    /// Notes that all answered calls are durable, and that a mark proves it.
    pub(super) fn marked(&mut self) {
        (self.durable, self.proven) = (self.acked, self.acked);
    }

    /// Notes the ids that a read would show now, unless it would wait.
    pub(super) fn look(&mut self) {
        let Some(core) = self.core.upgrade() else { return };
        let Some(live) = core.live.try_read() else { return };
        if let Ok(state) = &live.state {
            self.shown.clone_from(&state.ids);
        }
    }

    /// Notes the ids that a new process has found. A call without an answer that isn't among them can't come back.
    pub(super) fn restarted(&mut self, ids: &[u32]) {
        let mut at = 0;
        for unit in &mut self.units {
            let there = ids[at..].starts_with(&unit.ids);
            if matches!(unit.status, Status::Pending { .. } | Status::Unknown) {
                unit.status = if there { Status::Acknowledged } else { Status::Refused };
            }
            if there {
                at += unit.ids.len();
            }
        }
        self.acked = self.units.len();
        self.durable = self.acked;
    }

    /// Notes that a sync has failed: what wasn't durable may be lost, although it was acknowledged.
    pub(super) fn failed(&mut self) {
        let durable = self.durable;
        for unit in self.units.iter_mut().skip(durable).filter(|unit| unit.status == Status::Acknowledged) {
            unit.status = Status::Unknown;
        }
    }

    /// Checks the ids of a recovered state. The first `least` calls must be there if they were acknowledged, and the first `settled`
    /// ones must not if they panicked. Returns a description of what is wrong.
    pub(super) fn check(&self, ids: &[u32], least: usize, settled: usize) -> Result<(), String> {
        let mut at = 0;
        let mut ended = false;
        for (number, unit) in self.units.iter().enumerate() {
            let there = ids[at..].starts_with(&unit.ids);
            match unit.status {
                Status::Panicked if there && number < settled => {
                    return Err(format!("call {number} panicked, was answered so, and is there"));
                }
                Status::Refused if there => return Err(format!("call {number} was refused, and is there")),
                Status::Acknowledged if !there && number < least => {
                    return Err(format!("call {number} of {least} is missing"));
                }
                // A call that panicked may be there while its abort isn't answered, if it doesn't panic on replay. A call whose fate
                // is unknown may be missing although later calls are there.
                Status::Panicked | Status::Refused | Status::Unknown | Status::Pending { panics: true } => {}
                _ if ended && there => return Err(format!("call {number} is there, and an earlier one isn't")),
                _ => ended = !there,
            }
            if there {
                at += unit.ids.len();
            }
        }
        if at < ids.len() {
            return Err(format!("{} ids too many, or half a batch", ids.len() - at));
        }
        Ok(())
    }
}
