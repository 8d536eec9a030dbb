//! Crash tests of correct states pass for each kind of workload.

use std::error::Error;

use walr::testing::{CrashTest, Medium, Sim, crash_test};
use walr::{CheckpointPolicy, Durable, Options};

use crate::common::{DURABILITIES, Result, Words, WordsLog, numbered, open_sim, push_numbered, run};

/// The invariant of pushes: the words are the first of [`numbered`].
fn in_order(words: &Words) -> bool {
    words.words == numbered(words.words.len())
}

async fn push_twenty(words: Durable<Words>) -> Result<(), Box<dyn Error>> {
    Ok(push_numbered(&words, 20).await?)
}

fn options() -> Options<Words> {
    Durable::<Words>::options()
}

#[test]
fn a_correct_state_passes() {
    let report = crash_test(push_twenty, in_order);
    report.assert_ok();
    println!("{report}");
    assert_eq!(report.records, 20);
    assert!(report.calls > 40 && report.states > report.calls, "{report}");
}

#[test]
fn a_correct_state_passes_under_each_durability_and_on_each_medium() {
    for durability in DURABILITIES {
        for (direct, overwrite_safe) in [(true, true), (true, false), (false, true), (false, false)] {
            let options = options().durability(durability).power_safe_overwrite(overwrite_safe).segment_size(4096);
            let medium = Sim::on(Medium { direct, overwrite_safe });
            let report = CrashTest::new().options(options).folder(medium).run(push_twenty, in_order);
            report.assert_ok();
            println!("{durability:?}, direct: {direct}, safe: {overwrite_safe}: {report}");
        }
    }
}

#[test]
fn a_crash_leaves_whole_batches() {
    let report = crash_test(
        async |words: Durable<Words>| {
            for _ in 0..10 {
                let pair = ["one", "two"].map(|word| WordsLog::Push { word: word.to_string() });
                words.apply_batch(pair).await?;
            }
            Ok(())
        },
        |words: &Words| words.words.len().is_multiple_of(2),
    );
    report.assert_ok();
    assert_eq!(report.records, 20);
}

#[test]
fn a_crash_brings_no_panicking_mutation_back() {
    let report = crash_test(
        async |words: Durable<Words>| {
            for word in numbered(5) {
                words.push(&word).await?;
                words.push_and_panic("gone").await.expect_err("the mutation didn't panic");
            }
            Ok(())
        },
        in_order,
    );
    report.assert_ok();
    assert_eq!(report.records, 10);
}

#[test]
fn a_workload_may_have_many_tasks() {
    let report = crash_test(
        async |words: Durable<Words>| {
            let mut tasks = tokio::task::JoinSet::new();
            for task in 0..8 {
                let words = words.clone();
                tasks.spawn(async move {
                    for round in 0..5 {
                        words.push(&format!("{task} {round}")).await?;
                    }
                    Ok::<_, walr::Error>(())
                });
            }
            while let Some(ended) = tasks.join_next().await {
                ended??;
            }
            Ok(())
        },
        |words: &Words| {
            // Each task's words come in its order.
            for task in 0..8 {
                let task = task.to_string();
                let own = words.words.iter().filter(|word| word.starts_with(&task));
                assert!(own.enumerate().all(|(round, word)| *word == format!("{task} {round}")), "{words:?}");
            }
        },
    );
    report.assert_ok();
    assert_eq!(report.records, 40);
}

#[test]
fn checkpoints_from_each_source_pass() {
    let policy = CheckpointPolicy::LogBytes { ratio: 0.0, floor: 200 };
    let each = options().checkpoint(policy).segment_size(4096);
    for options in [each.clone(), each.clone().small_state(0), each.cheap_clone()] {
        for durability in DURABILITIES {
            let report = CrashTest::new().options(options.clone().durability(durability)).run(
                async |words: Durable<Words>| {
                    push_twenty(words.clone()).await?;
                    words.checkpoint().await?;
                    Ok(())
                },
                in_order,
            );
            report.assert_ok();
        }
    }
}

#[test]
fn a_long_run_is_sampled_evenly_and_within_its_bound() {
    let report = CrashTest::new().states(40).run(push_twenty, in_order);
    report.assert_ok();
    assert!(report.calls > 60 && (10..=40).contains(&report.states), "{report}");
}

#[test]
fn a_crash_test_may_begin_with_an_existing_store() -> Result {
    let folder = Sim::new();
    run(async {
        let words = open_sim(&folder).await?;
        words.push("word 0").await?;
        words.close().await
    })?;
    let report = CrashTest::new().folder(folder.restart()).run(
        async |words: Durable<Words>| {
            words.push("word 1").await?;
            Ok(())
        },
        |words: &Words| in_order(words) && !words.words.is_empty(),
    );
    report.assert_ok();
    Ok(())
}

#[test]
fn a_crash_test_may_have_its_own_first_state() {
    let first = || Words { words: numbered(3) };
    let report = CrashTest::new().run_with(
        first,
        async |words: Durable<Words>| {
            words.push("word 3").await?;
            Ok(())
        },
        |words: &Words| in_order(words) && words.words.len() >= 3,
    );
    report.assert_ok();
}

#[test]
fn a_workload_may_be_a_closure_that_returns_a_future() {
    let word = "word 0".to_string();
    let report = crash_test(
        |words: Durable<Words>| async move {
            words.push(&word).await?;
            Ok(())
        },
        in_order,
    );
    report.assert_ok();
}

#[tokio::test]
async fn a_crash_test_runs_inside_a_runtime() {
    crash_test(push_twenty, in_order).assert_ok();
}
