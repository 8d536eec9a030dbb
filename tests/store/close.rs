//! `close`: for all clones at once, again and again, and done once it was begun.

use crate::common::{
    DURABILITIES, Gate, Result, Words, WordsLog, begun, eventually, numbered, open, open_sim, options, poll_times, run,
};
use walr::testing::Sim;
use walr::{CheckpointPolicy, Durable, Error, Fate, Lsn, Options};

fn is_closed<T: std::fmt::Debug>(result: walr::Result<T>) {
    let error = result.expect_err("the store is closed");
    assert!(matches!(error, Error::Closed), "{error:?}");
    assert_eq!(error.fate(), Fate::NotRecorded);
}

#[test]
fn after_it_every_change_is_refused_and_reads_go_on() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let words = open(folder.path()).await?;
        let clone = words.clone();
        words.push("word 0").await?;
        words.close().await?;
        for handle in [&words, &clone] {
            is_closed(handle.push("late").await);
            is_closed(handle.apply(WordsLog::Push { word: "late".into() }).await);
            is_closed(handle.apply_batch([WordsLog::Push { word: "late".into() }]).await);
            assert_eq!(
                handle.apply_batch([]).await?.len(),
                0,
                "an empty batch changes nothing, so that nothing is refused"
            );
            is_closed(handle.checkpoint().await);
            is_closed(handle.sync().await);
            assert_eq!(handle.words(), numbered(1));
            assert_eq!(handle.read(|state| state.words.len()), 1);
            assert_eq!(handle.stats().last, Lsn::new(1));
        }
        assert_eq!(open(folder.path()).await?.words(), numbered(1));
        Ok(())
    })
}

#[test]
fn it_may_be_repeated() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let words = open(folder.path()).await?;
        words.push("word 0").await?;
        for _ in 0..5 {
            words.close().await?;
            words.clone().close().await?;
        }
        let again = open(folder.path()).await?;
        words.close().await?;
        assert_eq!(again.push("word 1").await?, 2, "an old handle's close is none of the new one's");
        Ok(())
    })
}

#[test]
fn it_may_be_raced_by_many_clones() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        for round in 0..10 {
            let words = open(folder.path()).await?;
            words.push(&format!("word {round}")).await?;
            let closing: Vec<_> = (0..16)
                .map(|_| {
                    let words = words.clone();
                    tokio::spawn(async move { words.close().await })
                })
                .collect();
            for close in closing {
                close.await??;
            }
        }
        assert_eq!(open(folder.path()).await?.words(), numbered(10));
        Ok(())
    })
}

#[test]
fn a_call_that_races_it_is_done_or_closed_out() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let mut there = Vec::new();
        for round in 0..10 {
            let words = options().queue_size(4096).open(folder.path()).await?;
            let tasks: Vec<_> = (0..16)
                .map(|task| {
                    let words = words.clone();
                    tokio::spawn(async move {
                        let mut done = Vec::new();
                        for number in 0.. {
                            let word = format!("{round}:{task}:{number}:{}", "x".repeat(300));
                            match words.push(&word).await {
                                Ok(_) => done.push(word),
                                Err(error) => {
                                    is_closed(Err::<(), _>(error));
                                    break;
                                }
                            }
                        }
                        done
                    })
                })
                .collect();
            eventually(|| words.count() > there.len() + 10 * round);
            words.close().await?;
            let closed = words.words();
            for task in tasks {
                there.extend(task.await?);
            }
            there.sort();
            let mut found = options().open(folder.path()).await?.words();
            assert_eq!(found, closed);
            found.sort();
            assert_eq!(found, there, "acknowledged and nothing else");
        }
        Ok(())
    })
}

