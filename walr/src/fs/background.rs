//! Threads whose work can wait.

/// Lets other threads go before the calling one, where the system can tell threads of one process apart. A hint: nobody
/// hears whether it was taken.
pub(crate) fn step_back() {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    // On Linux this is the thread's own, whatever POSIX says of the process.
    let _ = rustix::process::nice(10);
}
