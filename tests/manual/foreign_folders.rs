//! Folders of walr 0.1, and those of the other layer, are refused by name.

use std::fs;
use std::path::Path;

use crate::common::{Result, Words, files_with, run, snapshot};
use crate::journal::{append, open, replayed_at};
use walr::options::WALOptionsBuilder;
use walr::{Durable, Error, WAL};

#[test]
fn a_folder_of_0_1_is_refused_by_name_and_left_alone() -> Result {
    run(async {
        let scratch = tempfile::tempdir()?;
        for old in [&["wal.bin", "checkpoint.bin"][..], &["checkpoint.bin"], &["wal.bin"]] {
            let folder = scratch.path().join(old.join("-"));
            fs::create_dir(&folder)?;
            for name in old {
                fs::write(folder.join(name), b"\0\0\0\0\0\0\0\0")?;
            }
            let before = snapshot(&folder)?;
            let by_hand = open(&folder).await.map(drop).expect_err("an old folder");
            let derived = Durable::<Words>::open(&folder).await.map(drop).expect_err("an old folder");
            for error in [by_hand, derived] {
                let text = error.to_string();
                assert!(matches!(error, Error::Older { .. }), "{error:?}");
                assert!(old.iter().any(|name| text.contains(name)) && text.contains("walr 0.1"), "{text}");
            }
            assert_eq!(snapshot(&folder)?, before);
        }
        Ok(())
    })
}

/// Beside a store such names are nobody's business.
#[test]
fn in_a_store_of_today_an_old_name_is_ignored() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        open(folder.path()).await?.log(&append("one")).await?;
        fs::write(folder.path().join("wal.bin"), "somebody's")?;
        assert_eq!(replayed_at(folder.path()).await?, ["one"]);
        assert!(files_with(folder.path(), "wal.bin")?.len() == 1);
        Ok(())
    })
}

fn says(error: &Error, texts: [&str; 2]) {
    let text = error.to_string();
    assert!(matches!(error, Error::Schema { .. }), "{error:?}");
    assert!(texts.iter().all(|part| text.contains(part)), "{text}");
}

async fn manual(folder: &Path, checkpointed: bool) -> Result {
    let mut wal = open(folder).await?;
    wal.log(&append("one")).await?;
    if checkpointed {
        wal.checkpoint(&vec!["one".to_string()]).await?;
    }
    Ok(())
}

#[test]
fn the_layers_refuse_each_others_stores_by_name() -> Result {
    run(async {
        for checkpointed in [false, true] {
            let scratch = tempfile::tempdir()?;
            let (by_hand, derived) = (scratch.path().join("manual"), scratch.path().join("derived"));
            manual(&by_hand, checkpointed).await?;
            let state: Durable<Words> = Durable::open(&derived).await?;
            state.push("one").await?;
            if checkpointed {
                state.checkpoint().await?;
            }
            drop(state);
            let before = (snapshot(&by_hand)?, snapshot(&derived)?);
            let error = Durable::<Words>::open(&by_hand).await.map(drop).expect_err("a manual store");
            says(&error, ["walr::WAL", "`Words`"]);
            let error = open(&derived).await.map(drop).expect_err("a derived store");
            says(&error, ["`Words`", "Durable<Words>"]);
            assert_eq!((snapshot(&by_hand)?, snapshot(&derived)?), before);
            assert_eq!(replayed_at(&by_hand).await?, ["one"]);
            assert_eq!(Durable::<Words>::open(&derived).await?.words(), ["one"]);
        }
        Ok(())
    })
}

#[test]
fn options_that_make_no_sense_are_refused_by_name() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("never");
        for (options, name) in [
            (WALOptionsBuilder::new().iter_batch_size(0).build(), "iter_batch_size"),
            (WALOptionsBuilder::new().iter_chunk_size(0).build(), "iter_chunk_size"),
        ] {
            let opened = WAL::open(&path, Box::new(crate::journal::handler), Some(options)).await;
            let error = opened.map(drop).expect_err("nothing at a time");
            assert!(error.to_string().contains(name), "{error}");
        }
        assert!(!path.exists());
        Ok(())
    })
}
