//! Regression tests of files: each test is a way in which walr 0.1.6 loses data or never works again. `lost_by_the_original.rs`
//! has the tests of calls.

use std::fs;
use std::path::PathBuf;

use crate::common::{Result, change_file, copy_of, files_with, find, newest_with, run, snapshot};
use crate::journal::{append, append_all, numbered, open, open_sim, replayed, replayed_at};
use tempfile::TempDir;
use walr::Error;
use walr::testing::{Broken, Sim};

/// Returns a log of three entries whose process ended without closing it, its last file, and the offset behind the last entry.
async fn killed() -> Result<(TempDir, PathBuf, usize)> {
    let lived = tempfile::tempdir()?;
    let mut wal = open(lived.path()).await?;
    for change in append_all(&numbered(3)) {
        wal.log(&change).await?;
    }
    let folder = copy_of(lived.path())?;
    let path = newest_with(folder.path(), ".wal")?;
    let at = find(&fs::read(&path)?, b"entry 2").ok_or("the last entry is missing")?;
    Ok((folder, path, at + b"entry 2".len()))
}

/// walr 0.1.6 hangs in the open.
#[test]
fn bytes_behind_the_tail_are_ignored() -> Result {
    run(async {
        for count in 0..=16 {
            let (folder, path, end) = killed().await?;
            let end = end.next_multiple_of(8);
            change_file(&path, |bytes| bytes[end..end + count].fill(0x5a))?;
            assert_eq!(replayed_at(folder.path()).await?, numbered(3), "{count} bytes");
        }
        Ok(())
    })
}

/// walr 0.1.6 hangs in the open.
#[test]
fn a_torn_tail_is_cut_off_and_reported() -> Result {
    run(async {
        for lost in 1..=16 {
            let (folder, path, end) = killed().await?;
            change_file(&path, |bytes| bytes[end - lost..end].fill(0))?;
            let mut wal = open(folder.path()).await?;
            assert_eq!(wal.recovery().cut.len(), 1, "the torn tail is not reported");
            wal.log(&append("later")).await?;
            assert_eq!(
                wal.replay().await?,
                ["entry 0", "entry 1", "later"],
                "{lost} bytes of the last record are lost"
            );
        }
        Ok(())
    })
}

/// On XFS a power cut leaves both files of walr 0.1.6 empty.
#[test]
fn a_checkpoint_is_synced_before_its_rename() -> Result {
    run(async {
        let intact_after_crashes = async |broken: Option<Broken>| {
            let sim = Sim::new();
            let mut wal = open_sim(&sim).await?;
            let entries = numbered(400);
            wal.log_many(&append_all(&entries)).await?;
            if let Some(broken) = broken {
                sim.break_it(broken);
            }
            wal.checkpoint(&entries).await?;
            let mut intact = 0;
            for seed in 0..40 {
                let mut found = open_sim(&sim.crash(seed)).await?;
                intact += usize::from(found.recovery().bypassed.is_empty());
                assert_eq!(found.replay().await?, entries);
            }
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>(intact)
        };
        assert_eq!(intact_after_crashes(None).await?, 40, "a crash made the newest checkpoint corrupt");
        // Without the sync some crashes leave a corrupt newest checkpoint, and the older one and the log replace it.
        assert!(intact_after_crashes(Some(Broken::FileSync(".ckpt.tmp"))).await? < 40);
        Ok(())
    })
}

/// walr 0.1.6 overwrites the checkpoint with the default state.
#[test]
fn a_missing_log_file_is_refused() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let mut wal = open(folder.path()).await?;
        wal.log(&append("logged")).await?;
        wal.checkpoint(&vec!["logged".to_string()]).await?;
        wal.log(&append("after it")).await?;
        drop(wal);
        files_with(folder.path(), ".wal")?.iter().try_for_each(fs::remove_file)?;
        let before = snapshot(folder.path())?;
        let refused = open(folder.path()).await.expect_err("a store without a log was opened");
        assert!(matches!(refused, Error::Missing { .. }), "{refused:?}");
        assert_eq!(snapshot(folder.path())?, before, "the refusal changed a file");
        Ok(())
    })
}

/// walr 0.1.6 replays a wrong value without an error.
#[test]
fn a_flipped_bit_never_gives_a_wrong_journal() -> Result {
    run(async {
        let sim = Sim::new();
        let mut wal = open_sim(&sim).await?;
        let entries = numbered(6);
        for change in append_all(&entries) {
            wal.log(&change).await?;
        }
        drop(wal);
        let (mut refused, mut right) = (0, 0);
        for file in sim.files() {
            let bytes = sim.read(&file.name).unwrap_or_default();
            let end = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |at| at as u64 + 1);
            for bit in (0..end * 8).step_by(7) {
                let image = sim.restart();
                image.flip(&file.name, bit);
                match replayed(&image).await {
                    Ok(journal) if journal == entries => right += 1,
                    Ok(journal) => panic!("bit {bit} of {}: {journal:?}", file.name),
                    Err(_) => refused += 1,
                }
            }
        }
        assert!(refused > 1000, "{refused} flips are refused, {right} do no harm");
        Ok(())
    })
}
