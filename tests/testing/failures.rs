//! Crash tests that must fail: the message says what is wrong, and names the crash, which can be repeated.

use std::error::Error;
use std::process::Command;

use serde::{Deserialize, Serialize};
use walr::testing::{Broken, CrashTest, Failure, Report, Sim, crash_test};
use walr::{Durable, WalState};

use crate::common::{Result, Words, numbered, open_sim, run};

/// A range whose ends are set one by one, and should be set together.
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

/// Moves a span upwards: between its two calls it ends before it begins.
async fn move_up(span: Durable<Span>) -> Result<(), Box<dyn Error>> {
    for at in 1..4 {
        span.set_from(at).await?;
        span.set_to(at).await?;
    }
    Ok(())
}

async fn push_ten(words: Durable<Words>) -> Result<(), Box<dyn Error>> {
    for word in numbered(10) {
        words.push(&word).await?;
    }
    Ok(())
}

fn failure(report: &Report) -> &Failure {
    report.failure.as_ref().unwrap_or_else(|| panic!("nothing was found: {report}"))
}

#[test]
fn each_way_of_an_invariant_to_fail_is_a_failure_with_its_message() {
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
        assert!(shown.contains("cargo test failures::each_way_of_an_invariant"), "{shown}");
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
        let crash = failed.crash.clone().expect("it has a name");
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
#[should_panic(expected = "names no crash")]
fn a_name_of_no_crash_is_refused() {
    drop(CrashTest::<Span>::new().only("call 7"));
}

/// The run of this test by `the_environment_names_a_crash`, which sets `WALR_CRASH`.
#[test]
#[ignore = "another test runs it"]
fn child_of_the_environment() {
    let report = crash_test(move_up, |_: &Span| ());
    report.assert_ok();
    println!("<{report}>");
}

#[test]
fn the_environment_names_a_crash() -> Result {
    let child = |crash: &str| {
        let mut child = Command::new(std::env::current_exe()?);
        child.args(["--exact", "failures::child_of_the_environment", "--ignored", "--nocapture"]);
        child.env("WALR_CRASH", crash).output().map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let said = child("7:30:kill")?;
    assert!(said.contains("<1 crash states of"), "{said}");
    let said = child("")?;
    assert!(said.contains("FAILED"), "{said}");
    Ok(())
}

#[test]
fn lost_records_are_found() {
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
fn the_crashed_folder_can_be_looked_at() -> Result {
    let report = crash_test(push_ten, |words: &Words| assert!(words.words.len() < 5, "five words"));
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
#[should_panic(expected = "two words")]
fn a_workload_that_panics_panics() {
    let report = crash_test(async |_: Durable<Words>| panic!("two words"), |_: &Words| ());
    report.assert_ok();
}

/// A list that knows its length, until a checkpoint is loaded.
#[derive(Default, Serialize, Deserialize, WalState)]
#[wal(after_load = Self::forget)]
struct Counted {
    words: Vec<String>,
    #[serde(skip)]
    count: usize,
}

impl Counted {
    /// The planted bug: it should count the words.
    fn forget(&mut self) {
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
fn what_a_checkpoint_does_not_bring_back_is_found() {
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
