//! A waker that panics harms neither the store nor other callers. And after a panic in the middle of a commit nothing is
//! committed any more.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use walr::testing::Sim;
use walr::{Durability, Error, Fate};

use crate::common::{
    Gate, PanickingWaker, Result, Words, assert_closed, begun, block_on, eventually, long_word, numbered, open_sim,
    open_with_small_queue, options, run, sim_with_words, words_in,
};

#[test]
fn the_waker_of_an_answered_call_may_panic() -> Result {
    run(async {
        let (sim, words) = sim_with_words(0).await?;
        let gate = Gate::closed_on(&sim);
        // A lone call waits by spinning and needs no waker. The call behind this one waits for its waker.
        let first = begun(words.push("word 0"));
        gate.wait_for_arrival();
        let (waker, call) = PanickingWaker::begun(words.push("word 1"));
        let writer = words.clone();
        let other = std::thread::spawn(move || block_on(writer.push("word 2")));
        gate.open();
        assert_eq!(other.join().map_err(|_| "the other call panicked")??, 3);
        eventually(|| waker.was_woken());
        assert_eq!((first.await?, call.await?), (1, 2), "both calls are answered");
        assert_eq!(words.push("word 3").await?, 4);
        words.close().await?;
        assert_eq!(words_in(&sim.restart()).await?, numbered(4));
        Ok(())
    })
}

#[test]
fn the_waker_of_a_call_that_waits_for_capacity_may_panic() -> Result {
    run(async {
        let sim = Sim::new();
        let words = open_with_small_queue(&sim).await?;
        let gate = Gate::closed_on(&sim);
        let long = long_word();
        let first = begun(words.push(&long));
        let (waker, second) = PanickingWaker::begun(words.push(&long));
        gate.open();
        assert_eq!(first.await?, 1, "the store goes on");
        eventually(|| waker.was_woken());
        assert_eq!(second.await?, 2);
        assert_eq!(words.push("later").await?, 3);
        Ok(())
    })
}

#[test]
fn the_wakers_of_calls_that_wait_for_capacity_at_a_close_may_panic() -> Result {
    run(async {
        let sim = Sim::new();
        let words = open_with_small_queue(&sim).await?;
        let gate = Gate::closed_on(&sim);
        let long = long_word();
        let first = begun(words.push(&long));
        let calls: Vec<_> = (0..3).map(|_| PanickingWaker::begun(words.push(&long))).collect();
        let close = begun(words.close());
        assert!(calls.iter().all(|(waker, _)| waker.was_woken()));
        gate.open();
        close.await?;
        assert_eq!(first.await?, 1, "the call was in the queue before the close");
        for (_, call) in calls {
            assert_closed(call.await);
        }
        Ok(())
    })
}

#[test]
fn the_wakers_of_closes_may_panic() -> Result {
    run(async {
        for _ in 0..5 {
            let (sim, words) = sim_with_words(1).await?;
            let gate = Gate::closed_on(&sim);
            let closing: Vec<_> = (0..8).map(|_| PanickingWaker::begun(words.close())).collect();
            let start = |_| {
                let words = words.clone();
                std::thread::spawn(move || block_on(words.close()))
            };
            let others: Vec<_> = (0..8).map(start).collect();
            gate.open();
            for other in others {
                other.join().map_err(|_| "the close of another thread panicked")??;
            }
            eventually(|| closing.iter().all(|(waker, _)| waker.was_woken()));
            for (_, close) in closing {
                close.await?;
            }
            assert_eq!(words_in(&sim).await?, numbered(1));
        }
        Ok(())
    })
}

#[test]
fn the_wakers_of_syncs_that_a_close_overtakes_may_panic() -> Result {
    run(async {
        let (sim, words) = sim_with_words(1).await?;
        let gate = Gate::closed_on(&sim);
        // The writer is about to end, and will answer no request from here on.
        let close = begun(words.close());
        gate.wait_for_arrival();
        let (wakers, syncs): (Vec<_>, Vec<_>) = (0..4).map(|_| PanickingWaker::begun(words.sync())).unzip();
        gate.open();
        close.await?;
        for sync in syncs {
            assert_closed(sync.await);
        }
        assert!(wakers.iter().all(|waker| waker.was_woken()));
        assert_eq!(words_in(&sim).await?, numbered(1));
        Ok(())
    })
}

/// The opens are of a new store, which asks for the first state half-way, of an existing store, and of a store in use.
#[test]
fn the_waker_of_an_open_may_panic() -> Result {
    run(async {
        let sim = Sim::new();
        for count in 0..3 {
            let words = Arc::new(PanickingWaker::default()).wait_for(open_sim(&sim))?;
            assert_eq!(words.words(), numbered(count));
            assert_eq!(words.push(&format!("word {count}")).await?, count + 1);
            let refused = Arc::new(PanickingWaker::default()).wait_for(open_sim(&sim));
            assert!(matches!(refused, Err(Error::Locked { .. })), "{refused:?}");
            if count == 1 {
                words.close().await?;
            }
        }
        assert_eq!(words_in(&sim).await?, numbered(3));
        Ok(())
    })
}

#[test]
fn a_panic_in_a_commit_by_the_caller_latches() -> Result {
    run(async {
        let sim = Sim::new();
        let options = options().durability(Durability::Os);
        let words = options.open_on(sim.clone(), Words::default).await?;
        words.push("word 0").await?;
        words.push("word 1").await?;
        let caller = std::thread::current().id();
        sim.observe(Some(Arc::new(move |_: &Sim| {
            assert!(std::thread::current().id() != caller, "a panic in a call to the file system");
        })));
        let panicked = catch_unwind(AssertUnwindSafe(|| block_on(words.push("half-way"))));
        assert!(panicked.is_err(), "{panicked:?}");
        sim.observe(None);
        for _ in 0..3 {
            let error = words.push("refused").await.expect_err("a call was committed after the panic");
            assert!(matches!(error, Error::Failed { .. }), "{error}");
            assert_eq!(error.fate(), Fate::NotRecorded);
            assert!(format!("{error:?}").contains("panicked half-way"), "{error:?}");
            assert_eq!(words.words(), numbered(2), "reads go on");
        }
        assert!(words.close().await.is_err());
        let mut found = words_in(&sim.restart()).await?;
        found.retain(|word| word != "half-way");
        assert_eq!(found, numbered(2));
        Ok(())
    })
}
