//! The part of an open store that the clones of a handle share.

use std::thread::JoinHandle;

use parking_lot::Mutex;

use crate::commit::Front;
use crate::schema::state::{Backend, Begun, Reading, Recorded, WalState};

/// An open store, shared by the clones of its handle. Its drop closes the store.
pub(crate) struct OpenStore<S: Recorded> {
    pub(crate) front: Front<S>,
    log_thread: Mutex<Option<JoinHandle<()>>>,
}

impl<S: Recorded> OpenStore<S> {
    pub(crate) fn new(front: Front<S>) -> Self {
        OpenStore { front, log_thread: Mutex::new(None) }
    }

    /// Sets the thread that the drop waits for.
    pub(crate) fn set_thread(&self, thread: JoinHandle<()>) {
        *self.log_thread.lock() = Some(thread);
    }
}

impl<S: Recorded> Drop for OpenStore<S> {
    fn drop(&mut self) {
        if self.front.core.admission.is_forked() {
            // The thread and the lock belong to the parent.
            return;
        }
        self.front.core.abandon();
        let Some(thread) = self.log_thread.get_mut().take() else { return };
        // A result can hold the last handle, and be dropped on a thread of the store.
        if thread.thread().id() != std::thread::current().id() && !self.front.core.is_state_thread() {
            // The thread catches its panics and reports them to its callers.
            let _ = thread.join();
        }
    }
}

/// The store behind a `Durable`.
///
/// A `Durable` holds it as a trait object: rustc looks through the fields of a type to see whether it is `Send`, and fails with a cycle
/// where a state's own results hold a `Durable`, and the fields name the type of its results.
pub(crate) trait Local<S: Recorded>: Backend<S> {
    fn front(&self) -> &Front<S>;
}

impl<S: WalState> Local<S> for OpenStore<S> {
    fn front(&self) -> &Front<S> {
        &self.front
    }
}

impl<S: WalState> Backend<S> for OpenStore<S> {
    fn begin(&self, log: S::Log) -> Begun<'_, S> {
        self.front.begin(log)
    }

    fn read(&self) -> Reading<'_, S> {
        self.front.core.read()
    }
}
