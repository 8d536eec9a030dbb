//! The threads of a store.

use std::thread::{Builder, JoinHandle};

use crate::error::{Error, Result};

/// The stack of a thread that encodes, decodes or applies a user's values: address space, of which only the used part takes memory. A
/// call decodes its argument on the caller's thread before it is recorded, so a replay needs a stack no smaller than a caller's.
pub(crate) const STACK_BYTES: usize = 64 << 20;

/// Starts a thread.
///
/// The work is boxed, so that the code that starts a thread isn't compiled again for each state.
pub(crate) fn spawn<T: Send + 'static>(name: &str, work: Box<dyn FnOnce() -> T + Send>) -> Result<JoinHandle<T>> {
    let failed = |e| Error::Thread { reason: format!("the thread `{name}` can't be started: {e}") };
    Builder::new().name(name.to_string()).stack_size(STACK_BYTES).spawn(work).map_err(failed)
}

/// Lowers the priority of the calling thread, where the system has a priority for each thread. A failure is ignored.
pub(crate) fn lower_priority() {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    // On Linux a nice value belongs to the thread, although POSIX says that it belongs to the process.
    let _ = rustix::process::nice(10);
}
