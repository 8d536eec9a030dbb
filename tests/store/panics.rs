//! A mutation that panics never happened: its caller hears the message, everybody else goes on.

use crate::common::{
    DURABILITIES, Gate, PANIC, Result, Words, WordsLog, begun, block_on, numbered, open, open_sim, options, run,
    words_in,
};
use walr::testing::Sim;
use walr::{Durable, Error, Fate, Lsn};

/// That it is the error of the panicking mutation.
fn is_panic<T: std::fmt::Debug>(result: walr::Result<T>) {
    match result {
        Err(error @ Error::Panicked { .. }) => {
            assert_eq!(error.fate(), Fate::NotRecorded);
            assert!(error.to_string().contains(PANIC), "{error}");
            assert!(error.to_string().contains("push_and_panic"), "{error}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_caller_gets_the_message_and_the_state_is_as_before() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let words = open(folder.path()).await?;
        words.push("word 0").await?;
        words.push("word 1").await?;
        is_panic(words.push_and_panic("bad").await);
        assert_eq!(words.words(), numbered(2));
        assert_eq!(words.push("word 2").await?, 3);
        assert_eq!(words.stats().panics, 1);
        Ok(())
    })
}

#[test]
fn the_very_first_call_may_panic() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let words = open(folder.path()).await?;
        is_panic(words.push_and_panic("bad").await);
        assert_eq!(words.count(), 0);
        drop(words);
        let words = open(folder.path()).await?;
        assert_eq!(words.push("word 0").await?, 1);
        Ok(())
    })
}

#[test]
fn it_has_not_happened_after_a_reopen_either() -> Result {
    run(async {
        for close in [true, false] {
            let folder = tempfile::tempdir()?;
            let words = options().open(folder.path()).await?;
            words.push("word 0").await?;
            is_panic(words.push_and_panic("bad").await);
            words.push("word 1").await?;
            is_panic(words.push_and_panic("bad").await);
            if close {
                words.close().await?;
            }
            drop(words);
            let words = options().open(folder.path()).await?;
            assert_eq!(words.words(), numbered(2));
            assert!(words.store().recovery().aborted.is_empty(), "the abort is in the log");
            assert_eq!(words.push("word 2").await?, 3);
            assert_eq!(words.stats().last, Lsn::new(5), "an lsn is given once");
        }
        Ok(())
    })
}

#[test]
fn everybody_else_goes_on() -> Result {
    run(async {
        for durability in DURABILITIES {
            let folder = tempfile::tempdir()?;
            let words = options().durability(durability).open(folder.path()).await?;
            let tasks: Vec<_> = (0..64).map(|task| tokio::spawn(push_or_panic(words.clone(), task))).collect();
            for task in tasks {
                task.await??;
            }
            let all = words.words();
            assert_eq!(all.len(), 56 * 10, "{durability:?}");
            assert_eq!(words.stats().panics, 80, "{durability:?}");
            drop(words);
            assert_eq!(open(folder.path()).await?.words(), all, "{durability:?}");
        }
        Ok(())
    })
}

/// Every eighth task panics with all its calls.
async fn push_or_panic(words: Durable<Words>, task: usize) -> walr::Result<()> {
    for number in 0..10 {
        let word = format!("{task}:{number}");
        if task.is_multiple_of(8) {
            is_panic(words.push_and_panic(&word).await);
        } else {
            let count = words.push(&word).await?;
            assert_eq!(words.read(|state| state.words[count - 1].clone()), word);
        }
    }
    Ok(())
}

#[test]
fn readers_never_see_half_of_it() -> Result {
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
            is_panic(words.push_and_panic("bad").await);
            words.push(&format!("word {number}")).await?;
        }
        assert!(reader.join().is_ok());
        Ok(())
    })
}

