//! Threads of a store.

use std::thread::{Builder, JoinHandle};

use crate::error::{Error, Result};

/// Starts a thread.
///
/// The work is boxed, so that the code that starts a thread isn't compiled again for each state.
pub(crate) fn spawn<T: Send + 'static>(name: &str, work: Box<dyn FnOnce() -> T + Send>) -> Result<JoinHandle<T>> {
    let failed = |e| Error::Thread { reason: format!("the thread `{name}` can't be started: {e}") };
    Builder::new().name(name.to_string()).spawn(work).map_err(failed)
}

/// Lets other threads go before the calling one, where the system can tell threads of one process apart. A hint: nobody
/// hears whether it was taken.
pub(crate) fn step_back() {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    // On Linux this is the thread's own, whatever POSIX says of the process.
    let _ = rustix::process::nice(10);
}
