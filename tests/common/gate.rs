//! A gate at which the threads of a store stop in the middle of their work on a simulated disk.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

use walr::testing::Sim;

/// Holds up, while it is closed, each thread that changes or syncs something on the simulated disk.
///
/// A thread stops after its call has taken effect and before the call returns. Dropping the gate opens it, so that a failed
/// test ends.
pub(crate) struct Gate {
    shared: Arc<(Mutex<Inner>, Condvar)>,
}

#[derive(Default)]
struct Inner {
    closed: bool,
    waiting: usize,
}

impl Gate {
    /// Puts an open gate on `sim`.
    pub(crate) fn open_on(sim: &Sim) -> Gate {
        let shared = Arc::new((Mutex::new(Inner::default()), Condvar::new()));
        let passing = shared.clone();
        sim.observe(Some(Arc::new(move |_: &Sim| {
            let (inner, changed) = &*passing;
            let mut inner = inner.lock().unwrap_or_else(PoisonError::into_inner);
            inner.waiting += 1;
            changed.notify_all();
            while inner.closed {
                inner = changed.wait(inner).unwrap_or_else(PoisonError::into_inner);
            }
            inner.waiting -= 1;
        })));
        Gate { shared }
    }

    /// Puts a closed gate on `sim`.
    pub(crate) fn closed_on(sim: &Sim) -> Gate {
        let gate = Gate::open_on(sim);
        gate.close();
        gate
    }

    pub(crate) fn close(&self) {
        self.set(true);
    }

    pub(crate) fn open(&self) {
        self.set(false);
    }

    fn set(&self, closed: bool) {
        let (inner, changed) = &*self.shared;
        inner.lock().unwrap_or_else(PoisonError::into_inner).closed = closed;
        changed.notify_all();
    }

    /// Blocks this thread until another thread is stopped at the gate.
    pub(crate) fn wait_for_arrival(&self) {
        let (inner, changed) = &*self.shared;
        let mut inner = inner.lock().unwrap_or_else(PoisonError::into_inner);
        while inner.waiting == 0 {
            inner = changed.wait(inner).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.open();
    }
}
