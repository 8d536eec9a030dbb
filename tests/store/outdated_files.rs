//! Files that a new checkpoint makes needless: where one can't be removed the checkpoint counts all the same, and a crash
//! between two removals loses nothing.

use std::sync::{Arc, Mutex};

use crate::common::{Result, Words, numbered, open_sim, options, run};
use walr::testing::{Fault, Kind, Sim};
use walr::{CheckpointPolicy, Durable, Error, Lsn};

const STEP: usize = 80;

/// A store with two checkpoints, several segments above the older one, and what a third checkpoint outdates.
async fn before_the_third_checkpoint(sim: &Sim) -> walr::Result<Durable<Words>> {
    // Due on a close alone.
    let small = options().checkpoint(CheckpointPolicy::default()).segment_size(4096);
    let words = small.open_on(sim.clone(), Words::default).await?;
    for round in 0..3 {
        push_step(&words).await?;
        if round < 2 {
            words.checkpoint().await?;
        }
    }
    Ok(words)
}

/// Some more numbered words.
async fn push_step(words: &Durable<Words>) -> walr::Result<()> {
    for number in words.count()..words.count() + STEP {
        words.push(&format!("word {number}")).await?;
    }
    Ok(())
}

fn files_with(sim: &Sim, ending: &str) -> usize {
    sim.files().iter().filter(|file| file.name.ends_with(ending)).count()
}

#[test]
fn a_checkpoint_counts_where_they_can_not_be_removed() -> Result {
    run(async {
        let (mut kept, mut failed) = (0, 0);
        for at in 1.. {
            let sim = Sim::new();
            let words = before_the_third_checkpoint(&sim).await?;
            let (before, segments) = (sim.calls(), files_with(&sim, ".wal"));
            sim.fail(Some(Fault { at: before + at, kind: Kind::Io, forever: false }));
            let checkpoint = words.checkpoint().await;
            sim.fail(None);
            if sim.hits() == 0 {
                break;
            }
            let stats = words.stats();
            // One that got its name when the folder's sync then failed is removed by the next open.
            let most = if checkpoint.is_ok() { 2 } else { 3 };
            match checkpoint {
                Ok(lsn) => {
                    assert_eq!(
                        (lsn, stats.checkpoint, stats.checkpoints),
                        (Lsn::new(3 * STEP as u64), lsn, 3),
                        "call {at}"
                    );
                    assert!(stats.checkpoint_error.is_none(), "call {at}");
                    // Or it was a call of the thread that makes the next segment.
                    if let Some(error) = stats.removal_error {
                        assert!(matches!(error, Error::Io { .. }), "call {at}: {error}");
                        kept += 1;
                    }
                }
                Err(error) => {
                    assert!(matches!(error, Error::Io { .. }), "call {at}: {error}");
                    assert!(stats.checkpoint_error.is_some() && stats.removal_error.is_none(), "call {at}");
                    assert_eq!(stats.checkpoint, Lsn::new(2 * STEP as u64), "call {at}");
                    failed += 1;
                }
            }
            // The store lives on, and the next checkpoint removes what the one before it left.
            push_step(&words).await?;
            words.checkpoint().await?;
            let stats = words.stats();
            assert!(stats.checkpoint_error.is_none() && stats.removal_error.is_none(), "call {at}");
            assert!(files_with(&sim, ".ckpt") <= most, "call {at}");
            assert!(files_with(&sim, ".wal") <= segments + 2, "call {at}: {:?}", sim.files());
            drop(words);
            assert_eq!(open_sim(&sim).await?.words(), numbered(4 * STEP), "call {at}");
        }
        assert!(kept > 4 && failed > 4, "{kept} times the checkpoint counted, {failed} times not");
        Ok(())
    })
}

#[test]
fn a_close_succeeds_where_they_can_not_be_removed() -> Result {
    run(async {
        let (mut kept, mut at) = (0, 0);
        loop {
            let sim = Sim::new();
            let words = before_the_third_checkpoint(&sim).await?;
            at += 1;
            sim.fail(Some(Fault { at: sim.calls() + at, kind: Kind::Io, forever: false }));
            let closed = words.close().await;
            if sim.hits() == 0 {
                break;
            }
            if words.stats().removal_error.is_some() {
                kept += 1;
                assert!(closed.is_ok(), "call {at}: {closed:?}");
            }
            drop(words);
            assert_eq!(open_sim(&sim.restart()).await?.words(), numbered(3 * STEP), "call {at}");
        }
        assert!(kept > 4, "{kept} of {at}");
        Ok(())
    })
}

#[test]
fn a_crash_between_two_removals_loses_nothing() -> Result {
    run(async {
        let sim = Sim::new();
        let words = before_the_third_checkpoint(&sim).await?;
        let images = Arc::new(Mutex::new(Vec::new()));
        let taken = images.clone();
        sim.observe(Some(Arc::new(move |sim: &Sim| {
            let mut images = taken.lock().unwrap();
            images.extend((0..6).map(|seed| sim.crash(seed)));
            images.push(sim.restart());
        })));
        words.checkpoint().await?;
        sim.observe(None);
        let images = std::mem::take(&mut *images.lock().unwrap());
        let mut half_way = 0;
        for (at, image) in images.into_iter().enumerate() {
            half_way += usize::from(files_with(&image, ".ckpt") == 3 || files_with(&image, ".wal") > 4);
            let found = open_sim(&image).await?;
            assert_eq!(found.words(), numbered(3 * STEP), "image {at}");
            push_step(&found).await?;
            found.checkpoint().await?;
            assert!(found.stats().removal_error.is_none());
            assert_eq!(files_with(&image, ".ckpt"), 2, "image {at}");
            drop(found);
            assert_eq!(open_sim(&image).await?.words(), numbered(4 * STEP), "image {at}");
        }
        assert!(half_way > 10, "{half_way}");
        Ok(())
    })
}
