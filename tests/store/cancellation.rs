//! Dropping the future of a call leaves the call done or not begun, and later calls work.

use std::pin::Pin;
use std::sync::{Arc, Mutex};

use crate::common::{
    DURABILITIES, Gate, Result, Words, begun, eventually, long_word, numbered, open, open_sim, open_with_small_queue,
    options, poll_once, poll_times, push_log, run,
};
use walr::testing::Sim;
use walr::{Durable, Lsn};

/// More polls than any call takes.
const MOST_POLLS: usize = 5;

#[test]
fn a_mutation_dropped_after_any_number_of_polls_is_done_or_not_begun() -> Result {
    run(async {
        for durability in DURABILITIES {
            let folder = tempfile::tempdir()?;
            let words = options().durability(durability).open(folder.path()).await?;
            let mut expected = Vec::new();
            for round in 0..20 {
                for times in 0..MOST_POLLS {
                    let word = format!("word {round} {times}");
                    let done = poll_times(words.push(&word), times).await;
                    words.sync().await?;
                    if times > 0 {
                        // The call entered the queue at its first poll.
                        expected.push(word);
                    }
                    assert_eq!(words.words(), expected, "{durability:?}");
                    if let Some(count) = done {
                        assert_eq!(count?, expected.len());
                    }
                }
            }
            words.push("the last").await?;
            expected.push("the last".to_string());
            drop(words);
            assert_eq!(open(folder.path()).await?.words(), expected, "{durability:?}");
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
            let batch = numbered(7).into_iter().map(push_log);
            drop(poll_times(words.apply_batch(batch), times).await);
            words.sync().await?;
            assert_eq!(words.count(), 7 * times, "only the batch without a poll was not begun");
        }
        drop(words);
        assert_eq!(open(folder.path()).await?.count(), 7 * (MOST_POLLS - 1));
        Ok(())
    })
}

/// Creates a store whose writer is stopped at a closed gate and whose queue is full. Returns the calls that fill the queue.
async fn full_queue(sim: &Sim) -> Result<(Durable<Words>, Gate, Vec<Pin<Box<impl Future<Output = usize>>>>)> {
    let words = open_with_small_queue(sim).await?;
    words.push("first").await?;
    let gate = Gate::closed_on(sim);
    let calls = ["a", "b"].map(|letter| {
        let words = words.clone();
        begun(async move { words.push(&letter.repeat(2000)).await.expect("a call that fills the queue is done") })
    });
    gate.wait_for_arrival();
    Ok((words, gate, calls.into()))
}

#[test]
fn a_call_dropped_while_it_waits_for_capacity_is_not_begun() -> Result {
    run(async {
        let sim = Sim::new();
        let (words, gate, filling) = full_queue(&sim).await?;
        for _ in 0..10 {
            let long = "c".repeat(1000);
            let mut waiting = begun(words.push(&long));
            assert!(poll_once(waiting.as_mut()).is_pending());
            drop(begun(words.apply_batch([push_log(&long)])));
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
fn a_call_that_found_the_queue_full_may_be_dropped_after_any_number_of_polls() -> Result {
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
            let done = all.iter().filter(|word| word.starts_with('c')).count();
            assert!(done == 1 || (done == 0 && !answered), "done {done} times after {times} polls");
            assert_eq!(all.iter().filter(|word| word.starts_with('d')).count(), 1);
            drop((words, gate));
            assert_eq!(open_sim(&sim).await?.words(), all);
        }
        Ok(())
    })
}

#[test]
fn dropped_calls_release_their_capacity() -> Result {
    run(async {
        let sim = Sim::new();
        let words = open_with_small_queue(&sim).await?;
        let long = long_word();
        for _ in 0..200 {
            // Each call fills the queue: one that kept its capacity would block all later ones.
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
fn an_aborted_task_leaves_only_whole_calls() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let words = options().queue_size(4096).open(folder.path()).await?;
        let acknowledged = Arc::new(Mutex::new(Vec::new()));
        let tasks: Vec<_> = (0..32)
            .map(|task| {
                let (words, acknowledged) = (words.clone(), acknowledged.clone());
                tokio::spawn(async move {
                    for number in 0.. {
                        let word = format!("{task}:{number}");
                        words.push(&word).await.expect("a call that is not dropped is done");
                        acknowledged.lock().unwrap().push(word);
                    }
                })
            })
            .collect();
        for (at, task) in tasks.into_iter().enumerate() {
            eventually(|| words.count() > 20 * at);
            task.abort();
            assert!(task.await.unwrap_err().is_cancelled());
        }
        words.push("next").await?;
        let all = words.words();
        for task in 0..32 {
            let own = all.iter().filter_map(|word| word.strip_prefix(&format!("{task}:")));
            let numbers: Vec<usize> = own.map(|number| number.parse().unwrap()).collect();
            assert_eq!(numbers, (0..numbers.len()).collect::<Vec<_>>(), "each call once, in its task's order");
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
fn syncs_and_checkpoints_may_be_dropped_after_any_number_of_polls() -> Result {
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
        drop(words.apply(push_log("never")));
        drop(words.close());
        words.push("word 0").await?;
        assert_eq!(words.words(), numbered(1));
        Ok(())
    })
}
