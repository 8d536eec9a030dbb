//! Waiting, and polling by hand. No test asserts on time; one whose wait never ends is ended by the watchdog.

use std::future::poll_fn;
use std::io::Write;
use std::pin::{Pin, pin};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

/// Far more than any test takes, also on a machine that is busy with other things.
const LIMIT: Duration = Duration::from_secs(180);

/// Ends the process, with the test's name, when it isn't dropped in time.
pub(crate) struct Watchdog {
    _alive: mpsc::Sender<()>,
}

impl Watchdog {
    pub(crate) fn new() -> Watchdog {
        let (alive, ended) = mpsc::channel();
        let test = thread::current().name().unwrap_or("a test").to_string();
        thread::spawn(move || {
            if ended.recv_timeout(LIMIT) == Err(mpsc::RecvTimeoutError::Timeout) {
                // Not a macro: what those print is captured, and lost in an abort.
                let _ = writeln!(std::io::stderr(), "{test}: something waits and will never end");
                std::process::abort();
            }
        });
        Watchdog { _alive: alive }
    }
}

/// Runs a test on a runtime of its own, under a watchdog.
pub(crate) fn run<T>(test: impl Future<Output = T>) -> T {
    let _watchdog = Watchdog::new();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime starts").block_on(test)
}

/// Runs a future on this thread alone, with no runtime around it.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(done) => return done,
            Poll::Pending => thread::park(),
        }
    }
}

/// Polls once, and is never woken.
pub(crate) fn poll_once<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// A call that was polled once, and waits.
pub(crate) fn begun<F: Future>(call: F) -> Pin<Box<F>> {
    let mut call = Box::pin(call);
    assert!(poll_once(call.as_mut()).is_pending(), "it waits");
    call
}

/// Polls a future so many times, each time when it has been woken, and drops it then: its output if it was ready by that.
pub(crate) async fn poll_times<F: Future>(future: F, times: usize) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = times;
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match future.as_mut().poll(context) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// Waits, on this thread, until `done`.
pub(crate) fn eventually(mut done: impl FnMut() -> bool) {
    while !done() {
        thread::sleep(Duration::from_millis(1));
    }
}
