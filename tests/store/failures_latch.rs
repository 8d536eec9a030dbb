//! After a failed write or sync nothing is written any more: every waiter hears of it, later calls are refused with the
//! first cause, reads go on, and a reopen has everything that was acknowledged.

use crate::common::{
    DURABILITIES, Gate, Result, Words, WordsLog, begun, numbered, open_sim, options, poll_once, run, words_in,
};
use walr::testing::{Fault, Kind, Sim};
use walr::{CheckpointPolicy, Durability, Durable, Error, Fate};

/// A store with two words, whose next sync fails.
async fn before_a_failing_sync(sim: &Sim) -> walr::Result<Durable<Words>> {
    let words = open_sim(sim).await?;
    words.push("word 0").await?;
    words.push("word 1").await?;
    // Of the calls to come the first is a write.
    sim.fail(Some(Fault { at: sim.calls() + 2, kind: Kind::SyncLost, forever: false }));
    Ok(words)
}

fn is_commit<T: std::fmt::Debug>(result: walr::Result<T>) -> String {
    let error = result.expect_err("the sync failed");
    assert!(matches!(error, Error::Commit { .. }), "{error:?}");
    assert_eq!(error.fate(), Fate::Unknown);
    assert!(std::error::Error::source(&error).is_some());
    format!("{error:?}")
}

fn is_failed<T: std::fmt::Debug>(result: walr::Result<T>, first: &str) {
    let error = result.expect_err("nothing is written any more");
    assert!(matches!(error, Error::Failed { .. }), "{error:?}");
    assert_eq!(error.fate(), Fate::NotRecorded);
    assert!(format!("{error:?}").ends_with(first), "the first cause is told: {error:?}");
}

/// What may be found after a call of unknown fate: it is there whole, or not at all.
async fn found_with_or_without(sim: &Sim, words: &[String], last: &str) -> Result {
    for image in [sim.restart(), sim.restart().crash(1), sim.crash(1), sim.crash(2), sim.crash(3)] {
        let found = open_sim(&image).await?;
        let mut now = found.words();
        found.push("and on").await?;
        if now.last().is_some_and(|word| word == last) {
            now.pop();
        }
        assert_eq!(now, words);
    }
    Ok(())
}

#[test]
fn a_failed_sync_latches_and_a_reopen_has_what_was_acknowledged() -> Result {
    run(async {
        let sim = Sim::new();
        let words = before_a_failing_sync(&sim).await?;
        let first = is_commit(words.push("unknown").await);
        assert!(first.contains(".wal") && first.contains("sync"), "{first}");
        assert_eq!(sim.hits(), 1);
        // The disk would work again: it is not believed.
        let calls = sim.calls();
        for _ in 0..3 {
            is_failed(words.push("refused").await, &first);
            is_failed(words.apply_batch([WordsLog::Push { word: "refused".into() }]).await, &first);
            is_failed(words.apply_batch([]).await, &first);
            is_failed(words.sync().await, &first);
            is_failed(words.checkpoint().await, &first);
            assert_eq!(words.words(), numbered(2), "reads go on, without the call that failed");
        }
        assert_eq!(sim.calls(), calls, "nothing is tried again");
        found_with_or_without(&sim, &numbered(2), "unknown").await?;
        is_failed(words.close().await, &first);
        found_with_or_without(&sim, &numbered(2), "unknown").await?;
        drop(words);
        found_with_or_without(&sim, &numbered(2), "unknown").await
    })
}

#[test]
fn every_waiter_of_the_group_hears_of_it_and_the_next_group_is_refused() -> Result {
    run(async {
        let sim = Sim::new();
        let words = open_sim(&sim).await?;
        words.push("word 0").await?;
        let gate = Gate::closed_before(&sim);
        let first = begun(words.push("word 1"));
        gate.wait_for_somebody();
        let mut group: Vec<_> = (0..16).map(|_| Box::pin(words.push("unknown"))).collect();
        for call in &mut group {
            assert!(poll_once(call.as_mut()).is_pending());
        }
        // The writer has made its write; its sync, the group's write and the group's sync come next.
        sim.fail(Some(Fault { at: sim.calls() + 3, kind: Kind::SyncLost, forever: false }));
        gate.open();
        first.await?;
        let mut told = String::new();
        for call in group {
            told = is_commit(call.await);
        }
        is_failed(words.push("refused").await, &told);
        for seed in 0..20 {
            let mut found = words_in(&sim.crash(seed)).await?;
            assert!(found.len() == 2 || found.len() == 18, "the group is whole or not there: {found:?}");
            found.truncate(2);
            assert_eq!(found, numbered(2));
        }
        Ok(())
    })
}

#[test]
fn waiters_for_room_are_not_forgotten() -> Result {
    run(async {
        let sim = Sim::new();
        let words = options().queue_size(4096).open_on(sim.clone(), Words::default).await?;
        words.push("word 0").await?;
        let gate = Gate::closed_before(&sim);
        let long = "x".repeat(3000);
        let mut calls: Vec<_> = (0..6).map(|_| Box::pin(words.push(&long))).collect();
        for call in &mut calls {
            assert!(poll_once(call.as_mut()).is_pending());
        }
        gate.wait_for_somebody();
        sim.fail(Some(Fault { at: sim.calls() + 1, kind: Kind::Io, forever: true }));
        gate.open();
        for call in calls {
            assert!(matches!(call.await, Err(Error::Commit { .. } | Error::Failed { .. })));
        }
        Ok(())
    })
}

