//! What an open would do, and that saying so changes nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use walr::{ChangedCode, DryRun, Durable, Error, Options, WalState};

use super::{code, methods, migrations};
use crate::common::{Result, copy_folder, files_with, run};
use crate::{End, options, wrote};

/// Every file with its bytes and the time of its last change, `LOCK` included.
fn everything(folder: &Path) -> Result<BTreeMap<PathBuf, (Vec<u8>, SystemTime)>> {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        files.insert(path.clone(), (std::fs::read(&path)?, path.metadata()?.modified()?));
    }
    Ok(files)
}

/// Looks, and makes sure that nothing was changed.
async fn look<S: WalState>(folder: &Path, options: Options<S>) -> Result<DryRun> {
    let before = everything(folder)?;
    let looked = options.dry_run(folder).await?;
    assert!(everything(folder)? == before, "a dry run changed the folder");
    Ok(looked)
}

#[test]
fn it_says_what_an_open_then_does() -> Result {
    run(async {
        let folder = wrote::<methods::v1::Cache>(End::Killed, methods::calls()).await?;
        let looked = look(folder.path(), options::<methods::v1::Cache>()).await?;
        assert!(looked.refused.is_none() && !looked.creates);
        let state = Durable::<methods::v1::Cache>::open(folder.path()).await?;
        let opened = state.store().recovery();
        let of = |recovery: &walr::Recovery| (recovery.records, recovery.bytes, recovery.last, recovery.checkpoint);
        assert_eq!(of(&looked.recovery), of(opened));
        assert_eq!(looked.recovery.records, 4);
        Ok(())
    })
}

#[test]
fn it_says_what_would_be_refused() -> Result {
    run(async {
        let folder = wrote::<methods::v1::Cache>(End::Killed, methods::calls()).await?;
        let looked = look(folder.path(), options::<methods::renamed_without_a_name::Cache>()).await?;
        let refused = looked.refused.ok_or("it isn't refused")?;
        assert!(matches!(refused, Error::Schema { .. }), "{refused:?}");
        assert!(refused.to_string().contains("3 records of the mutation `insert`"), "{refused}");

        let strict = options::<code::other_body::Cache>().on_changed_code(ChangedCode::Refuse);
        let refused = look(folder.path(), strict).await?.refused;
        assert!(matches!(refused, Some(Error::ChangedCode { records: 4, .. })), "{refused:?}");
        let looked = look(folder.path(), options::<code::other_body::Cache>()).await?;
        assert_eq!(looked.recovery.records_of_other_code, 4);
        Ok(())
    })
}

#[test]
fn it_says_what_would_be_migrated() -> Result {
    run(async {
        let folder = migrations::folder_of_v1().await?;
        let looked = look(folder.path(), options::<migrations::v3::Cache>()).await?;
        assert!(looked.refused.is_none());
        assert_eq!((looked.recovery.migrated_from, looked.recovery.records), (Some(1), 1));
        let looked = look(folder.path(), options::<migrations::v1::Cache>()).await?;
        assert_eq!(looked.recovery.migrated_from, None);
        let refused = look(folder.path(), options::<migrations::panics::Cache>()).await?.refused;
        assert!(matches!(refused, Some(Error::Migration { from: 1, to: 2, .. })), "{refused:?}");
        Ok(())
    })
}

#[test]
fn it_says_what_would_be_created_and_creates_nothing() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let looked = look(folder.path(), options::<methods::v1::Cache>()).await?;
        assert!(looked.creates && looked.refused.is_none());
        let missing = folder.path().join("a/b");
        assert!(options::<methods::v1::Cache>().dry_run(&missing).await?.creates);
        assert!(!missing.exists() && !folder.path().join("a").exists());
        Ok(())
    })
}

#[test]
fn it_says_what_is_damaged_and_leaves_it() -> Result {
    run(async {
        let folder = wrote::<methods::v1::Cache>(End::Killed, methods::calls()).await?;
        let state = options::<methods::v1::Cache>().open(folder.path()).await?;
        state.insert("d", 4).await?;
        let copy = folder.path().join("killed");
        copy_folder(folder.path(), &copy)?;
        let last = files_with(&copy, ".wal")?.pop().ok_or("no segment")?;
        let mut bytes = std::fs::read(&last)?;
        let end = bytes.len();
        bytes[end - 9..].fill(7);
        std::fs::write(&last, bytes)?;
        assert!(!copy.join("LOCK").exists(), "nor does it come to be");
        let looked = look(&copy, options::<methods::v1::Cache>()).await?;
        assert_eq!((looked.recovery.cut.len(), looked.recovery.records), (1, 5));
        assert!(looked.recovery.cut[0].copy.is_none());

        state.checkpoint().await?;
        state.close().await?;
        let newest = files_with(folder.path(), ".ckpt")?.pop().ok_or("no checkpoint")?;
        let mut bytes = std::fs::read(&newest)?;
        bytes[70] ^= 1;
        std::fs::write(&newest, bytes)?;
        std::fs::remove_dir_all(&copy)?;
        let looked = look(folder.path(), options::<methods::v1::Cache>()).await?;
        assert_eq!((looked.recovery.bypassed.len(), looked.recovery.records), (1, 5));
        Ok(())
    })
}

#[test]
fn a_store_that_is_open_is_refused() -> Result {
    run(async {
        let folder = wrote::<methods::v1::Cache>(End::Killed, methods::calls()).await?;
        let state = options::<methods::v1::Cache>().open(folder.path()).await?;
        let refused = options::<methods::v1::Cache>().dry_run(folder.path()).await;
        assert!(matches!(refused, Err(Error::Locked { .. })), "{refused:?}");
        drop(state);
        look(folder.path(), options::<methods::v1::Cache>()).await?;
        Ok(())
    })
}
