//! The wait for an answer, and the check that an answer can come.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio::sync::oneshot::{self, error::TryRecvError};

use crate::error::{Error, Fate, Result};
use crate::schema::reentry::{self, Inside};

/// A queued call's wait for its answer.
pub(crate) struct Waiting<T> {
    pub(crate) answer: oneshot::Receiver<Result<T>>,
    /// The time that the caller spins before it sleeps.
    pub(crate) spin: Option<Duration>,
    pub(crate) admission: Admission,
}

impl<T> Waiting<T> {
    pub(crate) async fn answer(self) -> Result<T> {
        let Waiting { mut answer, spin, admission } = self;
        let unanswered = || Error::Thread { reason: "the store's threads ended without an answer".to_string() };
        let answer = async {
            let until = spin.map(|most| Instant::now() + most);
            while until.is_some_and(|until| Instant::now() < until) {
                match answer.try_recv() {
                    Ok(result) => return result,
                    // The executor's other tasks run meanwhile.
                    Err(TryRecvError::Empty) => tokio::task::yield_now().await,
                    Err(TryRecvError::Closed) => return Err(unanswered()),
                }
            }
            answer.await.unwrap_or_else(|_| Err(unanswered()))
        };
        // A queued call may be recorded, even if the store's threads have ended.
        admission.outside(Fate::Unknown, answer).await
    }
}

/// A store's check that a call of this thread can be answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Admission {
    /// Tells the stores of a process apart.
    pub(crate) store: usize,
    /// The process that opened the store.
    process: u32,
}

impl Admission {
    /// Makes the admission of a new store.
    pub(crate) fn new() -> Self {
        static STORES: AtomicUsize = AtomicUsize::new(0);
        Admission { store: STORES.fetch_add(1, Ordering::Relaxed), process: std::process::id() }
    }

    /// Returns whether this process is a fork of the process that opened the store. A fork has the memory, but not the threads.
    pub(crate) fn is_forked(&self) -> bool {
        std::process::id() != self.process
    }

    /// Returns an error if a call could never be answered. `fate` is the fate of the call so far.
    pub(crate) fn check(&self, fate: Fate) -> Result<()> {
        if self.is_forked() {
            return Err(match fate {
                Fate::NotRecorded => Error::Forked,
                Fate::Unknown => {
                    let reason =
                        "this process was forked while the call was in flight, and only the parent hears of it";
                    Error::Thread { reason: reason.to_string() }
                }
            });
        }
        match reentry::inside(self.store) {
            Some(Inside::Read) => Err(Error::Reentrant { place: "a `read`", fate }),
            Some(Inside::Mutation) => Err(Error::Reentrant { place: "a mutation", fate }),
            None => Ok(()),
        }
    }

    /// Awaits `wait`, and repeats the check at each pending poll: a call that began outside the store may be polled inside it, where
    /// it would wait for itself.
    pub(crate) async fn outside<T>(&self, fate: Fate, wait: impl Future<Output = Result<T>>) -> Result<T> {
        let mut wait = pin!(wait);
        poll_fn(|context| match wait.as_mut().poll(context) {
            Poll::Pending => match self.check(fate) {
                Ok(()) => Poll::Pending,
                Err(error) => Poll::Ready(Err(error)),
            },
            ready => ready,
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Waker};

    use super::*;

    #[test]
    fn a_caller_that_spins_sees_that_the_threads_ended() {
        let (sender, answer) = oneshot::channel::<Result<()>>();
        let waiting = Waiting { answer, spin: Some(Duration::from_secs(1)), admission: Admission::new() };
        let mut answer = pin!(waiting.answer());
        let mut poll = || answer.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(poll().is_pending());
        drop(sender);
        assert!(matches!(poll(), Poll::Ready(Err(Error::Thread { .. }))));
    }
}
