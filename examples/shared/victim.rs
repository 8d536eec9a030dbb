//! A second process of the same program, which writes to a store until it is killed.

use std::fs;
use std::io::{self, BufRead, BufReader, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

/// The first argument of the second process. The folder of the store follows.
pub(crate) const UNTIL_KILLED: &str = "until-killed";

/// The second process, and the pipe on which it reports each acknowledged call.
pub(crate) struct Victim {
    process: Child,
    reports: BufReader<ChildStdout>,
    killed: bool,
}

impl Victim {
    /// Starts this program again, with the store in `dir`.
    pub(crate) fn start(dir: &Path) -> io::Result<Victim> {
        let mut command = Command::new(std::env::current_exe()?);
        let mut process = command.arg(UNTIL_KILLED).arg(dir).stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let pipe = process.stdout.take().ok_or_else(|| io::Error::other("the process has no standard output"))?;
        Ok(Victim { process, reports: BufReader::new(pipe), killed: false })
    }

    /// Returns the next report, or `None` after the last report of a killed process. A line that the kill cut off is no report.
    pub(crate) fn report(&mut self) -> io::Result<Option<String>> {
        let mut line = Vec::new();
        self.reports.read_until(b'\n', &mut line)?;
        if line.pop() == Some(b'\n') {
            return String::from_utf8(line).map(Some).map_err(io::Error::other);
        }
        let status = self.process.wait()?;
        if self.killed { Ok(None) } else { Err(io::Error::other(format!("the process ended by itself: {status}"))) }
    }

    /// Kills the process: no handler runs, and nothing is flushed.
    pub(crate) fn kill(&mut self) -> io::Result<()> {
        self.killed = true;
        self.process.kill()
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        // The process still runs only after an error, which is reported instead of one from here.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Reports an acknowledged call. Call this only after the `.await` of the call has returned.
pub(crate) fn report(line: &str) -> io::Result<()> {
    // One write for the whole line, so that lines of other tasks don't come between its parts.
    io::stdout().lock().write_all(format!("{line}\n").as_bytes())
}

/// Creates a new folder for a store, next to the program: `stores/cache-1`, `stores/cache-2` and so on.
pub(crate) fn fresh_folder(name: &str) -> io::Result<PathBuf> {
    let stores = std::env::current_exe()?.with_file_name("stores");
    fs::create_dir_all(&stores)?;
    for number in 1.. {
        let folder = stores.join(format!("{name}-{number}"));
        match fs::create_dir(&folder) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            made => return made.map(|()| folder),
        }
    }
    Err(io::Error::other("every number is taken"))
}