#[test]
fn several_panics_in_one_group_are_each_taken_back() -> Result {
    run(async {
        let sim = Sim::new();
        let words = open_sim(&sim).await?;
        words.push("word 0").await?;
        let gate = Gate::closed_before(&sim);
        let push = |word: &str| WordsLog::Push { word: word.to_string() };
        let bad = || WordsLog::PushAndPanic { word: "bad".to_string() };
        let batches = [
            vec![push("word 1")],
            // From here on they are one group.
            vec![bad()],
            vec![push("word 2")],
            vec![push("x"), bad(), push("y")],
            vec![bad()],
            vec![push("word 3"), push("word 4")],
            vec![bad()],
        ];
        let mut calls = Vec::new();
        for (at, batch) in batches.into_iter().enumerate() {
            let panics = batch.iter().any(|log| matches!(log, WordsLog::PushAndPanic { .. }));
            let call = begun(words.apply_batch(batch));
            if at == 0 {
                gate.wait_for_somebody();
            }
            calls.push((call, panics));
        }
        gate.open();
        for (call, panics) in calls {
            match panics {
                true => is_panic(call.await),
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
fn a_member_that_panics_takes_its_whole_batch_back() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let words = open(folder.path()).await?;
        words.push("word 0").await?;
        for place in 0..3 {
            let mut batch: Vec<WordsLog> = (0..2).map(|_| WordsLog::Push { word: "neighbour".into() }).collect();
            batch.insert(place, WordsLog::PushAndPanic { word: "bad".into() });
            is_panic(words.apply_batch(batch).await);
            assert_eq!(words.words(), numbered(1));
        }
        words.push("word 1").await?;
        drop(words);
        assert_eq!(open(folder.path()).await?.words(), numbered(2));
        Ok(())
    })
}

#[test]
fn it_has_not_happened_under_any_durability() -> Result {
    run(async {
        for durability in DURABILITIES {
            let sim = Sim::new();
            let words = options().durability(durability).open_on(sim.clone(), Words::default).await?;
            words.push("word 0").await?;
            is_panic(words.push_and_panic("bad").await);
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
fn a_power_cut_right_after_it_brings_nothing_back() -> Result {
    run(async {
        let sim = Sim::new();
        let words = open_sim(&sim).await?;
        words.push("word 0").await?;
        is_panic(words.push_and_panic("bad").await);
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
fn a_power_cut_in_the_middle_of_it_brings_nothing_back() -> Result {
    run(async {
        let sim = Sim::new();
        let words = open_sim(&sim).await?;
        words.push("word 0").await?;
        let images = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let taken = images.clone();
        sim.observe(Some(std::sync::Arc::new(move |sim: &Sim| {
            taken.lock().unwrap().extend((0..20).map(|seed| sim.crash(seed)));
        })));
        is_panic(words.push_and_panic("bad").await);
        sim.observe(None);
        let images = std::mem::take(&mut *images.lock().unwrap());
        assert!(images.len() >= 80, "its record and its abort are written and synced");
        let mut taken_back = 0;
        for image in images {
            let found = open_sim(&image).await?;
            assert_eq!(found.words(), numbered(1));
            taken_back += found.store().recovery().aborted.len();
            // And the store that took it back goes on.
            found.push("word 1").await?;
            drop(found);
            assert_eq!(words_in(&image.crash(1)).await?, numbered(2));
        }
        assert!(taken_back > 0, "some cuts come between the record and its abort");
        Ok(())
    })
}

#[test]
fn a_checkpoint_after_it_is_of_the_state_without_it() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let words = open(folder.path()).await?;
        words.push("word 0").await?;
        words.checkpoint().await?;
        is_panic(words.push_and_panic("bad").await);
        words.push("word 1").await?;
        words.checkpoint().await?;
        is_panic(words.push_and_panic("bad").await);
        words.close().await?;
        let words = open(folder.path()).await?;
        assert_eq!(words.words(), numbered(2));
        assert_eq!(words.store().recovery().records, 0);
        Ok(())
    })
}

#[test]
fn a_caller_that_went_away_spoils_nothing() -> Result {
    let folder = tempfile::tempdir()?;
    let words: Durable<Words> = block_on(open(folder.path()))?;
    block_on(words.push("word 0"))?;
    let call = begun(words.push_and_panic("bad"));
    drop(call);
    assert_eq!(block_on(words.push("word 1"))?, 2);
    Ok(())
}
