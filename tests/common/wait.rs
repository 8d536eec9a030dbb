//! Runs futures, and polls them by hand. No test asserts on time: the watchdog ends a test that never ends by itself.

use std::future::poll_fn;
use std::io::Write;
use std::pin::{Pin, pin};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use super::Result;

/// The watchdog's limit: far more than any test takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(180);

/// Aborts the process and prints the test's name, unless it is dropped within the limit.
pub(crate) struct Watchdog {
    _alive: mpsc::Sender<()>,
}

impl Watchdog {
    pub(crate) fn new() -> Watchdog {
        let (alive, ended) = mpsc::channel();
        let test = thread::current().name().unwrap_or("a test").to_string();
        thread::spawn(move || {
            if ended.recv_timeout(LIMIT) == Err(mpsc::RecvTimeoutError::Timeout) {
                // The harness captures what `eprintln!` prints, and an abort loses it.
                let _ = writeln!(std::io::stderr(), "{test} waits for something that never happens");
                std::process::abort();
            }
        });
        Watchdog { _alive: alive }
    }
}

/// Runs a test under a watchdog, on a tokio runtime of its own.
pub(crate) fn run<T>(test: impl Future<Output = T>) -> T {
    let _watchdog = Watchdog::new();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime starts").block_on(test)
}

/// Runs a future on this thread, without a runtime.
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

/// Runs `count` tasks at once and returns their outputs. `task` is given the task's number.
pub(crate) async fn in_tasks<T, E, F>(count: usize, task: impl FnMut(usize) -> F) -> Result<Vec<T>>
where
    F: Future<Output = Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: Into<Box<dyn std::error::Error + Send + Sync>> + Send + 'static,
{
    let tasks: Vec<_> = (0..count).map(task).map(tokio::spawn).collect();
    let mut outputs = Vec::new();
    for task in tasks {
        outputs.push(task.await?.map_err(Into::into)?);
    }
    Ok(outputs)
}

/// Polls a future once, with a waker that does nothing.
pub(crate) fn poll_once<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Polls a call once, asserts that it is pending, and returns it.
pub(crate) fn begun<F: Future>(call: F) -> Pin<Box<F>> {
    let mut call = Box::pin(call);
    assert!(poll_once(call.as_mut()).is_pending(), "the call is ready at its first poll");
    call
}

/// Polls a future up to `times` times, once for each wake-up, and drops it. Returns its output if it became ready.
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

/// Blocks this thread until `done` returns true.
pub(crate) fn eventually(mut done: impl FnMut() -> bool) {
    while !done() {
        thread::sleep(Duration::from_millis(1));
    }
}
