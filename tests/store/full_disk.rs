//! A full disk fails a call before anything is recorded: reads go on, and the store works again when there is space.

use crate::common::{
    Gate, Result, Words, assert_closed, begun, crashes, fill_disk, images_during, numbered, open_sim, options,
    push_log, push_numbered, run, sim_with_words, words_in,
};
use walr::testing::Sim;
use walr::{CheckpointPolicy, Durable, Error, Fate, Lsn};

#[track_caller]
fn assert_full<T: std::fmt::Debug>(result: walr::Result<T>) {
    let error = result.expect_err("the call found space on a full disk");
    assert!(matches!(error, Error::Full { .. }), "{error:?}");
    assert_eq!(error.fate(), Fate::NotRecorded);
}

/// Pushes numbered words until the next segment finds no space, and returns the number of words.
async fn push_until_full(words: &Durable<Words>) -> usize {
    for number in words.count().. {
        match words.push(&format!("word {number}")).await {
            Ok(count) => assert_eq!(count, number + 1),
            full => {
                assert_full(full);
                return number;
            }
        }
    }
    unreachable!("the disk was never full")
}

#[test]
fn a_store_survives_a_full_disk_and_works_again_with_space() -> Result {
    run(async {
        let sim = Sim::new();
        let words = options().segment_size(4096).open_on(sim.clone(), Words::default).await?;
        words.push("word 0").await?;
        for _ in 0..3 {
            fill_disk(&sim);
            let acknowledged = push_until_full(&words).await;
            for _ in 0..3 {
                assert_full(words.push("refused").await);
                assert_full(words.apply_batch([push_log("refused")]).await);
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
            let (sim, words) = sim_with_words(10).await?;
            if close {
                words.close().await?;
            }
            for image in [sim.restart(), sim.crash(1), sim.crash(2)] {
                fill_disk(&image);
                for _ in 0..2 {
                    let found = open_sim(&image).await?;
                    assert_eq!(found.words(), numbered(10));
                    assert_full(found.push("refused").await);
                    assert_eq!(found.words(), numbered(10));
                }
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
fn a_full_disk_does_not_prevent_recovery_from_a_torn_tail_or_an_unfinished_abort() -> Result {
    run(async {
        let (sim, words) = sim_with_words(1).await?;
        let (panicked, images) = images_during(&sim, |sim, _| crashes(sim, 0, 10), words.push_and_panic("bad")).await;
        assert!(panicked.is_err());
        for image in images {
            fill_disk(&image);
            let found = open_sim(&image).await?;
            assert_eq!(found.words(), numbered(1));
            assert_full(found.push("refused").await);
            image.set_space(None);
            assert_eq!(found.push("word 1").await?, 2);
            drop(found);
            assert_eq!(words_in(&image).await?, numbered(2));
        }
        Ok(())
    })
}

#[test]
fn a_store_that_found_no_space_is_created_when_there_is_space() -> Result {
    run(async {
        let (sim, _) = sim_with_words(0).await?;
        let needed: u64 = sim.files().iter().map(|file| file.len).sum();
        for space in (0..needed).step_by(509) {
            let sim = Sim::new();
            sim.set_space(Some(space));
            let error = open_sim(&sim).await.expect_err("the store was created without space");
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
fn a_checkpoint_without_space_changes_nothing() -> Result {
    run(async {
        let (sim, words) = sim_with_words(50).await?;
        words.checkpoint().await?;
        push_numbered(&words, 50).await?;
        let before = sim.files();
        fill_disk(&sim);
        assert_full(words.checkpoint().await);
        assert_eq!(sim.files(), before);
        assert!(matches!(words.stats().checkpoint_error, Some(Error::Full { .. })));
        assert_eq!(words.push("word 100").await?, 101, "the segment has space");
        sim.set_space(None);
        assert_eq!(words.checkpoint().await?, Lsn::new(101));
        drop(words);
        assert_eq!(words_in(&sim).await?, numbered(101));
        Ok(())
    })
}

#[test]
fn a_close_without_space_for_its_checkpoint_keeps_the_log() -> Result {
    run(async {
        let sim = Sim::new();
        let with_checkpoint = options().checkpoint(CheckpointPolicy::default());
        let words = with_checkpoint.open_on(sim.clone(), Words::default).await?;
        push_numbered(&words, 10).await?;
        fill_disk(&sim);
        let closed = words.close().await;
        let Err(Error::NoCheckpoint { cause }) = closed else { panic!("{closed:?}") };
        assert!(matches!(*cause, Error::Full { .. }), "{cause:?}");
        assert_closed(words.push("late").await);
        for image in [sim.restart(), sim.crash(1)] {
            assert_eq!(words_in(&image).await?, numbered(10));
        }
        Ok(())
    })
}

#[test]
fn every_call_of_a_group_without_space_gets_the_error() -> Result {
    run(async {
        let (sim, words) = sim_with_words(1).await?;
        let gate = Gate::closed_on(&sim);
        let first = begun(words.push("word 1"));
        gate.wait_for_arrival();
        // Together these words need a new segment.
        let long = "x".repeat(40_000);
        let group: Vec<_> = (0..8).map(|_| begun(words.push(&long))).collect();
        fill_disk(&sim);
        gate.open();
        first.await?;
        for call in group {
            assert_full(call.await);
        }
        assert_eq!(words.words(), numbered(2));
        sim.set_space(None);
        assert_eq!(words.push("word 2").await?, 3);
        Ok(())
    })
}

#[test]
fn a_panic_on_a_full_disk_is_rolled_back() -> Result {
    run(async {
        let (sim, words) = sim_with_words(1).await?;
        fill_disk(&sim);
        let mut panics = 0;
        loop {
            match words.push_and_panic("bad").await {
                Err(Error::Panicked { .. }) => panics += 1,
                full => {
                    assert_full(full);
                    break;
                }
            }
            assert_eq!(words.words(), numbered(1));
        }
        assert!(panics > 0, "the first panic found no space for its abort");
        assert_eq!(words.words(), numbered(1));
        assert_eq!(words_in(&sim.crash(1)).await?, numbered(1));
        Ok(())
    })
}

/// A new segment would hold sixteen of the calls that find no space.
#[test]
fn calls_that_find_no_space_take_no_space_from_small_calls() -> Result {
    const SPACE: u64 = 400 << 10;
    /// Returns how many small calls succeed if a large call fails after each of these numbers of words.
    async fn small_calls(large_ones_after: &[usize]) -> Result<usize> {
        let (sim, words) = sim_with_words(0).await?;
        sim.set_space(Some(sim.files().iter().map(|file| file.len).sum::<u64>() + SPACE));
        let large = "x".repeat(SPACE as usize * 2);
        for &count in large_ones_after {
            push_numbered(&words, count.saturating_sub(words.count())).await?;
            assert_full(words.push(&large).await);
        }
        let small = push_until_full(&words).await;
        drop(words);
        assert_eq!(words_in(&sim.restart()).await?, numbered(small));
        Ok(small)
    }
    run(async {
        let without = small_calls(&[]).await?;
        // The second segment begins after about 490 words, and is created ahead after about half of them.
        for after in [&[0][..], &[1], &[200], &[300], &[480], &[490, 600], &[1, 1, 300, 300, 1000, 1000]] {
            assert_eq!(small_calls(after).await?, without, "large calls after {after:?}");
        }
        Ok(())
    })
}

#[test]
fn a_segment_that_was_created_ahead_stays_for_small_calls() -> Result {
    /// Returns how many small calls succeed on a full disk, after a large call if `large`.
    async fn small_calls(large: bool) -> Result<usize> {
        let (sim, words) = sim_with_words(0).await?;
        while sim.files().iter().filter(|file| file.name.ends_with(".wal")).count() < 2 {
            words.push(&format!("word {}", words.count())).await?;
        }
        fill_disk(&sim);
        if large {
            assert_full(words.push(&"x".repeat(64 << 20)).await);
        }
        Ok(push_until_full(&words).await)
    }
    run(async {
        assert_eq!(small_calls(true).await?, small_calls(false).await?);
        Ok(())
    })
}
