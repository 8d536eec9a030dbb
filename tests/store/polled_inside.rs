//! A call that began outside of a read may be awaited inside of one, where it would wait for itself: its next poll returns an
//! error. A call that is already in flight may still be done.

use std::task::Poll;

use crate::common::{
    Gate, Result, Words, begun, block_on, eventually, numbered, open_sim, open_with_small_queue, poll_once, push_log,
    run, sim_with_words, words_in,
};
use walr::testing::Sim;
use walr::{Durable, Error, Fate};

/// Awaits a call inside a read of its store, and returns the fate in its error.
fn fate_inside_a_read<T: std::fmt::Debug>(words: &Durable<Words>, call: impl Future<Output = walr::Result<T>>) -> Fate {
    match words.read(|_| block_on(call)) {
        Err(error @ Error::Reentrant { .. }) => {
            assert!(error.to_string().contains("a `read`"), "{error}");
            error.fate()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_call_in_flight_gets_an_error_and_may_be_done() -> Result {
    run(async {
        let (sim, words) = sim_with_words(1).await?;
        let gate = Gate::closed_on(&sim);
        let single = begun(words.push("word 1"));
        gate.wait_for_arrival();
        let batch = begun(words.apply_batch([push_log("word 2")]));
        assert_eq!(fate_inside_a_read(&words, single), Fate::Unknown);
        assert_eq!(fate_inside_a_read(&words, batch), Fate::Unknown);
        gate.open();
        assert_eq!(words.push("word 3").await?, 4, "both calls were done");
        assert_eq!(words.words(), numbered(4));
        drop(words);
        assert_eq!(words_in(&sim).await?, numbered(4));
        Ok(())
    })
}

#[test]
fn a_call_that_waits_for_capacity_is_refused_and_not_recorded() -> Result {
    run(async {
        let sim = Sim::new();
        let words = open_with_small_queue(&sim).await?;
        let gate = Gate::closed_on(&sim);
        let first = begun(words.push("word 0"));
        gate.wait_for_arrival();
        let large = "x".repeat(4096);
        let (single, batch) = (begun(words.push(&large)), begun(words.apply_batch([push_log(&large)])));
        assert_eq!(fate_inside_a_read(&words, single), Fate::NotRecorded);
        assert_eq!(fate_inside_a_read(&words, batch), Fate::NotRecorded);
        gate.open();
        first.await?;
        assert_eq!(words.push("word 1").await?, 2, "the refused calls hold no capacity");
        drop(words);
        assert_eq!(words_in(&sim).await?, numbered(2));
        Ok(())
    })
}

#[test]
fn a_sync_a_checkpoint_a_verification_and_a_close_get_an_error() -> Result {
    run(async {
        let (sim, words) = sim_with_words(1).await?;
        let gate = Gate::closed_on(&sim);
        let call = begun(words.push("word 1"));
        gate.wait_for_arrival();
        let (sync, checkpoint) = (begun(words.sync()), begun(words.checkpoint()));
        let store = words.store();
        let (verification, close) = (begun(store.verify_replay()), begun(words.close()));
        assert_eq!(fate_inside_a_read(&words, sync), Fate::Unknown);
        assert_eq!(fate_inside_a_read(&words, checkpoint), Fate::Unknown);
        assert_eq!(fate_inside_a_read(&words, verification), Fate::Unknown);
        assert_eq!(fate_inside_a_read(&words, close), Fate::Unknown);
        gate.open();
        assert_eq!(call.await?, 2);
        words.close().await?;
        assert_eq!(words_in(&sim).await?, numbered(2));
        Ok(())
    })
}

#[test]
fn a_call_that_is_answered_is_ready_inside_a_read() -> Result {
    run(async {
        let words = open_sim(&Sim::new()).await?;
        let mut call = begun(words.push("word 0"));
        // The second answer comes after the first one.
        words.push("word 1").await?;
        let answer = words.read(|_| poll_once(call.as_mut()));
        assert!(matches!(answer, Poll::Ready(Ok(1))), "{answer:?}");
        Ok(())
    })
}

/// A read waits for a read on another thread, which would wait for a mutation, which waits for the first read.
#[test]
fn a_read_that_waits_for_a_read_on_another_thread_ends() -> Result {
    run(async {
        let (sim, words) = sim_with_words(1).await?;
        for _ in 0..20 {
            let writer = words.clone();
            let late = words.read(|_| {
                let before = sim.calls();
                let late = std::thread::spawn(move || block_on(writer.push("word")));
                eventually(|| sim.calls() > before && sim.unsynced() == 0);
                // The call is durable, and waits for this read now or in a moment.
                for _ in 0..3 {
                    std::thread::yield_now();
                    std::thread::scope(|scope| drop(scope.spawn(|| words.count()).join()));
                }
                late
            });
            late.join().map_err(|_| "the late call panicked")??;
        }
        assert_eq!(words.count(), 21);
        Ok(())
    })
}
