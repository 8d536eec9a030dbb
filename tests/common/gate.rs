//! A gate before the simulated disk: while it is closed, whoever writes waits in the middle of a call.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

use walr::testing::Sim;

/// Opened when it is dropped, so that a failed test ends.
pub(crate) struct Gate {
    shared: Arc<(Mutex<Inner>, Condvar)>,
}

#[derive(Default)]
struct Inner {
    closed: bool,
    waiting: usize,
}

impl Gate {
    /// A gate, open at first, that every call which changes or syncs something in `sim` passes.
    pub(crate) fn before(sim: &Sim) -> Gate {
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

    /// One that is closed from the first: the next to change or sync something waits before it.
    pub(crate) fn closed_before(sim: &Sim) -> Gate {
        let gate = Gate::before(sim);
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

    /// Waits, on this thread, until somebody waits before the gate.
    pub(crate) fn wait_for_somebody(&self) {
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