#[test]
fn dropped_after_any_number_of_polls_it_still_closes() -> Result {
    run(async {
        for times in 1..4 {
            let folder = tempfile::tempdir()?;
            let words = open(folder.path()).await?;
            words.push("word 0").await?;
            drop(poll_times(words.close(), times).await);
            is_closed(words.push("late").await);
            let mut found = open(folder.path()).await;
            while matches!(found, Err(Error::Locked { .. })) {
                tokio::task::yield_now().await;
                found = open(folder.path()).await;
            }
            let found = found?;
            assert_eq!(found.words(), numbered(1));
            assert_eq!(found.store().recovery().records, 0, "it wrote its checkpoint too");
            drop(words);
            assert_eq!(found.push("word 1").await?, 2);
        }
        Ok(())
    })
}

#[test]
fn dropped_half_way_it_is_finished_by_the_next() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let words = open(folder.path()).await?;
        words.push("word 0").await?;
        let close = begun(words.close());
        drop(close);
        words.close().await?;
        assert_eq!(open(folder.path()).await?.words(), numbered(1));
        Ok(())
    })
}

#[test]
fn what_was_called_before_it_is_done() -> Result {
    run(async {
        let sim = Sim::new();
        let words = open_sim(&sim).await?;
        words.push("word 0").await?;
        let gate = Gate::closed_before(&sim);
        let first = begun(words.push("word 1"));
        gate.wait_for_somebody();
        let second = begun(words.push("word 2"));
        let close = begun(words.close());
        is_closed(words.push("late").await);
        gate.open();
        assert_eq!((first.await?, second.await?), (2, 3));
        close.await?;
        assert_eq!(words.words(), numbered(3));
        Ok(())
    })
}

#[test]
fn who_waits_for_room_is_closed_out() -> Result {
    run(async {
        let sim = Sim::new();
        let words = options().queue_size(4096).open_on(sim.clone(), Words::default).await?;
        words.push("word 0").await?;
        let gate = Gate::closed_before(&sim);
        let long = "x".repeat(4000);
        let fills = begun(words.push(&long));
        let waits = begun(words.push(&long));
        let close = begun(words.close());
        is_closed(waits.await);
        gate.open();
        fills.await?;
        close.await?;
        assert_eq!(words.count(), 2);
        Ok(())
    })
}

/// Returns how many records an open replays after `end`.
async fn replayed_after(
    options: Options<Words>,
    end: impl AsyncFnOnce(Durable<Words>) -> walr::Result<()>,
) -> Result<u64> {
    let folder = tempfile::tempdir()?;
    let words = options.open(folder.path()).await?;
    for word in numbered(10) {
        words.push(&word).await?;
    }
    end(words).await?;
    let words = open(folder.path()).await?;
    assert_eq!(words.words(), numbered(10));
    Ok(words.store().recovery().records)
}

async fn close(words: Durable<Words>) -> walr::Result<()> {
    words.close().await
}

#[test]
fn it_writes_a_checkpoint_unless_the_policy_is_manual() -> Result {
    run(async {
        let policy = |policy| Durable::<Words>::options().checkpoint(policy);
        assert_eq!(replayed_after(policy(CheckpointPolicy::default()), close).await?, 0);
        assert_eq!(replayed_after(policy(CheckpointPolicy::Manual), close).await?, 10);
        Ok(())
    })
}

#[test]
fn it_writes_no_checkpoint_where_the_options_say_so() -> Result {
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
fn checkpoints_before_a_close_without_one_are_written_all_the_same() -> Result {
    run(async {
        let options = Durable::<Words>::options().checkpoint_on_close(false);
        let asked = async |words: Durable<Words>| {
            words.checkpoint().await?;
            words.close().await
        };
        assert_eq!(replayed_after(options.clone(), asked).await?, 0, "one that was asked for");
        let policy = CheckpointPolicy::LogBytes { ratio: 0.0, floor: 1 };
        let due = async |words: Durable<Words>| {
            eventually(|| words.stats().checkpoint == Lsn::new(10));
            words.close().await
        };
        assert_eq!(replayed_after(options.checkpoint(policy), due).await?, 0, "one that the policy asks for");
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
