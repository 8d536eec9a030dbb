//! After a failed write or sync the store writes nothing any more: every waiter gets the error, later calls are refused with
//! the first cause, reads go on, and a reopen recovers everything that was acknowledged.

use crate::common::{
    DURABILITIES, Gate, Result, Words, begun, fail_call, fail_from_call, long_word, numbered, open_sim,
    open_with_small_queue, options, push_log, run, sim_with_words, words_in,
};
use walr::testing::{Fault, Kind, Sim};
use walr::{CheckpointPolicy, Durability, Error, Fate};

/// Asserts that a call failed with its group, and returns the error's text.
#[track_caller]
fn assert_commit_failed<T: std::fmt::Debug>(result: walr::Result<T>) -> String {
    let error = result.expect_err("the commit succeeded");
    assert!(matches!(error, Error::Commit { .. }), "{error:?}");
    assert_eq!(error.fate(), Fate::Unknown);
    assert!(std::error::Error::source(&error).is_some());
    format!("{error:?}")
}

/// Asserts that a call was refused because of the failure `first`.
#[track_caller]
fn assert_latched<T: std::fmt::Debug>(result: walr::Result<T>, first: &str) {
    let error = result.expect_err("the store accepted a call after a failure");
    assert!(matches!(error, Error::Failed { .. }), "{error:?}");
    assert_eq!(error.fate(), Fate::NotRecorded);
    assert!(format!("{error:?}").ends_with(first), "the first cause is missing in: {error:?}");
}

/// Asserts that crashes leave `words`, either with the word `unknown` at the end or without it, and that the store works.
async fn assert_recovers(sim: &Sim, words: &[String], unknown: &str) -> Result {
    for image in [sim.restart(), sim.restart().crash(1), sim.crash(1), sim.crash(2), sim.crash(3)] {
        let state = open_sim(&image).await?;
        let mut found = state.words();
        state.push("later").await?;
        if found.last().is_some_and(|word| word == unknown) {
            found.pop();
        }
        assert_eq!(found, words);
    }
    Ok(())
}

#[test]
fn a_failed_sync_latches_and_a_reopen_recovers_what_was_acknowledged() -> Result {
    run(async {
        let (sim, words) = sim_with_words(2).await?;
        // The next call is the write.
        fail_call(&sim, 2, Kind::SyncLost);
        let first = assert_commit_failed(words.push("unknown").await);
        assert!(first.contains(".wal") && first.contains("sync"), "{first}");
        assert_eq!(sim.hits(), 1);
        // From now on the disk would work again.
        let calls = sim.calls();
        for _ in 0..3 {
            assert_latched(words.push("refused").await, &first);
            assert_latched(words.apply_batch([push_log("refused")]).await, &first);
            assert_latched(words.apply_batch([]).await, &first);
            assert_latched(words.sync().await, &first);
            assert_latched(words.checkpoint().await, &first);
            assert_eq!(words.words(), numbered(2), "a read shows the acknowledged words only");
        }
        assert_eq!(sim.calls(), calls, "the store tried to write again");
        assert_recovers(&sim, &numbered(2), "unknown").await?;
        assert_latched(words.close().await, &first);
        assert_recovers(&sim, &numbered(2), "unknown").await?;
        drop(words);
        assert_recovers(&sim, &numbered(2), "unknown").await
    })
}

#[test]
fn every_call_of_a_failed_group_gets_the_error_and_the_next_group_is_refused() -> Result {
    run(async {
        let (sim, words) = sim_with_words(1).await?;
        let gate = Gate::closed_on(&sim);
        let first = begun(words.push("word 1"));
        gate.wait_for_arrival();
        let group: Vec<_> = (0..16).map(|_| begun(words.push("unknown"))).collect();
        // The write of `first` is done. Its sync, the group's write and the group's sync come next.
        fail_call(&sim, 3, Kind::SyncLost);
        gate.open();
        first.await?;
        let mut message = String::new();
        for call in group {
            message = assert_commit_failed(call.await);
        }
        assert_latched(words.push("refused").await, &message);
        for seed in 0..20 {
            let mut found = words_in(&sim.crash(seed)).await?;
            assert!(found.len() == 2 || found.len() == 18, "a part of the group: {found:?}");
            found.truncate(2);
            assert_eq!(found, numbered(2));
        }
        Ok(())
    })
}

#[test]
fn calls_that_wait_for_capacity_get_the_error() -> Result {
    run(async {
        let sim = Sim::new();
        let words = open_with_small_queue(&sim).await?;
        words.push("word 0").await?;
        let gate = Gate::closed_on(&sim);
        let long = long_word();
        let calls: Vec<_> = (0..6).map(|_| begun(words.push(&long))).collect();
        gate.wait_for_arrival();
        fail_from_call(&sim, 1, Kind::Io);
        gate.open();
        for call in calls {
            assert!(matches!(call.await, Err(Error::Commit { .. } | Error::Failed { .. })));
        }
        Ok(())
    })
}

