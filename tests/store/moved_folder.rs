//! A folder that is renamed while its store is open: the store goes with it.

use std::fs;

use crate::common::{Result, Words, files_with, numbered, open, options, run};
use walr::{Durable, Lsn};

/// Small segments, so that new files are made after the renaming.
async fn open_small(path: &std::path::Path) -> walr::Result<Durable<Words>> {
    options().segment_size(4096).open(path).await
}

#[test]
fn a_renamed_folder_takes_its_store_along() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let (old, new) = (folder.path().join("old"), folder.path().join("new"));
        let words = open_small(&old).await?;
        let all = numbered(200);
        for word in &all[..100] {
            words.push(word).await?;
        }
        fs::rename(&old, &new)?;
        for word in &all[100..] {
            words.push(word).await?;
        }
        words.checkpoint().await?;
        words.close().await?;
        assert!(!old.exists(), "nothing is written where it was");
        assert_eq!(files_with(&new, ".ckpt")?.len(), 2);
        let words = open(&new).await?;
        assert_eq!(words.words(), all);
        assert_eq!(words.store().recovery().checkpoint, Lsn::new(200));
        Ok(())
    })
}

#[test]
fn another_store_may_take_the_old_path() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let (old, new) = (folder.path().join("old"), folder.path().join("new"));
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
fn a_panic_after_the_renaming_is_taken_back_from_the_files_that_moved() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let (old, new) = (folder.path().join("old"), folder.path().join("new"));
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
