//! A call whose future is dropped is done or not begun, never half, and the calls after it work.

use std::pin::Pin;

use crate::common::{
    DURABILITIES, Gate, Result, Words, WordsLog, numbered, open, open_sim, options, poll_once, poll_times, run,
};
use walr::testing::Sim;
use walr::{Durable, Lsn};

/// More polls than a call ever takes.
const MOST_POLLS: usize = 5;

#[test]
fn a_mutation_dropped_after_any_number_of_polls_is_done_or_not_begun() -> Result {
    run(async {
        for durability in DURABILITIES {
            let folder = tempfile::tempdir()?;
            let words = options().durability(durability).open(folder.path()).await?;
            let mut there = Vec::new();
            for round in 0..20 {
                for times in 0..MOST_POLLS {
                    let word = format!("word {round} {times}");
                    let done = poll_times(words.push(&word), times).await;
                    words.sync().await?;
                    if times > 0 {
                        // It entered the queue at its first poll.
                        there.push(word);
                    }
                    assert_eq!(words.words(), there, "{durability:?}");
                    if let Some(count) = done {
                        assert_eq!(count?, there.len());
                    }
                }
            }
            words.push("the last").await?;
            there.push("the last".to_string());
            drop(words);
            assert_eq!(open(folder.path()).await?.words(), there, "{durability:?}");
        }
        Ok(())
    })
}

#[test]
fn a_batch_dropped_after_any_number_of_polls_is_whole_or_not_begun() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let words = options().open(folder.path()).await?;
        for times in 0..MOST_POLLS {
            let batch = numbered(7).into_iter().map(|word| WordsLog::Push { word });
            drop(poll_times(words.apply_batch(batch), times).await);
            words.sync().await?;
            assert_eq!(words.count(), 7 * times, "no poll, no batch");
        }
        drop(words);
        assert_eq!(open(folder.path()).await?.count(), 7 * (MOST_POLLS - 1));
        Ok(())
    })
}

/// A store whose writer stands before a closed gate, and whose queue has no room left.
async fn full_queue(sim: &Sim) -> Result<(Durable<Words>, Gate, Vec<Pin<Box<impl Future<Output = usize>>>>)> {
    let words = options().queue_size(4096).open_on(sim.clone(), Words::default).await?;
    words.push("the segment is made").await?;
    let gate = Gate::before(sim);
    gate.close();
    let mut filling = Vec::new();
    for word in ["a".repeat(2000), "b".repeat(2000)] {
        let words = words.clone();
        let mut call = Box::pin(async move { words.push(&word).await.expect("a call that fills the queue is done") });
        assert!(poll_once(call.as_mut()).is_pending());
        filling.push(call);
    }
    gate.wait_for_somebody();
    Ok((words, gate, filling))
}

#[test]
fn a_call_dropped_while_it_waits_for_room_is_not_begun() -> Result {
    run(async {
        let sim = Sim::new();
        let (words, gate, filling) = full_queue(&sim).await?;
        for _ in 0..10 {
            let long = "c".repeat(1000);
            let mut waits = Box::pin(words.push(&long));
            assert!(poll_once(waits.as_mut()).is_pending());
            assert!(poll_once(waits.as_mut()).is_pending());
            let mut batch = Box::pin(words.apply_batch([WordsLog::Push { word: long.clone() }]));
            assert!(poll_once(batch.as_mut()).is_pending());
        }
        gate.open();
        for call in filling {
            call.await;
        }
        assert_eq!(words.push("next").await?, 4);
        assert_eq!(words.read(|state| state.words[3].clone()), "next");
        assert_eq!(words.stats().last, Lsn::new(4));
        Ok(())
    })
}

#[test]
fn a_call_that_found_the_queue_full_may_be_dropped_at_every_later_poll() -> Result {
    run(async {
        for times in 1..=MOST_POLLS {
            let sim = Sim::new();
            let (words, gate, filling) = full_queue(&sim).await?;
            let dropped = tokio::spawn({
                let words = words.clone();
                async move { poll_times(words.push(&"c".repeat(1000)), times).await.is_some() }
            });
            let waiting = tokio::spawn({
                let words = words.clone();
                async move { words.push(&"d".repeat(1000)).await }
            });
            gate.open();
            for call in filling {
                call.await;
            }
            let answered = dropped.await?;
            waiting.await??;
            words.sync().await?;
            let all = words.words();
            let begun = all.iter().filter(|word| word.starts_with('c')).count();
            assert!(begun == 1 || (begun == 0 && !answered), "{begun} after {times} polls");
            assert_eq!(all.iter().filter(|word| word.starts_with('d')).count(), 1);
            drop((words, gate));
            assert_eq!(open_sim(&sim).await?.words(), all);
        }
        Ok(())
    })
}

#[test]
fn the_room_of_dropped_calls_is_given_back() -> Result {
    run(async {
        let sim = Sim::new();
        let words = options().queue_size(4096).open_on(sim.clone(), Words::default).await?;
        let long = "x".repeat(4000);
        for _ in 0..200 {
            // Each would fill the queue for ever, if its room were lost with it.
            drop(poll_times(words.push(&long), 1).await);
            drop(poll_times(words.push(&long), 2).await);
        }
        words.push("next").await?;
        let all = words.words();
        drop(words);
        assert_eq!(open_sim(&sim).await?.words(), all);
        Ok(())
    })
}

#[test]
fn tasks_that_are_aborted_leave_whole_calls() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let words = options().queue_size(4096).open(folder.path()).await?;
        let acknowledged = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let tasks: Vec<_> = (0..32)
            .map(|task| {
                let (words, acknowledged) = (words.clone(), acknowledged.clone());
                tokio::spawn(async move {
                    for number in 0.. {
                        let word = format!("{task}:{number}");
                        words.push(&word).await.expect("a live call is done");
                        acknowledged.lock().unwrap().push(word);
                    }
                })
            })
            .collect();
        for (at, task) in tasks.into_iter().enumerate() {
            crate::common::eventually(|| words.count() > 20 * at);
            task.abort();
            assert!(task.await.unwrap_err().is_cancelled());
        }
        words.push("next").await?;
        let all = words.words();
        for task in 0..32 {
            let own = all.iter().filter_map(|word| word.strip_prefix(&format!("{task}:")));
            let numbers: Vec<usize> = own.map(|number| number.parse().unwrap()).collect();
            assert_eq!(numbers, (0..numbers.len()).collect::<Vec<_>>(), "each once, in its task's order");
        }
        for word in acknowledged.lock().unwrap().iter() {
            assert!(all.contains(word), "{word} was acknowledged");
        }
        drop(words);
        assert_eq!(open(folder.path()).await?.words(), all);
        Ok(())
    })
}

#[test]
fn syncs_and_checkpoints_dropped_at_any_poll_do_no_harm() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let words = options().open(folder.path()).await?;
        for times in 0..MOST_POLLS {
            words.push(&format!("word {times}")).await?;
            drop(poll_times(words.sync(), times).await);
            drop(poll_times(words.checkpoint(), times).await);
        }
        assert_eq!(words.checkpoint().await?, Lsn::new(MOST_POLLS as u64));
        drop(words);
        assert_eq!(open(folder.path()).await?.words(), numbered(MOST_POLLS));
        Ok(())
    })
}

#[test]
fn a_call_that_is_never_polled_does_nothing() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let words = open(folder.path()).await?;
        drop(words.push("never"));
        drop(words.apply(WordsLog::Push { word: "never".into() }));
        drop(words.close());
        words.push("word 0").await?;
        assert_eq!(words.words(), numbered(1));
        Ok(())
    })
}
