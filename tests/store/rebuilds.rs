//! After a panic the state is rebuilt from the files. If they can't be read, the next call or read tries again, and the state
//! that the panic left is never shown.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::common::{
    DURABILITIES, Gate, PANIC, Result, Words, WordsLog, begun, fail_from_call, numbered, open_sim, options, push_log,
    run, words_in,
};
use walr::testing::{Kind, Sim};
use walr::{Durability, Durable, Error, Fate};

/// Makes every open and read of a file fail until [`make_readable`], as if the process had no file descriptor left.
fn make_unreadable(sim: &Sim) {
    fail_from_call(sim, 1, Kind::Unreadable);
}

fn make_readable(sim: &Sim) {
    assert!(sim.hits() > 0, "nothing was read");
    sim.fail(None);
}

/// Creates a store of one word, whose state a panic has lost and which can't be read.
async fn with_lost_state(sim: &Sim, durability: Durability) -> Result<Durable<Words>> {
    let words = options().durability(durability).open_on(sim.clone(), Words::default).await?;
    words.push("word 0").await?;
    make_unreadable(sim);
    assert_panicked(words.push_and_panic("bad").await);
    Ok(words)
}

#[track_caller]
fn assert_panicked<T: std::fmt::Debug>(result: walr::Result<T>) {
    match result {
        Err(Error::Panicked { message, .. }) => assert!(message.contains(PANIC), "{message}"),
        other => panic!("{other:?}"),
    }
}

/// Asserts that a call was refused because a file can't be read.
#[track_caller]
fn assert_unreadable<T: std::fmt::Debug>(result: walr::Result<T>) {
    match result {
        Err(error @ Error::Io { .. }) => assert_eq!(error.fate(), Fate::NotRecorded),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_next_call_retries_a_failed_rebuild() -> Result {
    run(async {
        for durability in DURABILITIES {
            let sim = Sim::new();
            let words = with_lost_state(&sim, durability).await?;
            for _ in 0..2 {
                assert_unreadable(words.push("refused").await);
                assert_unreadable(words.apply_batch([push_log("refused")]).await);
            }
            make_readable(&sim);
            assert_eq!(words.push("word 1").await?, 2, "{durability:?}");
            assert_eq!(words.words(), numbered(2), "{durability:?}");
            assert_panicked(words.push_and_panic("bad").await);
            assert_eq!((words.words(), words.stats().panics), (numbered(2), 2), "{durability:?}");
            drop(words);
            assert_eq!(words_in(&sim).await?, numbered(2), "{durability:?}");
        }
        Ok(())
    })
}

#[test]
fn the_next_read_retries_a_failed_rebuild() -> Result {
    run(async {
        for durability in DURABILITIES {
            let sim = Sim::new();
            let words = with_lost_state(&sim, durability).await?;
            for _ in 0..2 {
                let read = catch_unwind(AssertUnwindSafe(|| words.words()));
                let panic = read.expect_err("a read shows the state that the panic left");
                let message = panic.downcast_ref::<String>().ok_or("the panic has no message")?;
                assert!(message.contains("the next call or read tries again"), "{message}");
            }
            make_readable(&sim);
            assert_eq!(words.words(), numbered(1), "{durability:?}");
        }
        Ok(())
    })
}

#[test]
fn a_checkpoint_and_a_close_retry_a_failed_rebuild() -> Result {
    run(async {
        for close in [false, true] {
            let sim = Sim::new();
            let words = with_lost_state(&sim, Durability::Sync).await?;
            assert_unreadable(words.checkpoint().await);
            make_readable(&sim);
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

/// Calls after a panic in its group are recorded and aborted with it.
#[test]
fn calls_after_a_panic_in_its_group_are_refused_and_do_not_come_back() -> Result {
    run(async {
        for durability in DURABILITIES {
            let sim = Sim::new();
            let words = options().durability(durability).open_on(sim.clone(), Words::default).await?;
            words.push("word 0").await?;
            let gate = Gate::closed_on(&sim);
            let push = |word: &str| words.apply_batch(vec![push_log(word)]);
            // The writer is stopped at the gate with this call. The calls that come meanwhile form one group.
            let first = begun(async {
                match durability {
                    Durability::Periodic(_) => words.sync().await.map(drop),
                    // A batch, because a single call may be committed on this thread, which the gate would stop.
                    _ => push("first").await.map(drop),
                }
            });
            gate.wait_for_arrival();
            let before = begun(push("before"));
            let panics = begun(words.apply_batch(vec![WordsLog::PushAndPanic { word: "bad".into() }]));
            let after = [begun(push("bad")), begun(push("bad"))];
            make_unreadable(&sim);
            gate.open();
            first.await?;
            before.await?;
            assert_panicked(panics.await);
            for call in after {
                assert_unreadable(call.await);
            }
            assert_eq!(words.stats().panics, 1, "{durability:?}: only one call panicked");
            // Under the other durabilities a power cut can take the abort and leave its records.
            let power_cut = (durability == Durability::Sync).then(|| sim.restart().crash(1));
            for image in [sim.restart()].into_iter().chain(power_cut) {
                let found = words_in(&image).await?;
                assert!(!found.contains(&"bad".to_string()), "{durability:?}: {found:?}");
            }
            make_readable(&sim);
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
fn a_power_cut_while_the_state_is_lost_loses_no_record() -> Result {
    run(async {
        let sim = Sim::new();
        let words = with_lost_state(&sim, Durability::Sync).await?;
        assert_unreadable(words.push("refused").await);
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