/// Runs a workload with a fault at one of its calls to the file system, and checks a reopen against what the workload's calls
/// returned. Returns the number of calls to the file system.
async fn run_with_fault(durability: Durability, kind: Kind, ahead: u64, forever: bool) -> Result<u64> {
    let sim = Sim::new();
    let small = options().durability(durability).segment_size(4096);
    let words = small.open_on(sim.clone(), Words::default).await?;
    let before = sim.calls();
    sim.fail(Some(Fault { at: before + ahead, kind, forever }));
    let (mut acknowledged, mut unknown) = (Vec::new(), None);
    for number in 0..40 {
        let word = format!("{number}:{}", "x".repeat(600));
        match words.push(&word).await {
            Ok(_) => acknowledged.push(word),
            Err(error) if error.fate() == Fate::Unknown => unknown = unknown.or(Some(word)),
            Err(_) => {}
        }
        if number == 20 {
            drop(words.checkpoint().await);
        }
    }
    assert!(words.words() == acknowledged, "a read shows other words than those acknowledged");
    let calls = sim.calls() - before;
    sim.fail(None);
    let images = match durability {
        Durability::Sync => vec![sim.restart(), sim.crash(ahead), sim.restart().crash(ahead)],
        _ => vec![sim.restart()],
    };
    for image in images {
        let mut found = words_in(&image).await?;
        if found.last() == unknown.as_ref() {
            found.pop();
        }
        assert!(found == acknowledged, "{kind:?} at call {ahead}: {} of {}", found.len(), acknowledged.len());
    }
    drop(words);
    let words = open_sim(&sim).await?;
    let count = words.count();
    assert!(count >= acknowledged.len());
    assert_eq!(words.push("later").await?, count + 1);
    Ok(calls)
}

#[test]
fn no_failing_call_loses_an_acknowledged_mutation() -> Result {
    run(async {
        let calls = run_with_fault(Durability::Sync, Kind::Io, u64::MAX / 2, false).await?;
        assert!(calls > 100, "only {calls} calls");
        for kind in [Kind::Io, Kind::Interrupted, Kind::ShortWrite, Kind::SyncLost, Kind::Full] {
            for forever in [false, true] {
                for ahead in 1..calls {
                    run_with_fault(Durability::Sync, kind, ahead, forever).await?;
                }
            }
        }
        Ok(())
    })
}

#[test]
fn under_os_a_failed_write_loses_no_acknowledged_mutation() -> Result {
    run(async {
        for kind in [Kind::Io, Kind::ShortWrite] {
            for ahead in 1..60 {
                run_with_fault(Durability::Os, kind, ahead, false).await?;
            }
        }
        Ok(())
    })
}

#[test]
fn under_periodic_a_failed_sync_fails_the_next_call() -> Result {
    run(async {
        let sim = Sim::new();
        let words = options().durability(DURABILITIES[2]).open_on(sim.clone(), Words::default).await?;
        words.push("word 0").await?;
        words.sync().await?;
        words.push("word 1").await?;
        fail_call(&sim, 2, Kind::SyncLost);
        let first = assert_commit_failed(words.sync().await);
        assert_latched(words.push("refused").await, &first);
        assert_latched(words.sync().await, &first);
        assert_eq!(words.words(), numbered(2), "reads go on");
        for image in [sim.restart(), sim.crash(1), sim.crash(2)] {
            let found = words_in(&image).await?;
            assert!(found == numbered(1) || found == numbered(2), "a synced word is lost: {found:?}");
        }
        Ok(())
    })
}

#[test]
fn a_failed_checkpoint_does_not_latch() -> Result {
    run(async {
        for ahead in 1..12 {
            for kind in [Kind::Io, Kind::SyncLost] {
                let (sim, words) = sim_with_words(1).await?;
                fail_call(&sim, ahead, kind);
                let checkpoint = words.checkpoint().await;
                sim.fail(None);
                if let Err(error) = &checkpoint {
                    assert!(matches!(error, Error::Io { .. }), "{error:?}");
                    assert!(words.stats().checkpoint_error.is_some());
                }
                assert_eq!(words.push("word 1").await?, 2, "{kind:?} at call {ahead}");
                words.checkpoint().await?;
                assert!(words.stats().checkpoint_error.is_none());
                for image in [sim.restart(), sim.crash(ahead)] {
                    assert_eq!(words_in(&image).await?, numbered(2), "{kind:?} at call {ahead}");
                }
            }
        }
        Ok(())
    })
}

#[test]
fn a_failing_close_returns_the_error_and_loses_nothing() -> Result {
    run(async {
        for ahead in 1..20 {
            let sim = Sim::new();
            let with_checkpoint = options().checkpoint(CheckpointPolicy::default());
            let words = with_checkpoint.open_on(sim.clone(), Words::default).await?;
            words.push("word 0").await?;
            fail_from_call(&sim, ahead, Kind::Io);
            let closed = words.close().await;
            assert_eq!(closed.is_err(), sim.hits() > 0, "{closed:?} at call {ahead}");
            assert!(matches!(words.push("late").await, Err(Error::Closed | Error::Failed { .. })));
            assert_eq!(words.words(), numbered(1));
            for image in [sim.restart(), sim.crash(ahead)] {
                assert_eq!(words_in(&image).await?, numbered(1), "call {ahead}");
            }
        }
        Ok(())
    })
}

#[test]
fn a_panic_whose_abort_is_not_written_is_never_shown() -> Result {
    run(async {
        for ahead in 1..6 {
            let (sim, words) = sim_with_words(1).await?;
            fail_call(&sim, ahead, Kind::SyncLost);
            let error = words.push_and_panic("bad").await.expect_err("the mutation neither panicked nor failed");
            let panicked = matches!(error, Error::Panicked { .. });
            assert!(panicked || matches!(error, Error::Commit { .. }), "{error:?}");
            assert_eq!(words.words(), numbered(1));
            sim.fail(None);
            for image in [sim.restart(), sim.crash(ahead)] {
                assert_eq!(words_in(&image).await?, numbered(1), "call {ahead}");
            }
        }
        Ok(())
    })
}