/// One workload with a fault at one of its calls. Whatever the calls are told must hold for what a reopen finds. Returns
/// how many calls it made.
async fn one_fault(durability: Durability, kind: Kind, after: u64, forever: bool) -> Result<u64> {
    let sim = Sim::new();
    let small = options().durability(durability).segment_size(4096);
    let words = small.open_on(sim.clone(), Words::default).await?;
    let before = sim.calls();
    sim.fail(Some(Fault { at: before + after, kind, forever }));
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
    assert!(words.words() == acknowledged, "reads show what was acknowledged");
    let calls = sim.calls() - before;
    sim.fail(None);
    let images = match durability {
        Durability::Sync => vec![sim.restart(), sim.crash(after), sim.restart().crash(after)],
        _ => vec![sim.restart()],
    };
    for image in images {
        let mut found = words_in(&image).await?;
        if found.last() == unknown.as_ref() {
            found.pop();
        }
        assert!(found == acknowledged, "{kind:?} at call {after}: {} of {}", found.len(), acknowledged.len());
    }
    drop(words);
    // And the folder that saw it all opens, and goes on.
    let words = open_sim(&sim).await?;
    let count = words.count();
    assert!(count >= acknowledged.len());
    assert_eq!(words.push("and on").await?, count + 1);
    Ok(calls)
}

#[test]
fn whichever_call_fails_no_acknowledged_mutation_is_lost() -> Result {
    run(async {
        let calls = one_fault(Durability::Sync, Kind::Io, u64::MAX / 2, false).await?;
        assert!(calls > 100, "only {calls} calls");
        for kind in [Kind::Io, Kind::Interrupted, Kind::ShortWrite, Kind::SyncLost, Kind::Full] {
            for forever in [false, true] {
                for after in 1..calls {
                    one_fault(Durability::Sync, kind, after, forever).await?;
                }
            }
        }
        Ok(())
    })
}

#[test]
fn under_os_a_failed_write_takes_back_nothing_that_was_acknowledged() -> Result {
    run(async {
        for kind in [Kind::Io, Kind::ShortWrite] {
            for after in 1..60 {
                one_fault(Durability::Os, kind, after, false).await?;
            }
        }
        Ok(())
    })
}

#[test]
fn under_periodic_a_failed_sync_is_told_to_the_next_call() -> Result {
    run(async {
        let sim = Sim::new();
        let words = options().durability(DURABILITIES[2]).open_on(sim.clone(), Words::default).await?;
        words.push("word 0").await?;
        words.sync().await?;
        words.push("word 1").await?;
        sim.fail(Some(Fault { at: sim.calls() + 2, kind: Kind::SyncLost, forever: false }));
        let first = is_commit(words.sync().await);
        is_failed(words.push("refused").await, &first);
        is_failed(words.sync().await, &first);
        assert_eq!(words.words(), numbered(2), "reads go on");
        for image in [sim.restart(), sim.crash(1), sim.crash(2)] {
            let found = words_in(&image).await?;
            assert!(found == numbered(1) || found == numbered(2), "what was synced is there: {found:?}");
        }
        Ok(())
    })
}

#[test]
fn a_failed_checkpoint_is_no_failure_of_the_log() -> Result {
    run(async {
        for after in 1..12 {
            for kind in [Kind::Io, Kind::SyncLost] {
                let sim = Sim::new();
                let words = open_sim(&sim).await?;
                words.push("word 0").await?;
                sim.fail(Some(Fault { at: sim.calls() + after, kind, forever: false }));
                let checkpoint = words.checkpoint().await;
                sim.fail(None);
                if let Err(error) = &checkpoint {
                    assert!(matches!(error, Error::Io { .. }), "{error:?}");
                    assert!(words.stats().checkpoint_error.is_some());
                }
                assert_eq!(words.push("word 1").await?, 2, "{kind:?} at call {after}");
                words.checkpoint().await?;
                assert!(words.stats().checkpoint_error.is_none());
                for image in [sim.restart(), sim.crash(after)] {
                    assert_eq!(words_in(&image).await?, numbered(2), "{kind:?} at call {after}");
                }
            }
        }
        Ok(())
    })
}

#[test]
fn a_close_that_fails_says_so_and_loses_nothing() -> Result {
    run(async {
        for after in 1..20 {
            let sim = Sim::new();
            let with_checkpoint = options().checkpoint(CheckpointPolicy::default());
            let words = with_checkpoint.open_on(sim.clone(), Words::default).await?;
            words.push("word 0").await?;
            sim.fail(Some(Fault { at: sim.calls() + after, kind: Kind::Io, forever: true }));
            let closed = words.close().await;
            assert_eq!(closed.is_err(), sim.hits() > 0, "{closed:?} at call {after}");
            assert!(matches!(words.push("late").await, Err(Error::Closed | Error::Failed { .. })));
            assert_eq!(words.words(), numbered(1));
            for image in [sim.restart(), sim.crash(after)] {
                assert_eq!(words_in(&image).await?, numbered(1), "call {after}");
            }
        }
        Ok(())
    })
}

#[test]
fn a_panic_whose_abort_can_not_be_written_shows_only_what_is_certain() -> Result {
    run(async {
        for after in 1..6 {
            let sim = Sim::new();
            let words = open_sim(&sim).await?;
            words.push("word 0").await?;
            sim.fail(Some(Fault { at: sim.calls() + after, kind: Kind::SyncLost, forever: false }));
            let error = words.push_and_panic("bad").await.expect_err("it panics, or isn't written");
            let panicked = matches!(error, Error::Panicked { .. });
            assert!(panicked || matches!(error, Error::Commit { .. }), "{error:?}");
            assert_eq!(words.words(), numbered(1));
            sim.fail(None);
            for image in [sim.restart(), sim.crash(after)] {
                assert_eq!(words_in(&image).await?, numbered(1), "call {after}");
            }
        }
        Ok(())
    })
}
