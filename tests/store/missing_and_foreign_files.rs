//! Files of another store, a missing `STORE`: refused, with nothing changed.

use std::fs;
use std::path::{Path, PathBuf};

use crate::common::{Result, Words, files_with, numbered, options, run, snapshot};
use serde::{Deserialize, Serialize};
use walr::{Durable, Error, WalState};

/// A store of 50 words with a checkpoint at 25.
async fn store() -> Result<tempfile::TempDir> {
    let folder = tempfile::tempdir()?;
    let words = options().segment_size(4096).open(folder.path()).await?;
    for (at, word) in numbered(50).iter().enumerate() {
        words.push(word).await?;
        if at == 24 {
            words.checkpoint().await?;
        }
    }
    words.close().await?;
    Ok(folder)
}

async fn refused(folder: &Path) -> Result<Error> {
    let before = snapshot(folder)?;
    let error = options().open(folder).await.expect_err("it isn't whole, or not its own");
    assert!(before == snapshot(folder)?, "a refusal changes nothing: {error}");
    Ok(error)
}

/// Puts the file of the same name from another store in its place.
fn exchange(of: &Path, with: &Path) -> Result<PathBuf> {
    let name = of.file_name().ok_or("a file has a name")?;
    fs::copy(with.join(name), of)?;
    Ok(of.to_path_buf())
}

#[test]
fn a_missing_store_file_is_refused() -> Result {
    run(async {
        let folder = store().await?;
        fs::remove_file(folder.path().join("STORE"))?;
        let error = refused(folder.path()).await?;
        assert!(matches!(error, Error::Missing { .. }), "{error}");
        assert!(error.to_string().contains("STORE"), "{error}");
        Ok(())
    })
}

#[test]
fn a_missing_store_file_is_refused_also_where_only_segments_are_left() -> Result {
    run(async {
        let folder = store().await?;
        fs::remove_file(folder.path().join("STORE"))?;
        for checkpoint in files_with(folder.path(), ".ckpt")? {
            fs::remove_file(checkpoint)?;
        }
        let error = refused(folder.path()).await?;
        assert!(matches!(error, Error::Missing { .. }), "{error}");
        Ok(())
    })
}

#[test]
fn a_missing_store_file_is_refused_after_a_single_record() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let words = options().open(folder.path()).await?;
        words.push("word 0").await?;
        drop(words);
        fs::remove_file(folder.path().join("STORE"))?;
        let error = refused(folder.path()).await?;
        assert!(matches!(error, Error::Missing { .. }), "{error}");
        Ok(())
    })
}

#[test]
fn a_damaged_store_file_is_refused() -> Result {
    run(async {
        let folder = store().await?;
        let path = folder.path().join("STORE");
        let whole = fs::read(&path)?;
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            fs::write(&path, bytes)?;
            let error = refused(folder.path()).await?;
            assert!(error.to_string().contains("STORE"), "{error}");
        }
        for len in 0..whole.len() {
            fs::write(&path, &whole[..len])?;
            refused(folder.path()).await?;
        }
        Ok(())
    })
}

#[test]
fn a_segment_of_another_store_is_refused_by_name() -> Result {
    run(async {
        let (whole, other) = (store().await?, store().await?);
        for at in 0..files_with(whole.path(), ".wal")?.len() {
            let folder = tempfile::tempdir()?;
            crate::common::copy_folder(whole.path(), folder.path())?;
            let exchanged = exchange(&files_with(folder.path(), ".wal")?[at], other.path())?;
            let error = refused(folder.path()).await?;
            assert!(matches!(error, Error::Missing { .. }), "{error}");
            assert!(error.to_string().contains(&exchanged.display().to_string()), "{error}");
            assert!(error.to_string().contains("another store"), "{error}");
        }
        Ok(())
    })
}

#[test]
fn a_checkpoint_of_another_store_is_refused() -> Result {
    run(async {
        let (folder, other) = (store().await?, store().await?);
        let newest = files_with(folder.path(), ".ckpt")?.pop().ok_or("there are two")?;
        let exchanged = exchange(&newest, other.path())?;
        let error = refused(folder.path()).await?;
        assert!(error.to_string().contains(&exchanged.display().to_string()), "{error}");
        Ok(())
    })
}

#[test]
fn the_store_file_of_another_store_is_refused() -> Result {
    run(async {
        let (folder, other) = (store().await?, store().await?);
        exchange(&folder.path().join("STORE"), other.path())?;
        let error = refused(folder.path()).await?;
        assert!(matches!(error, Error::Missing { .. }), "{error}");
        Ok(())
    })
}

#[test]
fn a_whole_copy_is_a_store() -> Result {
    run(async {
        let (folder, copy) = (store().await?, tempfile::tempdir()?);
        crate::common::copy_folder(folder.path(), copy.path())?;
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
fn another_state_is_refused_by_name() -> Result {
    run(async {
        let folder = store().await?;
        let before = snapshot(folder.path())?;
        let error = Durable::<Numbers>::open(folder.path()).await.expect_err("it holds words");
        assert!(matches!(error, Error::Schema { .. }), "{error}");
        let told = error.to_string();
        assert!(told.contains("Words") && told.contains("Numbers"), "{told}");
        assert!(before == snapshot(folder.path())?);
        let words: Durable<Words> = options().open(folder.path()).await?;
        assert_eq!(words.words(), numbered(50));
        Ok(())
    })
}
