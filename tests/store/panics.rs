//! A mutation that panics is rolled back: its caller gets the panic's message, and all other calls go on.

use crate::common::{
    DURABILITIES, Gate, PANIC, Result, Words, WordsLog, begun, block_on, crashes, images_during, in_tasks, numbered,
    open, open_sim, options, push_log, push_numbered, run, sim_with_words, words_in,
};
use walr::testing::Sim;
use walr::{Durable, Error, Fate, Lsn};

/// Asserts that a call returned the error of its panicking mutation.
#[track_caller]
fn assert_panicked<T: std::fmt::Debug>(result: walr::Result<T>) {
    match result {
        Err(error @ Error::Panicked { .. }) => {
            assert_eq!(error.fate(), Fate::NotRecorded);
            assert!(error.to_string().contains(PANIC), "{error}");
            assert!(error.to_string().contains("push_and_panic"), "{error}");
        }
        other => panic!("{other:?}"),
    }
}

fn panic_log() -> WordsLog {
    WordsLog::PushAndPanic { word: "bad".into() }
}

#[test]
fn the_caller_gets_the_message_and_the_state_does_not_change() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let words = open(folder.path()).await?;
        push_numbered(&words, 2).await?;
        assert_panicked(words.push_and_panic("bad").await);
        assert_eq!(words.words(), numbered(2));
        assert_eq!(words.push("word 2").await?, 3);
        assert_eq!(words.stats().panics, 1);
        Ok(())
    })
}

#[test]
fn the_first_call_of_a_store_may_panic() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let words = open(folder.path()).await?;
        assert_panicked(words.push_and_panic("bad").await);
        assert_eq!(words.count(), 0);
        drop(words);
        let words = open(folder.path()).await?;
        assert_eq!(words.push("word 0").await?, 1);
        Ok(())
    })
}

#[test]
fn a_reopen_does_not_bring_a_panicking_mutation_back() -> Result {
    run(async {
        for close in [true, false] {
            let folder = tempfile::tempdir()?;
            let words = options().open(folder.path()).await?;
            words.push("word 0").await?;
            assert_panicked(words.push_and_panic("bad").await);
            words.push("word 1").await?;
            assert_panicked(words.push_and_panic("bad").await);
            if close {
                words.close().await?;
            }
            drop(words);
            let words = options().open(folder.path()).await?;
            assert_eq!(words.words(), numbered(2));
            assert!(words.store().recovery().aborted.is_empty(), "the log holds the aborts");
            assert_eq!(words.push("word 2").await?, 3);
            assert_eq!(words.stats().last, Lsn::new(5), "the LSNs of aborted records are not used again");
        }
        Ok(())
    })
}

#[test]
fn other_calls_go_on_beside_panicking_ones() -> Result {
    run(async {
        for durability in DURABILITIES {
            let folder = tempfile::tempdir()?;
            let words = options().durability(durability).open(folder.path()).await?;
            in_tasks(64, |task| push_or_panic(words.clone(), task)).await?;
            let all = words.words();
            assert_eq!(all.len(), 56 * 10, "{durability:?}");
            assert_eq!(words.stats().panics, 80, "{durability:?}");
            drop(words);
            assert_eq!(open(folder.path()).await?.words(), all, "{durability:?}");
        }
        Ok(())
    })
}

/// Makes ten calls, which panic in every eighth task.
async fn push_or_panic(words: Durable<Words>, task: usize) -> walr::Result<()> {
    for number in 0..10 {
        let word = format!("{task}:{number}");
        if task.is_multiple_of(8) {
            assert_panicked(words.push_and_panic(&word).await);
        } else {
            let count = words.push(&word).await?;
            assert_eq!(words.read(|state| state.words[count - 1].clone()), word);
        }
    }
    Ok(())
}

#[test]
fn no_read_sees_a_part_of_a_panicking_mutation() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let words = open(folder.path()).await?;
        words.push("word 0").await?;
        let reading = words.clone();
        let reader = std::thread::spawn(move || {
            let mut seen = 0;
            while seen < 51 {
                let now = reading.words();
                assert!(now.len() >= seen && !now.iter().any(|word| word == "bad"), "{now:?}");
                seen = now.len();
            }
        });
        for number in 0..50 {
            assert_panicked(words.push_and_panic("bad").await);
            words.push(&format!("word {number}")).await?;
        }
        assert!(reader.join().is_ok());
        Ok(())
    })
}

