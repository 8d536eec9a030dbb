//! A waker that panics.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use super::eventually;

/// Panics at each wake-up, and counts them.
#[derive(Default)]
pub(crate) struct PanickingWaker(AtomicUsize);

impl Wake for PanickingWaker {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
        panic!("the waker panics");
    }
}

impl PanickingWaker {
    pub(crate) fn poll<F: Future + ?Sized>(self: &Arc<Self>, future: Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(&Waker::from(self.clone())))
    }

    /// Polls a future once, asserts that it is pending, and returns it with its waker.
    pub(crate) fn begun<F: Future>(future: F) -> (Arc<PanickingWaker>, Pin<Box<F>>) {
        let (waker, mut future) = (Arc::new(PanickingWaker::default()), Box::pin(future));
        assert!(waker.poll(future.as_mut()).is_pending(), "the future is ready at its first poll");
        (waker, future)
    }

    pub(crate) fn was_woken(&self) -> bool {
        self.0.load(Ordering::SeqCst) > 0
    }

    /// Runs a future to its end on this thread, with one poll for each wake-up.
    pub(crate) fn wait_for<F: Future>(self: &Arc<Self>, future: F) -> F::Output {
        // Under tokio's budget the future would wait for the task's next turn, and this loop keeps the task's thread.
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
