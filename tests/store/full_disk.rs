//! A full disk is met before anything is recorded: the call fails, reads go on, and the store works again with room.

use crate::common::{Gate, Result, Words, WordsLog, begun, numbered, open_sim, options, poll_once, run, words_in};
use walr::testing::Sim;
use walr::{CheckpointPolicy, Durable, Error, Fate, Lsn};

/// Leaves no more room than is taken already.
fn fill(sim: &Sim) {
    sim.set_space(Some(sim.files().iter().map(|file| file.len).sum()));
}

fn is_full<T: std::fmt::Debug>(result: walr::Result<T>) {
    let error = result.expect_err("there is no room");
    assert!(matches!(error, Error::Full { .. }), "{error:?}");
    assert_eq!(error.fate(), Fate::NotRecorded);
}

/// Pushes numbered words until there is no room for the next segment; how many were acknowledged.
async fn push_until_full(words: &Durable<Words>) -> usize {
    for number in words.count().. {
        match words.push(&format!("word {number}")).await {
            Ok(count) => assert_eq!(count, number + 1),
            full => {
                is_full(full);
                return number;
            }
        }
    }
    unreachable!("the disk was never full")
}

#[test]
fn the_store_lives_on_and_works_again_with_room() -> Result {
    run(async {
        let sim = Sim::new();
        let words = options().segment_size(4096).open_on(sim.clone(), Words::default).await?;
        words.push("word 0").await?;
        for _ in 0..3 {
            fill(&sim);
            let acknowledged = push_until_full(&words).await;
            for _ in 0..3 {
                is_full(words.push("no room").await);
                is_full(words.apply_batch([WordsLog::Push { word: "no room".into() }]).await);
                assert_eq!(words.words(), numbered(acknowledged), "reads go on");
            }
            assert_eq!(words.stats().last, Lsn::new(acknowledged as u64));
            assert_eq!(words_in(&sim.restart()).await?, numbered(acknowledged));
            sim.set_space(None);
            assert_eq!(words.push(&format!("word {acknowledged}")).await?, acknowledged + 1);
        }
        let before = words.words();
        drop(words);
        assert_eq!(words_in(&sim).await?, before);
        Ok(())
    })
}

#[test]
fn a_store_opens_for_reading_on_a_full_disk() -> Result {
    run(async {
        for close in [true, false] {
            let sim = Sim::new();
            let words = open_sim(&sim).await?;
            for word in numbered(10) {
                words.push(&word).await?;
            }
            if close {
                words.close().await?;
            }
            for image in [sim.restart(), sim.crash(1), sim.crash(2)] {
                fill(&image);
                let found = open_sim(&image).await?;
                assert_eq!(found.words(), numbered(10));
                is_full(found.push("no room").await);
                assert_eq!(found.words(), numbered(10));
                drop(found);
                // Still full, and opened twice.
                let found = open_sim(&image).await?;
                assert_eq!(found.words(), numbered(10));
                image.set_space(None);
                assert_eq!(found.push("word 10").await?, 11);
                drop(found);
                assert_eq!(words_in(&image).await?, numbered(11));
            }
        }
        Ok(())
    })
}

#[test]
fn a_torn_tail_or_an_unfinished_abort_is_met_on_a_full_disk_too() -> Result {
    run(async {
        let sim = Sim::new();
        let words = open_sim(&sim).await?;
        words.push("word 0").await?;
        let images = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let taken = images.clone();
        sim.observe(Some(std::sync::Arc::new(move |sim: &Sim| {
            taken.lock().unwrap().extend((0..10).map(|seed| sim.crash(seed)));
        })));
        assert!(words.push_and_panic("bad").await.is_err());
        sim.observe(None);
        let images = std::mem::take(&mut *images.lock().unwrap());
        for image in images {
            fill(&image);
            let found = open_sim(&image).await?;
            assert_eq!(found.words(), numbered(1));
            is_full(found.push("no room").await);
            image.set_space(None);
            assert_eq!(found.push("word 1").await?, 2);
            drop(found);
            assert_eq!(words_in(&image).await?, numbered(2));
        }
        Ok(())
    })
}

#[test]
fn a_store_that_could_not_be_created_is_created_later() -> Result {
    run(async {
        let needed = {
            let sim = Sim::new();
            drop(open_sim(&sim).await?);
            sim.files().iter().map(|file| file.len).sum::<u64>()
        };
        for space in (0..needed).step_by(509) {
            let sim = Sim::new();
            sim.set_space(Some(space));
            let error = open_sim(&sim).await.expect_err("there is too little room");
            assert_eq!(error.fate(), Fate::NotRecorded, "{error}");
            sim.set_space(None);
            let words = open_sim(&sim).await?;
            assert!(words.store().recovery().created);
            assert_eq!(words.push("word 0").await?, 1);
        }
        Ok(())
    })
}

