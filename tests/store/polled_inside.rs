//! Calls that were begun outside, and are then awaited where they would wait for themselves: inside a read of their store. Each poll
//! looks, so that they are refused and never waited for. What was in flight already may be done all the same.

use std::task::Poll;

use crate::common::{
    Gate, Result, Words, WordsLog, begun, block_on, eventually, numbered, open_sim, options, poll_once, run, words_in,
};
use walr::testing::Sim;
use walr::{CheckpointPolicy, Durable, Error, Fate};

/// Awaits a call inside a read of its store, and returns what its error says of its fate.
fn awaited_inside<T: std::fmt::Debug>(words: &Durable<Words>, call: impl Future<Output = walr::Result<T>>) -> Fate {
    match words.read(|_| block_on(call)) {
        Err(error @ Error::Reentrant { .. }) => {
            assert!(error.to_string().contains("a `read`"), "{error}");
            error.fate()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_call_in_flight_is_refused_and_may_be_done() -> Result {
    run(async {
        let sim = Sim::new();
        let words = open_sim(&sim).await?;
        words.push("word 0").await?;
        let gate = Gate::closed_on(&sim);
        let single = begun(words.push("word 1"));
        gate.wait_for_arrival();
        let batch = begun(words.apply_batch([WordsLog::Push { word: "word 2".into() }]));
        assert_eq!(awaited_inside(&words, single), Fate::Unknown);
        assert_eq!(awaited_inside(&words, batch), Fate::Unknown);
        gate.open();
        assert_eq!(words.push("word 3").await?, 4, "both were done");
        assert_eq!(words.words(), numbered(4));
        drop(words);
        assert_eq!(words_in(&sim).await?, numbered(4));
        Ok(())
    })
}

#[test]
fn a_call_that_waits_for_the_queue_is_refused_and_is_not_recorded() -> Result {
    run(async {
        let sim = Sim::new();
        let words = options().queue_size(4096).open_on(sim.clone(), Words::default).await?;
        let gate = Gate::closed_on(&sim);
        let first = begun(words.push("word 0"));
        gate.wait_for_arrival();
        let large = "x".repeat(4096);
        let (single, batch) = (words.push(&large), words.apply_batch([WordsLog::Push { word: large.clone() }]));
        let (single, batch) = (begun(single), begun(batch));
        assert_eq!(awaited_inside(&words, single), Fate::NotRecorded);
        assert_eq!(awaited_inside(&words, batch), Fate::NotRecorded);
        gate.open();
        first.await?;
        assert_eq!(words.push("word 1").await?, 2, "the capacity that they waited for is free");
        drop(words);
        assert_eq!(words_in(&sim).await?, numbered(2));
        Ok(())
    })
}

#[test]
fn a_sync_a_checkpoint_a_verification_and_a_close_are_refused_too() -> Result {
    run(async {
        let sim = Sim::new();
        let options = options().checkpoint(CheckpointPolicy::Manual);
        let words = options.open_on(sim.clone(), Words::default).await?;
        words.push("word 0").await?;
        let gate = Gate::closed_on(&sim);
        let call = begun(words.push("word 1"));
        gate.wait_for_arrival();
        let (sync, checkpoint) = (begun(words.sync()), begun(words.checkpoint()));
        let store = words.store();
        let (verification, close) = (begun(store.verify_replay()), begun(words.close()));
        assert_eq!(awaited_inside(&words, sync), Fate::Unknown);
        assert_eq!(awaited_inside(&words, checkpoint), Fate::Unknown);
        assert_eq!(awaited_inside(&words, verification), Fate::Unknown);
        assert_eq!(awaited_inside(&words, close), Fate::Unknown);
        gate.open();
        assert_eq!(call.await?, 2);
        words.close().await?;
        assert_eq!(words_in(&sim).await?, numbered(2));
        Ok(())
    })
}

#[test]
fn an_answer_that_is_there_is_given_inside_a_read_too() -> Result {
    run(async {
        let words = open_sim(&Sim::new()).await?;
        let mut call = begun(words.push("word 0"));
        // Answered behind the first.
        words.push("word 1").await?;
        let given = words.read(|_| poll_once(call.as_mut()));
        assert!(matches!(given, Poll::Ready(Ok(1))), "{given:?}");
        Ok(())
    })
}

/// A read waits for a read on another thread, that one for a mutation, and the mutation for the first read: the second read gets in.
#[test]
fn a_read_that_waits_for_a_read_on_another_thread_ends() -> Result {
    run(async {
        let sim = Sim::new();
        let words = open_sim(&sim).await?;
        words.push("word").await?;
        for _ in 0..20 {
            let writer = words.clone();
            let late = words.read(|_| {
                let before = sim.calls();
                let late = std::thread::spawn(move || block_on(writer.push("word")));
                eventually(|| sim.calls() > before && sim.unsynced() == 0);
                // The call is durable, and waits for this read now, or will in a moment.
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
