//! Crash tests that fail: the message says what is wrong and names the crash, which can be repeated.

use std::error::Error;
use std::process::Command;

use serde::{Deserialize, Serialize};
use walr::testing::{Broken, CrashTest, Failure, Report, Sim, crash_test};
use walr::{Durable, WalState};

use crate::common::{Result, Words, numbered, open_sim, push_numbered, run};

/// A range with a planted bug: its ends are set by two mutations.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, WalState)]
struct Span {
    from: u64,
    to: u64,
}

#[walr::mutations]
impl Span {
    #[mutation]
    fn set_from(&mut self, from: u64) {
        self.from = from;
    }

    #[mutation]
    fn set_to(&mut self, to: u64) {
        self.to = to;
    }
}

/// Moves a span upwards. Between the two calls it ends before it begins.
async fn move_up(span: Durable<Span>) -> Result<(), Box<dyn Error>> {
    for at in 1..4 {
        span.set_from(at).await?;
        span.set_to(at).await?;
    }
    Ok(())
}

async fn push_ten(words: Durable<Words>) -> Result<(), Box<dyn Error>> {
    Ok(push_numbered(&words, 10).await?)
}

/// Returns the failure of a crash test that must fail.
fn failure(report: &Report) -> &Failure {
    report.failure.as_ref().unwrap_or_else(|| panic!("the crash test passed: {report}"))
}

#[test]
fn an_invariant_that_panics_or_returns_an_error_or_false_is_a_failure() {
    let asserted = crash_test(move_up, |span: &Span| assert!(span.from <= span.to, "it ends at {}", span.to));
    let returned = crash_test(move_up, |span: &Span| match span.from <= span.to {
        true => Ok(()),
        false => Err(format!("it ends at {}", span.to)),
    });
    let answered = crash_test(move_up, |span: &Span| span.from <= span.to);
    for (report, message) in [(asserted, "it ends at 0"), (returned, "it ends at 0"), (answered, "it returned `false`")]
    {
        let failure = failure(&report);
        assert_eq!(failure.reason, format!("the invariant doesn't hold: {message}"));
        let shown = failure.to_string();
        for part in [message, "after call ", "answered   up to lsn ", "recovered  up to lsn 1\n", "WALR_CRASH=0:"] {
            assert!(shown.contains(part), "{part:?} is missing in: {shown}");
        }
        assert!(shown.contains("cargo test failures::an_invariant_that_panics"), "{shown}");
    }
}

#[test]
#[should_panic(expected = "the invariant doesn't hold: it returned `false`")]
fn a_failure_fails_its_test() {
    crash_test(move_up, |span: &Span| span.from <= span.to).assert_ok();
}

#[test]
fn a_failure_can_be_repeated() {
    let whole = |span: &Span| span.from <= span.to;
    for seed in 0..5 {
        let report = CrashTest::new().seed(seed).run(move_up, whole);
        let failed = failure(&report);
        let crash = failed.crash.clone().expect("the crash has a name");
        let again = CrashTest::new().only(&crash).run(move_up, whole);
        assert_eq!(failure(&again).to_string(), failed.to_string());
        assert!(again.states <= 2, "{again}");
        assert_eq!(failure(&again).folder.files(), failed.folder.files());
    }
}

#[test]
fn a_crash_that_a_run_does_not_reach_is_a_failure() {
    let report = CrashTest::new().only("0:100000:kill").run(move_up, |_: &Span| ());
    assert!(failure(&report).reason.contains("the crash 0:100000:kill can't be repeated"), "{report}");
}

#[test]
#[should_panic(expected = "isn't the name of a crash")]
fn an_invalid_name_of_a_crash_is_refused() {
    drop(CrashTest::<Span>::new().only("call 7"));
}

/// The part of a child process of [`the_environment_names_a_crash`], which sets `WALR_CRASH`.
#[test]
fn child_process() {
    if std::env::var_os("WALR_CRASH").is_none() {
        return;
    }
    let report = crash_test(move_up, |_: &Span| ());
    report.assert_ok();
    println!("<{report}>");
}

#[test]
fn the_environment_names_a_crash() -> Result {
    let child = |crash: &str| {
        let mut child = Command::new(std::env::current_exe()?);
        child.args(["--exact", "failures::child_process", "--nocapture"]);
        child.env("WALR_CRASH", crash).output().map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let output = child("7:30:kill")?;
    assert!(output.contains("<1 crash states of"), "{output}");
    let output = child("")?;
    assert!(output.contains("FAILED"), "{output}");
    Ok(())
}

#[test]
fn a_lost_record_is_a_failure() {
    let broken = |broken| {
        let folder = Sim::new();
        folder.break_it(broken);
        CrashTest::new().folder(folder).run(push_ten, |_: &Words| ())
    };
    let report = broken(Broken::FileSync(".wal"));
    let found = failure(&report);
    assert!(found.reason.contains("acknowledged records are missing: those of lsn "), "{report}");
    assert!(found.to_string().starts_with("the power fails after call "), "{report}");
    let report = broken(Broken::FolderSync);
    assert!(failure(&report).to_string().contains("the power fails"), "{report}");
}

#[test]
fn the_folder_of_a_failure_can_be_opened_and_saved() -> Result {
    let report = crash_test(push_ten, |words: &Words| assert!(words.words.len() < 5, "there are five words"));
    let failure = failure(&report);
    let saved = tempfile::tempdir()?;
    failure.folder.save(saved.path())?;
    run(async {
        assert_eq!(open_sim(&failure.folder.restart()).await?.words(), numbered(5));
        assert_eq!(Durable::<Words>::open(saved.path()).await?.words(), numbered(5));
        Ok(())
    })
}

#[test]
fn a_workload_that_fails_is_a_failure() {
    let report = crash_test(
        async |words: Durable<Words>| {
            words.push("one").await?;
            words.push_short("much too long").await??;
            Ok(())
        },
        |_: &Words| (),
    );
    assert_eq!(failure(&report).to_string(), "the workload failed: much too long is too long");
    assert_eq!((report.states, failure(&report).crash.clone()), (0, None));
}

#[test]
#[should_panic(expected = "the workload panics")]
fn a_panic_of_the_workload_fails_the_test() {
    let report = crash_test(async |_: Durable<Words>| panic!("the workload panics"), |_: &Words| ());
    report.assert_ok();
}

/// A list with a planted bug: its count is wrong once a checkpoint is loaded.
#[derive(Default, Serialize, Deserialize, WalState)]
#[wal(after_load = Self::reset)]
struct Counted {
    words: Vec<String>,
    #[serde(skip)]
    count: usize,
}

impl Counted {
    /// Should count the words.
    fn reset(&mut self) {
        self.count = 0;
    }
}

#[walr::mutations]
impl Counted {
    #[mutation]
    fn add(&mut self, word: &str) {
        self.words.push(word.to_string());
        self.count += 1;
    }
}

#[test]
fn a_field_that_a_checkpoint_does_not_restore_is_a_failure() {
    let report = crash_test(
        async |counted: Durable<Counted>| {
            counted.add("one").await?;
            Ok(())
        },
        |counted: &Counted| assert_eq!(counted.count, counted.words.len()),
    );
    let reason = &failure(&report).reason;
    assert!(
        reason.starts_with("after this recovery, a checkpoint, a close and a power cut, the invariant"),
        "{report}"
    );
}