#[test]
fn each_of_several_panics_in_a_group_is_rolled_back() -> Result {
    run(async {
        let (sim, words) = sim_with_words(1).await?;
        let gate = Gate::closed_on(&sim);
        let batches = [
            vec![push_log("word 1")],
            // All later batches form one group.
            vec![panic_log()],
            vec![push_log("word 2")],
            vec![push_log("x"), panic_log(), push_log("y")],
            vec![panic_log()],
            vec![push_log("word 3"), push_log("word 4")],
            vec![panic_log()],
        ];
        let mut calls = Vec::new();
        for (at, batch) in batches.into_iter().enumerate() {
            let panics = batch.iter().any(|log| matches!(log, WordsLog::PushAndPanic { .. }));
            let call = begun(words.apply_batch(batch));
            if at == 0 {
                gate.wait_for_arrival();
            }
            calls.push((call, panics));
        }
        gate.open();
        for (call, panics) in calls {
            match panics {
                true => assert_panicked(call.await),
                false => drop(call.await?),
            }
        }
        assert_eq!(words.words(), numbered(5));
        assert_eq!(words.stats().groups, 3);
        assert_eq!(words.stats().panics, 4);
        for image in [sim.restart(), sim.crash(1), sim.crash(2)] {
            assert_eq!(words_in(&image).await?, numbered(5));
        }
        assert_eq!(words.push("word 5").await?, 6);
        Ok(())
    })
}

#[test]
fn a_panicking_member_rolls_its_whole_batch_back() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let words = open(folder.path()).await?;
        words.push("word 0").await?;
        for place in 0..3 {
            let mut batch = vec![push_log("neighbour"), push_log("neighbour")];
            batch.insert(place, panic_log());
            assert_panicked(words.apply_batch(batch).await);
            assert_eq!(words.words(), numbered(1));
        }
        words.push("word 1").await?;
        drop(words);
        assert_eq!(open(folder.path()).await?.words(), numbered(2));
        Ok(())
    })
}

#[test]
fn panicking_mutations_are_rolled_back_under_each_durability() -> Result {
    run(async {
        for durability in DURABILITIES {
            let sim = Sim::new();
            let words = options().durability(durability).open_on(sim.clone(), Words::default).await?;
            words.push("word 0").await?;
            assert_panicked(words.push_and_panic("bad").await);
            words.push("word 1").await?;
            assert_eq!(words.words(), numbered(2), "{durability:?}");
            words.sync().await?;
            for seed in 0..20 {
                assert_eq!(words_in(&sim.crash(seed)).await?, numbered(2), "{durability:?}");
            }
        }
        Ok(())
    })
}

#[test]
fn a_power_cut_after_a_panic_does_not_bring_the_mutation_back() -> Result {
    run(async {
        let (sim, words) = sim_with_words(1).await?;
        assert_panicked(words.push_and_panic("bad").await);
        for seed in 0..50 {
            assert_eq!(words_in(&sim.crash(seed)).await?, numbered(1));
        }
        words.push("word 1").await?;
        for seed in 0..50 {
            assert_eq!(words_in(&sim.crash(seed)).await?, numbered(2));
        }
        Ok(())
    })
}

#[test]
fn a_power_cut_during_a_panic_does_not_bring_the_mutation_back() -> Result {
    run(async {
        let (sim, words) = sim_with_words(1).await?;
        let (panicked, images) = images_during(&sim, |sim, _| crashes(sim, 0, 20), words.push_and_panic("bad")).await;
        assert_panicked(panicked);
        assert!(images.len() >= 80, "the record and its abort are written and synced");
        let mut aborted = 0;
        for image in images {
            let found = open_sim(&image).await?;
            assert_eq!(found.words(), numbered(1));
            aborted += found.store().recovery().aborted.len();
            found.push("word 1").await?;
            drop(found);
            assert_eq!(words_in(&image.crash(1)).await?, numbered(2));
        }
        assert!(aborted > 0, "no image is from between the record and its abort");
        Ok(())
    })
}

#[test]
fn a_checkpoint_after_a_panic_is_of_the_state_without_the_mutation() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let words = open(folder.path()).await?;
        for number in 0..2 {
            words.push(&format!("word {number}")).await?;
            words.checkpoint().await?;
            assert_panicked(words.push_and_panic("bad").await);
        }
        words.close().await?;
        let words = open(folder.path()).await?;
        assert_eq!(words.words(), numbered(2));
        assert_eq!(words.store().recovery().records, 0);
        Ok(())
    })
}

#[test]
fn a_panic_in_a_call_whose_future_was_dropped_harms_nobody() -> Result {
    let folder = tempfile::tempdir()?;
    let words: Durable<Words> = block_on(open(folder.path()))?;
    block_on(words.push("word 0"))?;
    drop(begun(words.push_and_panic("bad")));
    assert_eq!(block_on(words.push("word 1"))?, 2);
    Ok(())
}
