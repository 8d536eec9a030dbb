//! Folders of walr 0.1 and of the other layer are refused by name.

use std::fs;
use std::path::Path;

use crate::common::{Result, Words, files_with, run, snapshot};
use crate::journal::{append, open, replayed_at};
use walr::options::WALOptionsBuilder;
use walr::{Durable, Error, WAL};

#[test]
fn a_folder_of_walr_0_1_is_refused_by_name_and_not_changed() -> Result {
    run(async {
        let scratch = tempfile::tempdir()?;
        for old in [&["wal.bin", "checkpoint.bin"][..], &["checkpoint.bin"], &["wal.bin"]] {
            let folder = scratch.path().join(old.join("-"));
            fs::create_dir(&folder)?;
            for name in old {
                fs::write(folder.join(name), b"\0\0\0\0\0\0\0\0")?;
            }
            let before = snapshot(&folder)?;
            let manual = open(&folder).await.map(drop).expect_err("an old folder was opened");
            let derived = Durable::<Words>::open(&folder).await.map(drop).expect_err("an old folder was opened");
            for error in [manual, derived] {
                let message = error.to_string();
                assert!(matches!(error, Error::Older { .. }), "{error:?}");
                assert!(old.iter().any(|name| message.contains(name)) && message.contains("walr 0.1"), "{message}");
            }
            assert_eq!(snapshot(&folder)?, before);
        }
        Ok(())
    })
}

#[test]
fn a_file_with_an_old_name_in_a_store_is_ignored() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        open(folder.path()).await?.log(&append("one")).await?;
        fs::write(folder.path().join("wal.bin"), "a foreign file")?;
        assert_eq!(replayed_at(folder.path()).await?, ["one"]);
        assert!(files_with(folder.path(), "wal.bin")?.len() == 1);
        Ok(())
    })
}

#[track_caller]
fn assert_schema(error: &Error, parts: [&str; 2]) {
    let message = error.to_string();
    assert!(matches!(error, Error::Schema { .. }), "{error:?}");
    assert!(parts.iter().all(|part| message.contains(part)), "{message}");
}

/// Creates a store of the manual layer.
async fn create_manual(folder: &Path, with_checkpoint: bool) -> Result {
    let mut wal = open(folder).await?;
    wal.log(&append("one")).await?;
    if with_checkpoint {
        wal.checkpoint(&vec!["one".to_string()]).await?;
    }
    Ok(())
}

/// Creates a derived store.
async fn create_derived(folder: &Path, with_checkpoint: bool) -> Result {
    let state: Durable<Words> = Durable::open(folder).await?;
    state.push("one").await?;
    if with_checkpoint {
        state.checkpoint().await?;
    }
    Ok(())
}

#[test]
fn the_layers_refuse_each_others_stores_by_name() -> Result {
    run(async {
        for with_checkpoint in [false, true] {
            let scratch = tempfile::tempdir()?;
            let (manual, derived) = (scratch.path().join("manual"), scratch.path().join("derived"));
            create_manual(&manual, with_checkpoint).await?;
            create_derived(&derived, with_checkpoint).await?;
            let before = (snapshot(&manual)?, snapshot(&derived)?);
            let error = Durable::<Words>::open(&manual).await.map(drop).expect_err("a manual store was opened");
            assert_schema(&error, ["walr::WAL", "`Words`"]);
            let error = open(&derived).await.map(drop).expect_err("a derived store was opened");
            assert_schema(&error, ["`Words`", "Durable<Words>"]);
            assert_eq!((snapshot(&manual)?, snapshot(&derived)?), before);
            assert_eq!(replayed_at(&manual).await?, ["one"]);
            assert_eq!(Durable::<Words>::open(&derived).await?.words(), ["one"]);
        }
        Ok(())
    })
}

#[test]
fn a_size_of_zero_in_the_options_is_refused_by_name() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("never");
        for (options, name) in [
            (WALOptionsBuilder::new().iter_batch_size(0).build(), "iter_batch_size"),
            (WALOptionsBuilder::new().iter_chunk_size(0).build(), "iter_chunk_size"),
        ] {
            let opened = WAL::open(&path, Box::new(crate::journal::handler), Some(options)).await;
            let error = opened.map(drop).expect_err("a size of zero was accepted");
            assert!(error.to_string().contains(name), "{error}");
        }
        assert!(!path.exists());
        Ok(())
    })
}
