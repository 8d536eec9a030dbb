//! A folder may be renamed while its store is open: the store moves with it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::common::{Result, Words, files_with, numbered, open, options, push_numbered, run};
use tempfile::TempDir;
use walr::{Durable, Lsn};

/// Opens with segments so small that the store creates new ones after the renaming.
async fn open_small(path: &Path) -> walr::Result<Durable<Words>> {
    options().segment_size(4096).open(path).await
}

/// Returns a folder, and in it the paths of a store before and after the renaming.
fn old_and_new() -> Result<(TempDir, PathBuf, PathBuf)> {
    let folder = tempfile::tempdir()?;
    let (old, new) = (folder.path().join("old"), folder.path().join("new"));
    Ok((folder, old, new))
}

#[test]
fn a_store_moves_with_its_folder() -> Result {
    run(async {
        let (_folder, old, new) = old_and_new()?;
        let words = open_small(&old).await?;
        push_numbered(&words, 100).await?;
        fs::rename(&old, &new)?;
        push_numbered(&words, 100).await?;
        words.checkpoint().await?;
        words.close().await?;
        assert!(!old.exists(), "the store wrote to its old path");
        assert_eq!(files_with(&new, ".ckpt")?.len(), 2);
        let words = open(&new).await?;
        assert_eq!(words.words(), numbered(200));
        assert_eq!(words.store().recovery().checkpoint, Lsn::new(200));
        Ok(())
    })
}

#[test]
fn another_store_may_use_the_old_path() -> Result {
    run(async {
        let (_folder, old, new) = old_and_new()?;
        let first = open_small(&old).await?;
        first.push("of the first").await?;
        fs::rename(&old, &new)?;
        let second = open_small(&old).await?;
        assert_eq!(second.count(), 0);
        for number in 0..100 {
            first.push(&format!("of the first {number}")).await?;
            second.push(&format!("of the second {number}")).await?;
        }
        drop((first, second));
        let (first, second) = (open(&new).await?, open(&old).await?);
        assert_eq!((first.count(), second.count()), (101, 100));
        assert!(first.words().iter().all(|word| word.starts_with("of the first")));
        assert!(second.words().iter().all(|word| word.starts_with("of the second")));
        Ok(())
    })
}

#[test]
fn a_panic_after_the_renaming_is_rolled_back() -> Result {
    run(async {
        let (_folder, old, new) = old_and_new()?;
        let words = open_small(&old).await?;
        words.push("word 0").await?;
        fs::rename(&old, &new)?;
        assert!(words.push_and_panic("bad").await.is_err());
        assert_eq!(words.push("word 1").await?, 2);
        drop(words);
        assert_eq!(open(&new).await?.words(), numbered(2));
        Ok(())
    })
}
