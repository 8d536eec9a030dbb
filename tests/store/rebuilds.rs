//! After a panic the state is built again from disk. Where the folder can't be read at that moment, the next call or read tries
//! again, and the state that the panic left is never shown.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::common::{
    DURABILITIES, Gate, PANIC, Result, Words, WordsLog, begun, numbered, open_sim, options, run, words_in,
};
use walr::testing::Sim;
use walr::testing::{Fault, Kind};
use walr::{Durability, Durable, Error, Fate};

/// Until `readable`, no file can be opened or read, as when the process has no file descriptor left.
fn unreadable(sim: &Sim) {
    sim.fail(Some(Fault { at: sim.calls() + 1, kind: Kind::Unreadable, forever: true }));
}

fn readable(sim: &Sim) {
    assert!(sim.hits() > 0, "nothing was read");
    sim.fail(None);
}

/// A store with one word, whose state is lost by a panic: it can't be built again yet.
async fn lost(sim: &Sim, durability: Durability) -> Result<Durable<Words>> {
    let words = options().durability(durability).open_on(sim.clone(), Words::default).await?;
    words.push("word 0").await?;
    unreadable(sim);
    is_panic(words.push_and_panic("bad").await);
    Ok(words)
}

fn is_panic<T: std::fmt::Debug>(result: walr::Result<T>) {
    match result {
        Err(Error::Panicked { message, .. }) => assert!(message.contains(PANIC), "{message}"),
        other => panic!("{other:?}"),
    }
}

/// That it is told what can't be read, and only that, and isn't recorded.
fn is_unreadable<T: std::fmt::Debug>(result: walr::Result<T>) {
    match result {
        Err(error @ Error::Io { .. }) => assert_eq!(error.fate(), Fate::NotRecorded),
        other => panic!("{other:?}"),
    }
}

#[test]
fn one_that_fails_is_tried_again_by_the_next_call() -> Result {
    run(async {
        for durability in DURABILITIES {
            let sim = Sim::new();
            let words = lost(&sim, durability).await?;
            for _ in 0..2 {
                is_unreadable(words.push("refused").await);
                is_unreadable(words.apply_batch([WordsLog::Push { word: "refused".into() }]).await);
            }
            readable(&sim);
            assert_eq!(words.push("word 1").await?, 2, "{durability:?}");
            assert_eq!(words.words(), numbered(2), "{durability:?}");
            is_panic(words.push_and_panic("bad").await);
            assert_eq!((words.words(), words.stats().panics), (numbered(2), 2), "{durability:?}");
            drop(words);
            assert_eq!(words_in(&sim).await?, numbered(2), "{durability:?}");
        }
        Ok(())
    })
}

#[test]
fn one_that_fails_is_tried_again_by_the_next_read() -> Result {
    run(async {
        for durability in DURABILITIES {
            let sim = Sim::new();
            let words = lost(&sim, durability).await?;
            for _ in 0..2 {
                let shown = catch_unwind(AssertUnwindSafe(|| words.words()));
                let told = shown.expect_err("the state that the panic left isn't shown");
                let told = told.downcast_ref::<String>().expect("a message");
                assert!(told.contains("the next call or read tries again"), "{told}");
            }
            readable(&sim);
            assert_eq!(words.words(), numbered(1), "{durability:?}");
        }
        Ok(())
    })
}

#[test]
fn one_that_fails_is_tried_again_by_a_checkpoint_and_by_a_close() -> Result {
    run(async {
        for close in [false, true] {
            let sim = Sim::new();
            let words = lost(&sim, Durability::Sync).await?;
            is_unreadable(words.checkpoint().await);
            readable(&sim);
            match close {
                true => words.close().await?,
                false => drop(words.checkpoint().await?),
            }
            assert_eq!(words.words(), numbered(1));
            drop(words);
            assert_eq!(words_in(&sim).await?, numbered(1));
        }
        Ok(())
    })
}

/// What comes behind a panic in one group was recorded with it, and is aborted with it.
#[test]
fn calls_behind_the_panic_in_its_group_are_refused_and_stay_away() -> Result {
    run(async {
        for durability in DURABILITIES {
            let sim = Sim::new();
            let words = options().durability(durability).open_on(sim.clone(), Words::default).await?;
            words.push("word 0").await?;
            let gate = Gate::closed_on(&sim);
            let push = |word: &str| words.apply_batch(vec![WordsLog::Push { word: word.into() }]);
            // The writer waits before the disk with this; what comes meanwhile is one group.
            let first = begun(async {
                match durability {
                    Durability::Periodic(_) => words.sync().await.map(drop),
                    // A batch: a single call might be committed on this thread, which then waits.
                    _ => push("first").await.map(drop),
                }
            });
            gate.wait_for_arrival();
            let before = begun(push("before"));
            let panics = begun(words.apply_batch(vec![WordsLog::PushAndPanic { word: "bad".into() }]));
            let behind = [begun(push("bad")), begun(push("bad"))];
            unreadable(&sim);
            gate.open();
            first.await?;
            before.await?;
            is_panic(panics.await);
            for call in behind {
                is_unreadable(call.await);
            }
            assert_eq!(words.stats().panics, 1, "{durability:?}: the others didn't panic");
            for image in [sim.restart(), sim.restart().crash(1)] {
                let found = words_in(&image).await?;
                assert!(!found.contains(&"bad".to_string()), "{durability:?}: {found:?}");
            }
            readable(&sim);
            words.push("after").await?;
            let now = words.words();
            assert!(now.ends_with(&["before".to_string(), "after".to_string()]), "{durability:?}: {now:?}");
            assert!(!now.contains(&"bad".to_string()), "{durability:?}: {now:?}");
            drop(words);
            assert_eq!(words_in(&sim).await?, now, "{durability:?}");
        }
        Ok(())
    })
}

#[test]
fn a_power_cut_while_the_state_is_lost_loses_nothing_else() -> Result {
    run(async {
        let sim = Sim::new();
        let words = lost(&sim, Durability::Sync).await?;
        is_unreadable(words.push("refused").await);
        for seed in 0..20 {
            assert_eq!(words_in(&sim.crash(seed)).await?, numbered(1));
        }
        drop(words);
        sim.fail(None);
        let words = open_sim(&sim).await?;
        assert_eq!(words.push("word 1").await?, 2);
        Ok(())
    })
}
