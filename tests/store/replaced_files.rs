//! Files that a new checkpoint replaces: the checkpoint counts even if they can't be removed, and a crash between two
//! removals loses nothing.

use crate::common::{
    Result, Words, crashes, fail_call, images_during, numbered, open_sim, options, push_numbered, run, sim_files_with,
};
use walr::testing::{Kind, Sim};
use walr::{CheckpointPolicy, Durable, Error, Lsn};

const STEP: usize = 80;

/// Creates a store of three times [`STEP`] words with two checkpoints. A third checkpoint replaces the older one and the
/// segments below the newer one.
async fn before_the_third_checkpoint(sim: &Sim) -> walr::Result<Durable<Words>> {
    // Under this policy a checkpoint is due at the close only.
    let small = options().checkpoint(CheckpointPolicy::default()).segment_size(4096);
    let words = small.open_on(sim.clone(), Words::default).await?;
    for _ in 0..2 {
        push_numbered(&words, STEP).await?;
        words.checkpoint().await?;
    }
    push_numbered(&words, STEP).await?;
    Ok(words)
}

fn count_files(sim: &Sim, ending: &str) -> usize {
    sim_files_with(sim, ending).len()
}

#[test]
fn a_checkpoint_counts_if_older_files_can_not_be_removed() -> Result {
    run(async {
        let (mut kept, mut failed) = (0, 0);
        for at in 1.. {
            let sim = Sim::new();
            let words = before_the_third_checkpoint(&sim).await?;
            let segments = count_files(&sim, ".wal");
            fail_call(&sim, at, Kind::Io);
            let checkpoint = words.checkpoint().await;
            sim.fail(None);
            if sim.hits() == 0 {
                break;
            }
            let stats = words.stats();
            // A checkpoint whose folder sync failed keeps its name, and the next open removes it.
            let most = if checkpoint.is_ok() { 2 } else { 3 };
            match checkpoint {
                Ok(lsn) => {
                    assert_eq!(
                        (lsn, stats.checkpoint, stats.checkpoints),
                        (Lsn::new(3 * STEP as u64), lsn, 3),
                        "call {at}"
                    );
                    assert!(stats.checkpoint_error.is_none(), "call {at}");
                    // Without one, the call that failed was one of the thread that creates the next segment.
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
            // The next checkpoint removes the files that this one left.
            push_numbered(&words, STEP).await?;
            words.checkpoint().await?;
            let stats = words.stats();
            assert!(stats.checkpoint_error.is_none() && stats.removal_error.is_none(), "call {at}");
            assert!(count_files(&sim, ".ckpt") <= most, "call {at}");
            assert!(count_files(&sim, ".wal") <= segments + 2, "call {at}: {:?}", sim.files());
            drop(words);
            assert_eq!(open_sim(&sim).await?.words(), numbered(4 * STEP), "call {at}");
        }
        assert!(kept > 4 && failed > 4, "the checkpoint counted {kept} times and failed {failed} times");
        Ok(())
    })
}

#[test]
fn a_close_succeeds_if_older_files_can_not_be_removed() -> Result {
    run(async {
        let (mut kept, mut at) = (0, 0);
        loop {
            let sim = Sim::new();
            let words = before_the_third_checkpoint(&sim).await?;
            at += 1;
            fail_call(&sim, at, Kind::Io);
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
        assert!(kept > 4, "files were kept in {kept} of {at} runs");
        Ok(())
    })
}

#[test]
fn a_crash_between_two_removals_loses_nothing() -> Result {
    run(async {
        let sim = Sim::new();
        let words = before_the_third_checkpoint(&sim).await?;
        let take = |sim: &Sim, seed| [crashes(sim, seed, 6), vec![sim.restart()]].concat();
        let (checkpoint, images) = images_during(&sim, take, words.checkpoint()).await;
        checkpoint?;
        let mut between = 0;
        for (at, image) in images.into_iter().enumerate() {
            between += usize::from(count_files(&image, ".ckpt") == 3 || count_files(&image, ".wal") > 4);
            let found = open_sim(&image).await?;
            assert_eq!(found.words(), numbered(3 * STEP), "image {at}");
            push_numbered(&found, STEP).await?;
            found.checkpoint().await?;
            assert!(found.stats().removal_error.is_none());
            assert_eq!(count_files(&image, ".ckpt"), 2, "image {at}");
            drop(found);
            assert_eq!(open_sim(&image).await?.words(), numbered(4 * STEP), "image {at}");
        }
        assert!(between > 10, "only {between} images are between two removals");
        Ok(())
    })
}
