//! A damaged newest checkpoint is bypassed and reported; without a sound one the store is refused.

use std::fs;
use std::path::Path;

use crate::common::{Result, files_with, numbered, options, run, snapshot};
use walr::{Error, Lsn};

/// A store of 30 words with checkpoints at 10 and at 20.
async fn store() -> Result<tempfile::TempDir> {
    let folder = tempfile::tempdir()?;
    let words = options().segment_size(4096).open(folder.path()).await?;
    for (at, word) in numbered(30).iter().enumerate() {
        words.push(word).await?;
        if at == 9 || at == 19 {
            words.checkpoint().await?;
        }
    }
    words.close().await?;
    Ok(folder)
}

fn flip(path: &Path, at: usize) -> Result {
    let mut bytes = fs::read(path)?;
    bytes[at] ^= 1;
    fs::write(path, bytes)?;
    Ok(())
}

#[test]
fn a_damaged_newest_one_is_bypassed_reported_and_renamed() -> Result {
    run(async {
        let whole = store().await?;
        let len = fs::read(&files_with(whole.path(), ".ckpt")?[1])?.len();
        for at in (0..len).step_by(7) {
            let folder = tempfile::tempdir()?;
            crate::common::copy_folder(whole.path(), folder.path())?;
            let newest = files_with(folder.path(), ".ckpt")?.pop().ok_or("there are two")?;
            flip(&newest, at)?;
            let damaged = fs::read(&newest)?;

            let words = options().open(folder.path()).await?;
            assert_eq!(words.words(), numbered(30), "byte {at}");
            let recovery = words.store().recovery();
            assert_eq!((recovery.checkpoint, recovery.records), (Lsn::new(10), 20));
            assert_eq!((recovery.bypassed.len(), &recovery.bypassed[0].path), (1, &newest));
            assert!(!newest.exists());
            assert_eq!(fs::read(newest.with_extension("ckpt.bad"))?, damaged, "it is kept aside");

            // It never counts again: two sound ones are kept, and the log since the older.
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
fn a_shortened_newest_one_is_bypassed() -> Result {
    run(async {
        let whole = store().await?;
        let len = fs::read(&files_with(whole.path(), ".ckpt")?[1])?.len();
        for len in (0..len).step_by(11) {
            let folder = tempfile::tempdir()?;
            crate::common::copy_folder(whole.path(), folder.path())?;
            let newest = files_with(folder.path(), ".ckpt")?.pop().ok_or("there are two")?;
            fs::OpenOptions::new().write(true).open(&newest)?.set_len(len as u64)?;
            let words = options().open(folder.path()).await?;
            assert_eq!(words.words(), numbered(30), "{len} bytes");
            assert_eq!(words.store().recovery().bypassed.len(), 1);
        }
        Ok(())
    })
}

#[test]
fn a_damaged_older_one_harms_nobody() -> Result {
    run(async {
        let folder = store().await?;
        flip(&files_with(folder.path(), ".ckpt")?[0], 100)?;
        let words = options().open(folder.path()).await?;
        assert_eq!(words.words(), numbered(30));
        assert_eq!(words.store().recovery().checkpoint, Lsn::new(20));
        Ok(())
    })
}

#[test]
fn without_a_sound_one_the_store_is_refused() -> Result {
    run(async {
        let folder = store().await?;
        for checkpoint in files_with(folder.path(), ".ckpt")? {
            flip(&checkpoint, 100)?;
        }
        let before = snapshot(folder.path())?;
        let error = options().open(folder.path()).await.expect_err("nothing is sound");
        assert!(matches!(error, Error::Corrupt { .. }), "{error}");
        assert!(error.to_string().contains(".ckpt"), "{error}");
        assert!(before == snapshot(folder.path())?);
        Ok(())
    })
}

#[test]
fn without_any_the_store_is_refused() -> Result {
    run(async {
        let folder = store().await?;
        for checkpoint in files_with(folder.path(), ".ckpt")? {
            fs::remove_file(checkpoint)?;
        }
        let before = snapshot(folder.path())?;
        let error = options().open(folder.path()).await.expect_err("the first state is gone");
        assert!(matches!(error, Error::Missing { .. }), "{error}");
        assert!(before == snapshot(folder.path())?);
        Ok(())
    })
}

#[test]
fn an_older_one_alone_still_has_the_log_above_it() -> Result {
    run(async {
        let folder = store().await?;
        fs::remove_file(&files_with(folder.path(), ".ckpt")?[1])?;
        assert_eq!(options().open(folder.path()).await?.words(), numbered(30));
        Ok(())
    })
}

#[test]
fn one_above_the_end_of_the_log_is_refused() -> Result {
    run(async {
        let folder = store().await?;
        let newest = files_with(folder.path(), ".ckpt")?.pop().ok_or("there are two")?;
        // The log that it was taken from, as it was at 15 words.
        let short = tempfile::tempdir()?;
        crate::common::copy_folder(folder.path(), short.path())?;
        for segment in files_with(short.path(), ".wal")? {
            if crate::common::find(&fs::read(&segment)?, b"word 15").is_some() {
                for later in files_with(short.path(), ".wal")?.iter().filter(|later| **later >= segment) {
                    fs::remove_file(later)?;
                }
                break;
            }
        }
        assert!(short.path().join(newest.file_name().ok_or("a name")?).exists());
        let before = snapshot(short.path())?;
        assert!(options().open(short.path()).await.is_err());
        assert!(before == snapshot(short.path())?);
        Ok(())
    })
}

#[test]
fn a_file_that_was_never_finished_is_removed() -> Result {
    run(async {
        let folder = store().await?;
        fs::write(folder.path().join("00000000000000ff.ckpt.tmp"), "half a checkpoint")?;
        fs::write(folder.path().join("00000000000000ff.wal.tmp"), "half a segment")?;
        assert_eq!(options().open(folder.path()).await?.words(), numbered(30));
        assert!(files_with(folder.path(), ".tmp")?.is_empty());
        Ok(())
    })
}
