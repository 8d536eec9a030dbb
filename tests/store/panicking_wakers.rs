//! What the one who waits does when it is woken is its own affair: a waker that panics harms neither the store nor others.
//! And where a panic does come out of the middle of a commit, nothing is committed on top of it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use walr::testing::Sim;
use walr::{Durability, Error, Fate};

use crate::common::{
    Gate, Panicking, Result, Words, begun, block_on, eventually, numbered, open_sim, options, run, words_in,
};

#[test]
fn a_call_that_is_answered() -> Result {
    run(async {
        let sim = Sim::new();
        let words = open_sim(&sim).await?;
        let gate = Gate::closed_before(&sim);
        // Behind this one the call isn't alone: a lone caller stays awake for a while, and wakes itself.
        let first = begun(words.push("word 0"));
        gate.wait_for_somebody();
        let waker = Arc::new(Panicking::default());
        let mut call = Box::pin(words.push("word 1"));
        assert!(waker.poll(call.as_mut()).is_pending());
        let writer = words.clone();
        let other = std::thread::spawn(move || block_on(writer.push("word 2")));
        gate.open();
        assert_eq!(other.join().map_err(|_| "the other call panicked")??, 3);
        eventually(|| waker.was_woken());
        assert_eq!((first.await?, call.await?), (1, 2), "it was answered nevertheless");
        assert_eq!(words.push("word 3").await?, 4);
        words.close().await?;
        assert_eq!(words_in(&sim.restart()).await?, numbered(4));
        Ok(())
    })
}

#[test]
fn a_call_that_waits_for_room() -> Result {
    run(async {
        let sim = Sim::new();
        let words = options().queue_size(4096).open_on(sim.clone(), Words::default).await?;
        let gate = Gate::closed_before(&sim);
        let long = "x".repeat(4000);
        let first = begun(words.push(&long));
        let waker = Arc::new(Panicking::default());
        let mut second = Box::pin(words.push(&long));
        assert!(waker.poll(second.as_mut()).is_pending());
        gate.open();
        assert_eq!(first.await?, 1, "the writer goes on");
        eventually(|| waker.was_woken());
        assert_eq!(second.await?, 2);
        assert_eq!(words.push("and on").await?, 3);
        Ok(())
    })
}

#[test]
fn a_call_that_waits_for_room_when_the_store_closes() -> Result {
    run(async {
        let sim = Sim::new();
        let words = options().queue_size(4096).open_on(sim.clone(), Words::default).await?;
        let gate = Gate::closed_before(&sim);
        let long = "x".repeat(4000);
        let first = begun(words.push(&long));
        let wakers: Vec<_> = (0..3).map(|_| Arc::new(Panicking::default())).collect();
        let mut calls: Vec<_> = (0..3).map(|_| Box::pin(words.push(&long))).collect();
        for (waker, call) in wakers.iter().zip(&mut calls) {
            assert!(waker.poll(call.as_mut()).is_pending());
        }
        let close = begun(words.close());
        assert!(wakers.iter().all(|waker| waker.was_woken()));
        gate.open();
        close.await?;
        assert_eq!(first.await?, 1, "it was in the queue before");
        for call in calls {
            assert!(matches!(call.await, Err(Error::Closed)));
        }
        Ok(())
    })
}

#[test]
fn those_who_wait_for_the_close() -> Result {
    run(async {
        for _ in 0..5 {
            let sim = Sim::new();
            let words = open_sim(&sim).await?;
            words.push("word 0").await?;
            let gate = Gate::closed_before(&sim);
            let wakers: Vec<_> = (0..8).map(|_| Arc::new(Panicking::default())).collect();
            let mut closing: Vec<_> = (0..8).map(|_| Box::pin(words.close())).collect();
            for (waker, close) in wakers.iter().zip(&mut closing) {
                assert!(waker.poll(close.as_mut()).is_pending());
            }
            let others: Vec<_> = (0..8).map(|_| words.clone()).collect();
            let others = others.into_iter().map(|words| std::thread::spawn(move || block_on(words.close())));
            let others: Vec<_> = others.collect();
            gate.open();
            for other in others {
                other.join().map_err(|_| "another's close panicked")??;
            }
            eventually(|| wakers.iter().all(|waker| waker.was_woken()));
            for close in closing {
                close.await?;
            }
            assert_eq!(words_in(&sim).await?, numbered(1));
        }
        Ok(())
    })
}

#[test]
fn those_who_ask_for_something_when_it_closes() -> Result {
    run(async {
        let sim = Sim::new();
        let words = open_sim(&sim).await?;
        words.push("word 0").await?;
        let gate = Gate::closed_before(&sim);
        // The writer ends: nobody will answer what it is asked for from now on.
        let close = begun(words.close());
        gate.wait_for_somebody();
        let wakers: Vec<_> = (0..4).map(|_| Arc::new(Panicking::default())).collect();
        let mut asking: Vec<_> = (0..4).map(|_| Box::pin(words.sync())).collect();
        for (waker, asked) in wakers.iter().zip(&mut asking) {
            assert!(waker.poll(asked.as_mut()).is_pending());
        }
        gate.open();
        close.await?;
        for asked in asking {
            assert!(matches!(asked.await, Err(Error::Closed)));
        }
        assert!(wakers.iter().all(|waker| waker.was_woken()));
        assert_eq!(words_in(&sim).await?, numbered(1));
        Ok(())
    })
}

/// Opened in three ways: a new store, whose first state is asked for half-way; one that is there; one that is refused.
#[test]
fn one_who_waits_for_an_open() -> Result {
    run(async {
        let sim = Sim::new();
        for count in 0..3 {
            let words = Arc::new(Panicking::default()).wait_for(open_sim(&sim))?;
            assert_eq!(words.words(), numbered(count));
            assert_eq!(words.push(&format!("word {count}")).await?, count + 1);
            let refused = Arc::new(Panicking::default()).wait_for(open_sim(&sim));
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
fn a_panic_out_of_a_callers_own_commit_latches() -> Result {
    run(async {
        let sim = Sim::new();
        let options = options().durability(Durability::Os);
        let words = options.open_on(sim.clone(), Words::default).await?;
        words.push("word 0").await?;
        words.push("word 1").await?;
        let caller = std::thread::current().id();
        sim.observe(Some(Arc::new(move |_: &Sim| {
            assert!(std::thread::current().id() != caller, "in the middle of a call to the file system");
        })));
        let panicked = catch_unwind(AssertUnwindSafe(|| block_on(words.push("half-way"))));
        assert!(panicked.is_err(), "{panicked:?}");
        sim.observe(None);
        for _ in 0..3 {
            let error = words.push("refused").await.expect_err("nothing is committed on top of that");
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
