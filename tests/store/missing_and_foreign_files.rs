//! A missing or corrupt file, or a file of another store, is refused, with nothing changed.

use std::fs;
use std::path::Path;

use crate::common::{Result, Words, copy_of, files_with, newest_with, numbered, options, push_numbered, run, snapshot};
use serde::{Deserialize, Serialize};
use walr::{Durable, Error, WalState};

/// Creates a store of 50 words with a checkpoint at LSN 25.
async fn store() -> Result<tempfile::TempDir> {
    let folder = tempfile::tempdir()?;
    let words = options().segment_size(4096).open(folder.path()).await?;
    push_numbered(&words, 25).await?;
    words.checkpoint().await?;
    push_numbered(&words, 25).await?;
    words.close().await?;
    Ok(folder)
}

/// Asserts that the store is refused and that no file changes. Returns the error.
async fn assert_refused(folder: &Path) -> Result<Error> {
    let before = snapshot(folder)?;
    let error = options().open(folder).await.expect_err("the store opened with a missing or foreign file");
    assert!(before == snapshot(folder)?, "the refusal changed a file: {error}");
    Ok(error)
}

/// Asserts that the store is refused because a file is missing. Returns the message.
async fn assert_missing(folder: &Path) -> Result<String> {
    let error = assert_refused(folder).await?;
    assert!(matches!(error, Error::Missing { .. }), "{error}");
    Ok(error.to_string())
}

/// Replaces a file by the file of the same name in `other`. Returns the path for messages.
fn replace(path: &Path, other: &Path) -> Result<String> {
    fs::copy(other.join(path.file_name().ok_or("a file has a name")?), path)?;
    Ok(path.display().to_string())
}

#[test]
fn a_missing_store_file_is_refused() -> Result {
    run(async {
        let folder = store().await?;
        fs::remove_file(folder.path().join("STORE"))?;
        let message = assert_missing(folder.path()).await?;
        assert!(message.contains("STORE"), "{message}");
        Ok(())
    })
}

#[test]
fn a_missing_store_file_is_refused_if_only_segments_exist() -> Result {
    run(async {
        let folder = store().await?;
        fs::remove_file(folder.path().join("STORE"))?;
        files_with(folder.path(), ".ckpt")?.iter().try_for_each(fs::remove_file)?;
        assert_missing(folder.path()).await?;
        Ok(())
    })
}

#[test]
fn a_missing_store_file_is_refused_after_a_single_record() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        options().open(folder.path()).await?.push("word 0").await?;
        fs::remove_file(folder.path().join("STORE"))?;
        assert_missing(folder.path()).await?;
        Ok(())
    })
}

#[test]
fn a_corrupt_store_file_is_refused() -> Result {
    run(async {
        let folder = store().await?;
        let path = folder.path().join("STORE");
        let whole = fs::read(&path)?;
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            fs::write(&path, bytes)?;
            let error = assert_refused(folder.path()).await?;
            assert!(error.to_string().contains("STORE"), "{error}");
        }
        for len in 0..whole.len() {
            fs::write(&path, &whole[..len])?;
            assert_refused(folder.path()).await?;
        }
        Ok(())
    })
}

#[test]
fn a_segment_of_another_store_is_refused_by_name() -> Result {
    run(async {
        let (whole, other) = (store().await?, store().await?);
        for at in 0..files_with(whole.path(), ".wal")?.len() {
            let folder = copy_of(whole.path())?;
            let replaced = replace(&files_with(folder.path(), ".wal")?[at], other.path())?;
            let message = assert_missing(folder.path()).await?;
            assert!(message.contains(&replaced) && message.contains("another store"), "{message}");
        }
        Ok(())
    })
}

#[test]
fn a_checkpoint_of_another_store_is_refused() -> Result {
    run(async {
        let (folder, other) = (store().await?, store().await?);
        let replaced = replace(&newest_with(folder.path(), ".ckpt")?, other.path())?;
        let error = assert_refused(folder.path()).await?;
        assert!(error.to_string().contains(&replaced), "{error}");
        Ok(())
    })
}

#[test]
fn the_store_file_of_another_store_is_refused() -> Result {
    run(async {
        let (folder, other) = (store().await?, store().await?);
        replace(&folder.path().join("STORE"), other.path())?;
        assert_missing(folder.path()).await?;
        Ok(())
    })
}

#[test]
fn a_copy_of_a_store_opens() -> Result {
    run(async {
        let copy = copy_of(store().await?.path())?;
        assert_eq!(options().open(copy.path()).await?.words(), numbered(50));
        Ok(())
    })
}

#[derive(Default, Serialize, Deserialize, WalState)]
pub(crate) struct Numbers {
    numbers: Vec<u64>,
}

#[walr::mutations]
impl Numbers {
    #[mutation]
    pub(crate) fn push(&mut self, number: u64) {
        self.numbers.push(number);
    }
}

#[test]
fn a_store_of_another_state_is_refused_by_name() -> Result {
    run(async {
        let folder = store().await?;
        let before = snapshot(folder.path())?;
        let error =
            Durable::<Numbers>::open(folder.path()).await.expect_err("a store of words was opened as one of numbers");
        assert!(matches!(error, Error::Schema { .. }), "{error}");
        let message = error.to_string();
        assert!(message.contains("Words") && message.contains("Numbers"), "{message}");
        assert!(before == snapshot(folder.path())?);
        let words: Durable<Words> = options().open(folder.path()).await?;
        assert_eq!(words.words(), numbered(50));
        Ok(())
    })
}
