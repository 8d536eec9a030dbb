//! A corrupt newest checkpoint is bypassed and reported. Without an intact checkpoint the store is refused.

use std::fs;
use std::path::Path;

use crate::common::{
    Result, change_file, copy_of, files_with, find, newest_with, numbered, options, push_numbered, run, snapshot,
};
use tempfile::TempDir;
use walr::{Error, Lsn};

/// Creates a store of 30 words with checkpoints at LSN 10 and LSN 20.
async fn store() -> Result<TempDir> {
    let folder = tempfile::tempdir()?;
    let words = options().segment_size(4096).open(folder.path()).await?;
    for _ in 0..2 {
        push_numbered(&words, 10).await?;
        words.checkpoint().await?;
    }
    push_numbered(&words, 10).await?;
    words.close().await?;
    Ok(folder)
}

fn flip_bit(path: &Path, at: usize) -> Result {
    change_file(path, |bytes| bytes[at] ^= 1)
}

/// Asserts that the store is refused and that no file changes. Returns the error.
async fn assert_refused(folder: &Path) -> Result<Error> {
    let before = snapshot(folder)?;
    let error = options().open(folder).await.expect_err("the store has no valid checkpoint");
    assert!(before == snapshot(folder)?, "the refusal changed a file: {error}");
    Ok(error)
}

#[test]
fn a_corrupt_newest_checkpoint_is_bypassed_reported_and_renamed() -> Result {
    run(async {
        let whole = store().await?;
        let len = fs::read(newest_with(whole.path(), ".ckpt")?)?.len();
        for at in (0..len).step_by(7) {
            let folder = copy_of(whole.path())?;
            let newest = newest_with(folder.path(), ".ckpt")?;
            flip_bit(&newest, at)?;
            let corrupt = fs::read(&newest)?;

            let words = options().open(folder.path()).await?;
            assert_eq!(words.words(), numbered(30), "byte {at}");
            let recovery = words.store().recovery();
            assert_eq!((recovery.checkpoint, recovery.records), (Lsn::new(10), 20));
            assert_eq!((recovery.bypassed.len(), &recovery.bypassed[0].path), (1, &newest));
            assert!(!newest.exists());
            assert_eq!(fs::read(newest.with_extension("ckpt.bad"))?, corrupt, "the corrupt file is kept");

            // The renamed file doesn't count as one of the two checkpoints that are kept.
            words.push("word 30").await?;
            words.checkpoint().await?;
            drop(words);
            let words = options().open(folder.path()).await?;
            assert_eq!(words.words(), numbered(31));
            assert!(words.store().recovery().bypassed.is_empty());
        }
        Ok(())
    })
}

#[test]
fn a_truncated_newest_checkpoint_is_bypassed() -> Result {
    run(async {
        let whole = store().await?;
        let len = fs::read(newest_with(whole.path(), ".ckpt")?)?.len();
        for len in (0..len).step_by(11) {
            let folder = copy_of(whole.path())?;
            change_file(&newest_with(folder.path(), ".ckpt")?, |bytes| bytes.truncate(len))?;
            let words = options().open(folder.path()).await?;
            assert_eq!(words.words(), numbered(30), "{len} bytes");
            assert_eq!(words.store().recovery().bypassed.len(), 1);
        }
        Ok(())
    })
}

#[test]
fn a_corrupt_older_checkpoint_does_no_harm() -> Result {
    run(async {
        let folder = store().await?;
        flip_bit(&files_with(folder.path(), ".ckpt")?[0], 100)?;
        let words = options().open(folder.path()).await?;
        assert_eq!(words.words(), numbered(30));
        assert_eq!(words.store().recovery().checkpoint, Lsn::new(20));
        Ok(())
    })
}

#[test]
fn a_store_without_an_intact_checkpoint_is_refused() -> Result {
    run(async {
        let folder = store().await?;
        for checkpoint in files_with(folder.path(), ".ckpt")? {
            flip_bit(&checkpoint, 100)?;
        }
        let error = assert_refused(folder.path()).await?;
        assert!(matches!(error, Error::Corrupt { .. }), "{error}");
        assert!(error.to_string().contains(".ckpt"), "{error}");
        Ok(())
    })
}

#[test]
fn a_store_without_any_checkpoint_is_refused() -> Result {
    run(async {
        let folder = store().await?;
        for checkpoint in files_with(folder.path(), ".ckpt")? {
            fs::remove_file(checkpoint)?;
        }
        let error = assert_refused(folder.path()).await?;
        assert!(matches!(error, Error::Missing { .. }), "{error}");
        Ok(())
    })
}

#[test]
fn the_older_checkpoint_replaces_a_missing_newest_one() -> Result {
    run(async {
        let folder = store().await?;
        fs::remove_file(newest_with(folder.path(), ".ckpt")?)?;
        assert_eq!(options().open(folder.path()).await?.words(), numbered(30));
        Ok(())
    })
}

#[test]
fn a_checkpoint_above_the_end_of_the_log_is_refused() -> Result {
    run(async {
        let folder = store().await?;
        // Ends the log at about 15 words, below the checkpoint of 20 words.
        let segments = files_with(folder.path(), ".wal")?;
        for (at, segment) in segments.iter().enumerate() {
            if find(&fs::read(segment)?, b"word 15").is_some() {
                segments[at..].iter().try_for_each(fs::remove_file)?;
                break;
            }
        }
        assert!(files_with(folder.path(), ".wal")?.len() < segments.len(), "no segment was removed");
        assert_eq!(files_with(folder.path(), ".ckpt")?.len(), 2);
        assert_refused(folder.path()).await?;
        Ok(())
    })
}

#[test]
fn unfinished_files_are_removed() -> Result {
    run(async {
        let folder = store().await?;
        fs::write(folder.path().join("00000000000000ff.ckpt.tmp"), "a part of a checkpoint")?;
        fs::write(folder.path().join("00000000000000ff.wal.tmp"), "a part of a segment")?;
        assert_eq!(options().open(folder.path()).await?.words(), numbered(30));
        assert!(files_with(folder.path(), ".tmp")?.is_empty());
        Ok(())
    })
}

#[test]
fn a_creation_removes_unfinished_files() -> Result {
    let folder = tempfile::tempdir()?;
    let unfinished =
        ["STORE.tmp", "0000000000000007.ckpt.tmp", "0000000000000007.wal.tmp"].map(|name| folder.path().join(name));
    for path in &unfinished {
        fs::write(path, "unfinished")?;
    }
    run(async {
        assert!(options().open(folder.path()).await?.store().recovery().created);
        assert!(unfinished.iter().all(|path| !path.exists()));
        Ok(())
    })
}
