//! Copies of the folder after each call to the file system.

use crate::commit::Core;
use crate::lsn::Lsn;
use crate::options::Durability;
use crate::schema::state::WalState;
use crate::sim::Sim;

/// The LSNs that a crash must not lose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Required {
    /// The last LSN that was answered.
    pub(super) answered: Lsn,
    /// The last LSN that must survive the end of the process.
    pub(super) kill: Lsn,
    /// The last LSN that must survive a power cut.
    pub(super) cut: Lsn,
}

impl Required {
    /// Returns what a crash at this moment must not lose, as the durability promises it.
    pub(super) fn of<S: WalState>(core: &Core<S>) -> Required {
        let stats = core.stats.lock();
        // The store counts a call when it is as durable as the options ask, and answers it after that.
        let (answered, durable) = (stats.last, stats.durable);
        match core.config.durability {
            Durability::Sync => Required::all(answered),
            Durability::Os => Required { answered, kill: answered, cut: durable },
            Durability::Periodic(_) => Required { answered, kill: durable, cut: durable },
        }
    }

    /// Requires everything that was answered.
    pub(super) fn all(answered: Lsn) -> Required {
        Required { answered, kill: answered, cut: answered }
    }
}

/// A copy of the folder right after a call to the file system.
pub(super) struct Fork {
    pub(super) call: u64,
    pub(super) required: Required,
    pub(super) folder: Sim,
}

/// The forks of a run: one for each call, or for evenly spread calls of a long run.
pub(super) struct Forks {
    /// The calls so far.
    pub(super) calls: u64,
    pub(super) kept: Vec<Fork>,
    /// The only call to fork after; `None` for all calls.
    only: Option<u64>,
    /// The most forks to keep, with the one of the end.
    most: usize,
    /// Keeps one fork of this many calls.
    stride: u64,
}

impl Forks {
    pub(super) fn new(most: usize, only: Option<u64>) -> Forks {
        Forks { calls: 0, kept: Vec::new(), only, most: most.max(2), stride: 1 }
    }

    /// Counts a call, and keeps its fork if it is wanted. The caller must read `required` before the call.
    pub(super) fn note(&mut self, required: Required, folder: &Sim) {
        self.calls += 1;
        if self.wants(self.calls) {
            self.kept.push(Fork { call: self.calls, required, folder: folder.restart() });
        }
        // One place is for the fork of the end.
        if self.kept.len() >= self.most {
            self.stride *= 2;
            let stride = self.stride;
            self.kept.retain(|fork| is_multiple(fork.call, stride));
        }
    }

    /// Ends the run, and replaces the fork of the last call by one of this moment, when all calls are answered.
    pub(super) fn end(&mut self, required: Required, folder: &Sim) {
        self.kept.pop_if(|fork| fork.call == self.calls);
        if self.only.is_none_or(|call| call == self.calls) {
            self.kept.push(Fork { call: self.calls, required, folder: folder.restart() });
        }
    }

    fn wants(&self, call: u64) -> bool {
        match self.only {
            Some(only) => call == only,
            None => is_multiple(call, self.stride),
        }
    }
}

/// Returns whether `call` is the first call, or a multiple of `stride` calls after it.
fn is_multiple(call: u64, stride: u64) -> bool {
    (call - 1).is_multiple_of(stride)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(most: usize, only: Option<u64>, calls: u64) -> Vec<u64> {
        let (mut forks, sim) = (Forks::new(most, only), Sim::new());
        (0..calls).for_each(|_| forks.note(Required::default(), &sim));
        forks.end(Required::default(), &sim);
        forks.kept.iter().map(|fork| fork.call).collect()
    }

    #[test]
    fn forks_are_spread_evenly_once_there_are_many() {
        assert_eq!(kept(8, None, 7), [1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(kept(8, None, 8), [1, 3, 5, 7, 8]);
        assert_eq!(kept(8, None, 20), [1, 5, 9, 13, 17, 20]);
        assert!((2..40).all(|most| (0..300).all(|calls| kept(most, None, calls).len() <= most)));
        assert_eq!(kept(0, None, 300), [1, 300]);
        assert_eq!(kept(8, Some(7), 20), [7]);
        assert_eq!(kept(8, Some(20), 20), [20]);
        assert_eq!(kept(8, Some(21), 20), []);
    }
}
