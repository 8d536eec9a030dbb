//! `close`: closes the store for all clones, may be repeated, and finishes once it has begun.

use crate::common::{
    DURABILITIES, Gate, Result, Words, assert_closed, begun, eventually, in_tasks, long_word, numbered, open,
    open_when_unlocked, open_with_small_queue, options, poll_times, push_log, push_numbered, run, sim_with_words,
};
use walr::testing::Sim;
use walr::{CheckpointPolicy, Durable, Error, Fate, Lsn, Options};

#[test]
fn a_closed_store_refuses_every_change_and_serves_reads() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let words = open(folder.path()).await?;
        let clone = words.clone();
        words.push("word 0").await?;
        words.close().await?;
        for handle in [&words, &clone] {
            assert_closed(handle.push("late").await);
            assert_closed(handle.apply(push_log("late")).await);
            assert_closed(handle.apply_batch([push_log("late")]).await);
            assert_eq!(handle.apply_batch([]).await?.len(), 0, "an empty batch changes nothing and is not refused");
            assert_closed(handle.checkpoint().await);
            assert_closed(handle.sync().await);
            assert_eq!(handle.words(), numbered(1));
            assert_eq!(handle.linearizable().await?.words(), numbered(1));
            assert_eq!(handle.read(|state| state.words.len()), 1);
            assert_eq!(handle.stats().last, Lsn::new(1));
        }
        assert_eq!(Error::Closed.fate(), Fate::NotRecorded);
        assert_eq!(open(folder.path()).await?.words(), numbered(1));
        Ok(())
    })
}

#[test]
fn close_may_be_repeated() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let words = open(folder.path()).await?;
        words.push("word 0").await?;
        for _ in 0..5 {
            words.close().await?;
            words.clone().close().await?;
        }
        let reopened = open(folder.path()).await?;
        words.close().await?;
        assert_eq!(reopened.push("word 1").await?, 2, "the old handle's close does not close the new store");
        Ok(())
    })
}

#[test]
fn many_clones_may_close_at_once() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        for round in 0..10 {
            let words = open(folder.path()).await?;
            words.push(&format!("word {round}")).await?;
            in_tasks(16, |_| {
                let words = words.clone();
                async move { words.close().await }
            })
            .await?;
        }
        assert_eq!(open(folder.path()).await?.words(), numbered(10));
        Ok(())
    })
}

/// Pushes words until the store is closed, and returns those that were acknowledged.
async fn push_until_closed(words: Durable<Words>, prefix: String) -> walr::Result<Vec<String>> {
    let mut acknowledged = Vec::new();
    for number in 0.. {
        let word = format!("{prefix}:{number}:{}", "x".repeat(300));
        match words.push(&word).await {
            Ok(_) => acknowledged.push(word),
            Err(Error::Closed) => break,
            Err(other) => return Err(other),
        }
    }
    Ok(acknowledged)
}

#[test]
fn a_call_that_races_a_close_is_acknowledged_or_refused() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let mut acknowledged = Vec::new();
        for round in 0..10 {
            let words = options().queue_size(4096).open(folder.path()).await?;
            let tasks: Vec<_> =
                (0..16).map(|task| tokio::spawn(push_until_closed(words.clone(), format!("{round}:{task}")))).collect();
            eventually(|| words.count() > acknowledged.len() + 10 * round);
            words.close().await?;
            let closed = words.words();
            for task in tasks {
                acknowledged.extend(task.await??);
            }
            acknowledged.sort();
            let mut found = options().open(folder.path()).await?.words();
            assert_eq!(found, closed);
            found.sort();
            assert_eq!(found, acknowledged, "the store holds the acknowledged words and no others");
        }
        Ok(())
    })
}

#[test]
fn a_close_dropped_after_any_number_of_polls_finishes() -> Result {
    run(async {
        for times in 1..4 {
            let folder = tempfile::tempdir()?;
            let words = open(folder.path()).await?;
            words.push("word 0").await?;
            drop(poll_times(words.close(), times).await);
            assert_closed(words.push("late").await);
            let reopened = open_when_unlocked(folder.path()).await?;
            assert_eq!(reopened.words(), numbered(1));
            assert_eq!(reopened.store().recovery().records, 0, "the close wrote its checkpoint");
            drop(words);
            assert_eq!(reopened.push("word 1").await?, 2);
        }
        Ok(())
    })
}

