//! A waker that panics.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use super::eventually;

/// Counts how often it was woken, and panics each time.
#[derive(Default)]
pub(crate) struct Panicking(AtomicUsize);

impl Wake for Panicking {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
        panic!("not to be woken");
    }
}

impl Panicking {
    pub(crate) fn poll<F: Future + ?Sized>(self: &Arc<Self>, future: Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(&Waker::from(self.clone())))
    }

    pub(crate) fn was_woken(&self) -> bool {
        self.0.load(Ordering::SeqCst) > 0
    }

    /// Polls a future to its end, each time when it has been woken, on this thread.
    pub(crate) fn wait_for<F: Future>(self: &Arc<Self>, future: F) -> F::Output {
        // Else the runtime around it would make it wait for a turn of the task, which is here.
        let mut future = pin!(tokio::task::unconstrained(future));
        loop {
            let before = self.0.load(Ordering::SeqCst);
            if let Poll::Ready(done) = self.poll(future.as_mut()) {
                return done;
            }
            eventually(|| self.0.load(Ordering::SeqCst) > before);
        }
    }
}
