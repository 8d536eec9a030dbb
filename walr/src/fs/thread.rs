//! The threads of a store.

use std::thread::{Builder, JoinHandle};

use crate::error::{Error, Result};

/// Starts a thread.
///
/// The work is boxed, so that the code that starts a thread isn't compiled again for each state.
pub(crate) fn spawn<T: Send + 'static>(name: &str, work: Box<dyn FnOnce() -> T + Send>) -> Result<JoinHandle<T>> {
    let failed = |e| Error::Thread { reason: format!("the thread `{name}` can't be started: {e}") };
    Builder::new().name(name.to_string()).spawn(work).map_err(failed)
}

/// Lowers the priority of the calling thread, where the system has a priority for each thread. A failure is ignored.
pub(crate) fn lower_priority() {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    // On Linux a nice value belongs to the thread, although POSIX says that it belongs to the process.
    let _ = rustix::process::nice(10);
}
