//! A dry run reports what an open would do, and changes nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use walr::{DryRun, Durable, Error, Options, WalState};

use super::{code, methods, migrations};
use crate::common::{Result, change_file, copy_folder, newest_with, run};
use crate::{End, options, written};

/// Returns every file, `LOCK` included, with its bytes and the time of its last change.
fn everything(folder: &Path) -> Result<BTreeMap<PathBuf, (Vec<u8>, SystemTime)>> {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        files.insert(path.clone(), (std::fs::read(&path)?, path.metadata()?.modified()?));
    }
    Ok(files)
}

/// Makes a dry run, and asserts that it changes no file.
async fn dry_run<S: WalState>(folder: &Path, options: Options<S>) -> Result<DryRun> {
    let before = everything(folder)?;
    let dry = options.dry_run(folder).await?;
    assert!(everything(folder)? == before, "the dry run changed a file");
    Ok(dry)
}

#[test]
fn a_dry_run_reports_the_recovery_of_the_next_open() -> Result {
    run(async {
        let folder = written::<methods::v1::Cache>(End::Killed, methods::calls()).await?;
        let dry = dry_run(folder.path(), options::<methods::v1::Cache>()).await?;
        assert!(dry.refused.is_none() && !dry.creates);
        let state = Durable::<methods::v1::Cache>::open(folder.path()).await?;
        let opened = state.store().recovery();
        let of = |recovery: &walr::Recovery| (recovery.records, recovery.bytes, recovery.last, recovery.checkpoint);
        assert_eq!(of(&dry.recovery), of(opened));
        assert_eq!(dry.recovery.records, 4);
        Ok(())
    })
}

#[test]
fn a_dry_run_reports_a_refusal() -> Result {
    run(async {
        let folder = written::<methods::v1::Cache>(End::Killed, methods::calls()).await?;
        let dry = dry_run(folder.path(), options::<methods::renamed_without_a_name::Cache>()).await?;
        let refused = dry.refused.ok_or("the dry run reports no refusal")?;
        assert!(matches!(refused, Error::Schema { .. }), "{refused:?}");
        assert!(refused.to_string().contains("3 records of the mutation `insert`"), "{refused}");

        let dry = dry_run(folder.path(), options::<code::other_body::Cache>()).await?;
        assert_eq!(dry.recovery.records_of_other_code, 3);
        Ok(())
    })
}

#[test]
fn a_dry_run_reports_a_migration() -> Result {
    run(async {
        let folder = migrations::folder_of_v1().await?;
        let dry = dry_run(folder.path(), options::<migrations::v3::Cache>()).await?;
        assert!(dry.refused.is_none());
        assert_eq!((dry.recovery.migrated_from, dry.recovery.records), (Some(1), 1));
        let dry = dry_run(folder.path(), options::<migrations::v1::Cache>()).await?;
        assert_eq!(dry.recovery.migrated_from, None);
        let refused = dry_run(folder.path(), options::<migrations::panics::Cache>()).await?.refused;
        assert!(matches!(refused, Some(Error::Migration { from: 1, to: 2, .. })), "{refused:?}");
        Ok(())
    })
}

#[test]
fn a_dry_run_reports_a_creation_and_creates_nothing() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let dry = dry_run(folder.path(), options::<methods::v1::Cache>()).await?;
        assert!(dry.creates && dry.refused.is_none());
        let missing = folder.path().join("a/b");
        assert!(options::<methods::v1::Cache>().dry_run(&missing).await?.creates);
        assert!(!missing.exists() && !folder.path().join("a").exists());
        Ok(())
    })
}

#[test]
fn a_dry_run_reports_corruption_and_does_not_change_it() -> Result {
    run(async {
        let folder = written::<methods::v1::Cache>(End::Killed, methods::calls()).await?;
        let state = options::<methods::v1::Cache>().open(folder.path()).await?;
        state.insert("d", 4).await?;
        let copy = folder.path().join("killed");
        copy_folder(folder.path(), &copy)?;
        change_file(&newest_with(&copy, ".wal")?, |bytes| {
            let end = bytes.len();
            bytes[end - 9..].fill(7);
        })?;
        assert!(!copy.join("LOCK").exists(), "a copy has no `LOCK`");
        let dry = dry_run(&copy, options::<methods::v1::Cache>()).await?;
        assert_eq!((dry.recovery.cut.len(), dry.recovery.records), (1, 5));
        assert!(dry.recovery.cut[0].copy.is_none());

        state.checkpoint().await?;
        state.close().await?;
        change_file(&newest_with(folder.path(), ".ckpt")?, |bytes| bytes[70] ^= 1)?;
        std::fs::remove_dir_all(&copy)?;
        let dry = dry_run(folder.path(), options::<methods::v1::Cache>()).await?;
        assert_eq!((dry.recovery.bypassed.len(), dry.recovery.records), (1, 5));
        Ok(())
    })
}

#[test]
fn a_dry_run_of_an_open_store_is_refused() -> Result {
    run(async {
        let folder = written::<methods::v1::Cache>(End::Killed, methods::calls()).await?;
        let state = options::<methods::v1::Cache>().open(folder.path()).await?;
        let refused = options::<methods::v1::Cache>().dry_run(folder.path()).await;
        assert!(matches!(refused, Err(Error::Locked { .. })), "{refused:?}");
        drop(state);
        dry_run(folder.path(), options::<methods::v1::Cache>()).await?;
        Ok(())
    })
}
