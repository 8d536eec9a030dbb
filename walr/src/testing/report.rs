//! What a crash test found.

use std::error::Error;
use std::fmt;

use super::Sim;
use super::crash::{Crash, Way};
use super::forks::Required;
use crate::lsn::Lsn;

/// What a crash test found; from [`crash_test`](super::crash_test) and [`CrashTest::run`](super::CrashTest::run).
#[derive(Clone, Debug)]
#[must_use = "a failure is only reported; `assert_ok()` makes it fail the test"]
#[non_exhaustive]
pub struct Report {
    /// Crash states that were opened. Power cuts that leave the same files are one state.
    pub states: u64,
    /// Calls that the run made to the file system to change or sync something. A crash can come after each of them.
    pub calls: u64,
    /// Records of the run that were applied and answered: one for each call, and one for each member of a batch.
    pub records: u64,
    /// The first failure, if there was one: nothing is tried after it.
    pub failure: Option<Failure>,
}

impl Report {
    /// Panics if the test found a failure. The message says what was lost or broken, and how to repeat it.
    ///
    /// # Panics
    ///
    /// If there is a [`failure`](Report::failure).
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
            None => f.write_str("all sound"),
            Some(failure) => failure.fmt(f),
        }
    }
}

/// A crash state that lost something or broke the invariant, or a run that failed by itself.
///
/// Its `Display` and its `Debug` are what a failed test shows: what is wrong, what was answered before the crash, what was
/// recovered, and how to repeat exactly this crash.
#[derive(Clone)]
#[non_exhaustive]
pub struct Failure {
    /// What is wrong: an error of the open, missing or changed records, or the invariant's message.
    pub reason: String,
    /// The name of the crash, for [`CrashTest::only`](super::CrashTest::only) and the environment's `WALR_CRASH`; `None`
    /// where the run failed by itself.
    pub crash: Option<String>,
    /// The folder as the crash left it; nothing has opened it yet. [`Sim::save`] writes it to a real one.
    pub folder: Sim,
    /// What is known of a crash.
    found: Option<Found>,
}

/// A crash, and what was recovered from it.
#[derive(Clone)]
pub(super) struct Found {
    pub(super) crash: Crash,
    pub(super) required: Required,
    /// The last LSN of the recovered store, if it could be opened.
    pub(super) recovered: Option<Lsn>,
    /// The test's name, if the thread has it.
    pub(super) test: Option<String>,
}

impl Failure {
    /// A failure of the run itself.
    pub(super) fn of_run(reason: String, folder: Sim) -> Failure {
        Failure { reason, crash: None, folder, found: None }
    }

    pub(super) fn of_crash(reason: String, folder: Sim, found: Found) -> Failure {
        Failure { reason, crash: Some(found.crash.to_string()), folder, found: Some(found) }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(Found { crash, required, recovered, test }) = &self.found else {
            return f.write_str(&self.reason);
        };
        match crash.way {
            Way::Kill => f.write_str("the process is killed")?,
            Way::Cut(_) => f.write_str("the power fails")?,
        }
        writeln!(f, " after call {} to the file system: {}", crash.call, self.reason)?;
        let Required { answered, kill, cut } = required;
        let least = if crash.way == Way::Kill { kill } else { cut };
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