#[test]
fn a_checkpoint_without_room_changes_nothing() -> Result {
    run(async {
        let sim = Sim::new();
        let words = open_sim(&sim).await?;
        let all = numbered(100);
        for word in &all[..50] {
            words.push(word).await?;
        }
        words.checkpoint().await?;
        for word in &all[50..] {
            words.push(word).await?;
        }
        let before = sim.files();
        fill(&sim);
        is_full(words.checkpoint().await);
        assert_eq!(sim.files(), before);
        assert!(matches!(words.stats().checkpoint_error, Some(Error::Full { .. })));
        assert_eq!(words.push("word 100").await?, 101, "there is room in the segment");
        sim.set_space(None);
        assert_eq!(words.checkpoint().await?, Lsn::new(101));
        drop(words);
        assert_eq!(words_in(&sim).await?, numbered(101));
        Ok(())
    })
}

#[test]
fn a_close_without_room_for_its_checkpoint_keeps_the_log() -> Result {
    run(async {
        let sim = Sim::new();
        let with_checkpoint = options().checkpoint(CheckpointPolicy::default());
        let words = with_checkpoint.open_on(sim.clone(), Words::default).await?;
        for word in numbered(10) {
            words.push(&word).await?;
        }
        fill(&sim);
        let closed = words.close().await;
        let Err(Error::NoCheckpoint { cause }) = closed else { panic!("the close says so, and closes: {closed:?}") };
        assert!(matches!(*cause, Error::Full { .. }), "{cause:?}");
        assert!(matches!(words.push("late").await, Err(Error::Closed)), "it is closed all the same");
        for image in [sim.restart(), sim.crash(1)] {
            assert_eq!(words_in(&image).await?, numbered(10));
        }
        Ok(())
    })
}

#[test]
fn every_call_of_a_group_is_told() -> Result {
    run(async {
        let sim = Sim::new();
        let words = open_sim(&sim).await?;
        words.push("word 0").await?;
        let gate = Gate::closed_before(&sim);
        let first = begun(words.push("word 1"));
        gate.wait_for_somebody();
        // Together they need a new segment.
        let long = "x".repeat(40_000);
        let mut group: Vec<_> = (0..8).map(|_| Box::pin(words.push(&long))).collect();
        for call in &mut group {
            assert!(poll_once(call.as_mut()).is_pending());
        }
        fill(&sim);
        gate.open();
        first.await?;
        for call in group {
            is_full(call.await);
        }
        assert_eq!(words.words(), numbered(2));
        sim.set_space(None);
        assert_eq!(words.push("word 2").await?, 3);
        Ok(())
    })
}

#[test]
fn a_panic_on_a_full_disk_is_still_taken_back() -> Result {
    run(async {
        let sim = Sim::new();
        let words = open_sim(&sim).await?;
        words.push("word 0").await?;
        fill(&sim);
        let mut panics = 0;
        loop {
            match words.push_and_panic("bad").await {
                Err(Error::Panicked { .. }) => panics += 1,
                full => {
                    is_full(full);
                    break;
                }
            }
            assert_eq!(words.words(), numbered(1));
        }
        assert!(panics > 0, "room for the abort was kept");
        assert_eq!(words.words(), numbered(1));
        assert_eq!(words_in(&sim.crash(1)).await?, numbered(1));
        Ok(())
    })
}

/// A new segment would be as large as sixteen such calls.
#[test]
fn as_many_small_calls_fit_after_calls_that_are_too_large_as_without_them() -> Result {
    const SPACE: u64 = 400 << 10;
    async fn small_calls(large_ones_after: &[usize]) -> Result<usize> {
        let sim = Sim::new();
        let words = open_sim(&sim).await?;
        sim.set_space(Some(sim.files().iter().map(|file| file.len).sum::<u64>() + SPACE));
        let large = "x".repeat(SPACE as usize * 2);
        for &count in large_ones_after {
            while words.count() < count {
                words.push(&format!("word {}", words.count())).await?;
            }
            is_full(words.push(&large).await);
        }
        let small = push_until_full(&words).await;
        drop(words);
        assert_eq!(words_in(&sim.restart()).await?, numbered(small));
        Ok(small)
    }
    run(async {
        let without = small_calls(&[]).await?;
        // The second segment is begun after about 490, and made ahead from half of those on.
        for after in [&[0][..], &[1], &[200], &[300], &[480], &[490, 600], &[1, 1, 300, 300, 1000, 1000]] {
            assert_eq!(small_calls(after).await?, without, "large ones after {after:?}");
        }
        Ok(())
    })
}
