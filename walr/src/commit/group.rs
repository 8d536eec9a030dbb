//! The commit of one group: one frame, one sync.

use std::sync::atomic::Ordering;
use std::time::Instant;

use super::core::Core;
use super::queue::Group;
use super::state_half::Fuse;
use crate::error::{Error, Result};
use crate::lsn::Lsn;
use crate::schema::state::WalState;

impl<S: WalState> Core<S> {
    /// Records a group, as durable as the options ask, and hands it over to be applied. Returns `false` if that fails: then the calls have
    /// their errors.
    pub(super) fn commit_group(&self, mut group: Group<S>) -> bool {
        let began = Instant::now();
        let _fuse = Fuse::new(self);
        match self.record(&mut group) {
            Ok((first, abort_space)) => {
                self.queue.hand_over(group, first, abort_space, began);
                true
            }
            Err(error) => {
                self.queue.fail(group, &error);
                false
            }
        }
    }

    /// Records a group. Returns the LSN of its first record, and the space that is reserved for its abort.
    fn record(&self, group: &mut Group<S>) -> Result<(Lsn, u64)> {
        self.failed()?;
        // Only an existing state can be changed.
        if self.is_lost.load(Ordering::Acquire) {
            // Nothing keeps the clock of `Periodic` meanwhile, and nothing is acknowledged.
            self.log.lock().sync()?;
            self.restore()?;
        }
        // A larger batch is refused before it is queued. The other calls take a byte of the queue for each record, whose size is a `u32`.
        let records = u32::try_from(group.records)
            .map_err(|_| Error::TooMany { records: group.records as u64, max: u32::MAX.into() })?;
        let calls = group.calls();
        self.log.lock().commit(&mut group.frame, records, calls)
    }
}

/// The turns of a test that drives both halves on one thread.
#[cfg(test)]
impl<S: WalState> Core<S> {
    /// Commits the group, if there are calls and the state half isn't too far behind.
    pub(crate) fn log_turn(&self) {
        if let Some(group) = self.queue.next(Some(Instant::now())).group {
            self.commit_group(group);
            self.log.lock().prepare();
        }
    }

    /// Applies and answers the oldest durable group. Returns `false` if there is none.
    pub(crate) fn state_turn(&self) -> bool {
        let step = self.queue.handover.begin_applying();
        step.map(|step| self.take_step(step)).is_some()
    }
}
