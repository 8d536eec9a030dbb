//! The report of a crash test.

use std::error::Error;
use std::fmt;

use super::Sim;
use super::crash::{Crash, CrashKind};
use super::forks::Required;
use crate::lsn::Lsn;

/// The report of a crash test; [`crash_test`](super::crash_test) and [`CrashTest::run`](super::CrashTest::run) return it.
#[derive(Clone, Debug)]
#[must_use = "a failure is only reported; `assert_ok()` makes it fail the test"]
#[non_exhaustive]
pub struct Report {
    /// The number of crash states that were opened. Power cuts that leave the same files count as one state.
    pub states: u64,
    /// The number of calls that the run made to the file system to change or sync something. A crash can come after each.
    pub calls: u64,
    /// The number of records that the run applied: one for each call, and one for each member of a batch.
    pub records: u64,
    /// The first failure, if there was one. The test tries nothing after it.
    pub failure: Option<Failure>,
}

impl Report {
    /// Panics if the test found a failure. The message describes the failure, and how to repeat it.
    ///
    /// # Panics
    ///
    /// Panics if there is a [`failure`](Report::failure).
    #[track_caller]
    pub fn assert_ok(&self) {
        if let Some(failure) = &self.failure {
            panic!("{failure}");
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { states, calls, records, failure } = self;
        write!(f, "{states} crash states of {calls} calls to the file system, {records} records: ")?;
        match failure {
            None => f.write_str("no failure"),
            Some(failure) => failure.fmt(f),
        }
    }
}

/// A crash state that lost something or broke the invariant, or a run that failed by itself.
///
/// `Display` and `Debug` show what is wrong, what was answered before the crash, what was recovered, and how to repeat this crash.
#[derive(Clone)]
#[non_exhaustive]
pub struct Failure {
    /// The failure: an error of the open, missing or changed records, or the message of the invariant.
    pub reason: String,
    /// The name of the crash, for [`CrashTest::only`](super::CrashTest::only) and the variable `WALR_CRASH`; `None` if the run itself
    /// failed.
    pub crash: Option<String>,
    /// The folder as the crash left it, never opened. [`Sim::save`] writes it to a disk.
    pub folder: Sim,
    /// The details of the crash.
    details: Option<CrashDetails>,
}

/// A crash, and the result of its recovery.
#[derive(Clone)]
pub(super) struct CrashDetails {
    pub(super) crash: Crash,
    pub(super) required: Required,
    /// The last LSN of the recovered store, if it could be opened.
    pub(super) recovered: Option<Lsn>,
    /// The test's name, if the thread has a name.
    pub(super) test: Option<String>,
}

impl Failure {
    /// Creates the failure of a run.
    pub(super) fn of_run(reason: String, folder: Sim) -> Failure {
        Failure { reason, crash: None, folder, details: None }
    }

    /// Creates the failure of a crash.
    pub(super) fn of_crash(reason: String, folder: Sim, details: CrashDetails) -> Failure {
        Failure { reason, crash: Some(details.crash.to_string()), folder, details: Some(details) }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(CrashDetails { crash, required, recovered, test }) = &self.details else {
            return f.write_str(&self.reason);
        };
        match crash.kind {
            CrashKind::Kill => f.write_str("the process is killed")?,
            CrashKind::Cut(_) => f.write_str("the power fails")?,
        }
        writeln!(f, " after call {} to the file system: {}", crash.call, self.reason)?;
        let Required { answered, kill, cut } = required;
        let least = if crash.kind == CrashKind::Kill { kill } else { cut };
        write!(f, "  answered   up to lsn {answered}")?;
        if least < answered {
            write!(f, ", of which those up to lsn {least} must survive")?;
        }
        match recovered {
            Some(last) => write!(f, "\n  recovered  up to lsn {last}")?,
            None => write!(f, "\n  recovered  nothing")?,
        }
        let test = test.as_deref().unwrap_or("NAME_OF_THE_TEST");
        write!(f, "\n  repeat     WALR_CRASH={crash} cargo test {test}")?;
        write!(f, "\n  or         CrashTest::new().only(\"{crash}\")")
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for Failure {}