#[test]
fn a_close_waits_for_the_end_of_one_that_was_dropped() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let words = open(folder.path()).await?;
        words.push("word 0").await?;
        drop(begun(words.close()));
        words.close().await?;
        assert_eq!(open(folder.path()).await?.words(), numbered(1));
        Ok(())
    })
}

#[test]
fn calls_in_the_queue_are_done_before_the_close() -> Result {
    run(async {
        let (sim, words) = sim_with_words(1).await?;
        let gate = Gate::closed_on(&sim);
        let first = begun(words.push("word 1"));
        gate.wait_for_arrival();
        let second = begun(words.push("word 2"));
        let close = begun(words.close());
        assert_closed(words.push("late").await);
        gate.open();
        assert_eq!((first.await?, second.await?), (2, 3));
        close.await?;
        assert_eq!(words.words(), numbered(3));
        Ok(())
    })
}

#[test]
fn a_close_refuses_calls_that_wait_for_capacity() -> Result {
    run(async {
        let sim = Sim::new();
        let words = open_with_small_queue(&sim).await?;
        words.push("word 0").await?;
        let gate = Gate::closed_on(&sim);
        let long = long_word();
        let queued = begun(words.push(&long));
        let waiting = begun(words.push(&long));
        let close = begun(words.close());
        assert_closed(waiting.await);
        gate.open();
        queued.await?;
        close.await?;
        assert_eq!(words.count(), 2);
        Ok(())
    })
}

/// Ends a store of ten words by `end`, and returns the number of records that the next open replays.
async fn replayed_after(
    options: Options<Words>,
    end: impl AsyncFnOnce(Durable<Words>) -> walr::Result<()>,
) -> Result<u64> {
    let folder = tempfile::tempdir()?;
    let words = options.open(folder.path()).await?;
    push_numbered(&words, 10).await?;
    end(words).await?;
    let words = open(folder.path()).await?;
    assert_eq!(words.words(), numbered(10));
    Ok(words.store().recovery().records)
}

async fn close(words: Durable<Words>) -> walr::Result<()> {
    words.close().await
}

#[test]
fn a_close_writes_a_checkpoint_unless_the_policy_is_manual() -> Result {
    run(async {
        let policy = |policy| Durable::<Words>::options().checkpoint(policy);
        assert_eq!(replayed_after(policy(CheckpointPolicy::default()), close).await?, 0);
        assert_eq!(replayed_after(policy(CheckpointPolicy::Manual), close).await?, 10);
        Ok(())
    })
}

#[test]
fn checkpoint_on_close_decides_whether_a_close_writes_a_checkpoint() -> Result {
    run(async {
        for durability in DURABILITIES {
            let options = |on| Durable::<Words>::options().durability(durability).checkpoint_on_close(on);
            assert_eq!(replayed_after(options(true), close).await?, 0);
            assert_eq!(replayed_after(options(false), close).await?, 10);
        }
        Ok(())
    })
}

#[test]
fn checkpoint_on_close_does_not_affect_earlier_checkpoints() -> Result {
    run(async {
        let options = Durable::<Words>::options().checkpoint_on_close(false);
        let asked = async |words: Durable<Words>| {
            words.checkpoint().await?;
            words.close().await
        };
        assert_eq!(replayed_after(options.clone(), asked).await?, 0, "a checkpoint that the caller asked for");
        let policy = CheckpointPolicy::LogBytes { ratio: 0.0, floor: 1 };
        let due = async |words: Durable<Words>| {
            eventually(|| words.stats().checkpoint == Lsn::new(10));
            words.close().await
        };
        assert_eq!(replayed_after(options.checkpoint(policy), due).await?, 0, "a checkpoint of the policy");
        Ok(())
    })
}

#[test]
fn a_drop_writes_no_checkpoint() -> Result {
    run(async {
        let dropped = async |words: Durable<Words>| {
            drop(words);
            Ok(())
        };
        assert_eq!(replayed_after(Durable::<Words>::options(), dropped).await?, 10);
        Ok(())
    })
}
