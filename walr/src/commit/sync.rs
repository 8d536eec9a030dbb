//! The lock and the condition variable of the hand-over. Its tests replace this module.

use std::time::Instant;

use parking_lot::{self, MutexGuard};

/// A lock without poisoning.
#[derive(Debug, Default)]
pub(super) struct Lock<T>(parking_lot::Mutex<T>);

impl<T> Lock<T> {
    pub(super) fn new(value: T) -> Self {
        Lock(parking_lot::Mutex::new(value))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock()
    }
}

/// A condition variable with at most one waiting thread.
#[derive(Debug, Default)]
pub(super) struct Wake(parking_lot::Condvar);

impl Wake {
    /// Waits until it is notified, or until the deadline. Returns `false` after the deadline.
    pub(super) fn wait<'a, T>(
        &self,
        mut guard: MutexGuard<'a, T>,
        deadline: Option<Instant>,
    ) -> (MutexGuard<'a, T>, bool) {
        let timed_out = match deadline {
            Some(deadline) => self.0.wait_until(&mut guard, deadline).timed_out(),
            None => {
                self.0.wait(&mut guard);
                false
            }
        };
        (guard, !timed_out)
    }

    pub(super) fn notify(&self) {
        self.0.notify_one();
    }
}
