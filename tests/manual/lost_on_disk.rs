//! What walr 0.1.6 loses, or never gets over, one test for each: what is found on disk.

use std::fs::{self, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use crate::common::{Result, copy_folder, files_with, find, run, snapshot};
use crate::journal::{append, open, open_sim, replayed, replayed_at};
use walr::Error;
use walr::testing::{Broken, Sim};

/// A log of three entries whose process has ended without closing it.
async fn killed(folder: &Path) -> Result {
    let open_one = folder.with_extension("open");
    let mut wal = open(&open_one).await?;
    for entry in ["entry 0", "entry 1", "entry 2"] {
        wal.log(&append(entry)).await?;
    }
    copy_folder(&open_one, folder)
}

/// The last log file, and where the last entry's bytes end in it.
fn end_of_log(folder: &Path) -> Result<(std::path::PathBuf, u64)> {
    let path = files_with(folder, ".wal")?.pop().ok_or("there is a log file")?;
    let bytes = fs::read(&path)?;
    let at = find(&bytes, b"entry 2").ok_or("the last entry is there")?;
    Ok((path, (at + b"entry 2".len()) as u64))
}

/// The original hangs on open.
#[test]
fn torn_tail_of_1_to_16_bytes_or_zeros_after_the_tail() -> Result {
    run(async {
        let scratch = tempfile::tempdir()?;
        for torn in 0..=16u64 {
            let folder = scratch.path().join(format!("tail-{torn}"));
            killed(&folder).await?;
            let (path, end) = end_of_log(&folder)?;
            let mut file = OpenOptions::new().write(true).open(&path)?;
            file.seek(SeekFrom::Start(end.next_multiple_of(8)))?;
            file.write_all(&vec![0x5a; torn as usize])?;
            assert_eq!(replayed_at(&folder).await?, ["entry 0", "entry 1", "entry 2"], "{torn} bytes behind the tail");
        }
        for lost in 1..=16u64 {
            let folder = scratch.path().join(format!("lost-{lost}"));
            killed(&folder).await?;
            let (path, end) = end_of_log(&folder)?;
            let mut file = OpenOptions::new().write(true).open(&path)?;
            file.seek(SeekFrom::Start(end - lost))?;
            file.write_all(&vec![0; lost as usize])?;
            let mut wal = open(&folder).await?;
            assert_eq!(wal.recovery().cut.len(), 1, "the torn end is reported");
            wal.log(&append("and on")).await?;
            assert_eq!(wal.replay().await?, ["entry 0", "entry 1", "and on"], "{lost} bytes of the last record lost");
        }
        Ok(())
    })
}

/// Both files of the original are empty, on XFS.
#[test]
fn checkpoint_not_synced_before_rename() -> Result {
    run(async {
        let scenario = async |broken: Option<Broken>| {
            let sim = Sim::new();
            let mut wal = open_sim(&sim).await?;
            let entries: Vec<_> = (0..400).map(|number| format!("entry {number}")).collect();
            wal.log_many(&entries.iter().map(append).collect::<Vec<_>>()).await?;
            if let Some(broken) = broken {
                sim.break_it(broken);
            }
            wal.checkpoint(&entries).await?;
            let mut newest = 0;
            for seed in 0..40 {
                let mut found = open_sim(&sim.crash(seed)).await?;
                newest += usize::from(found.recovery().bypassed.is_empty());
                assert_eq!(found.replay().await?, entries);
            }
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>(newest)
        };
        assert_eq!(scenario(None).await?, 40, "the newest checkpoint is whole after every crash");
        // The test would notice: and even then the older checkpoint and the log stand in for it.
        assert!(scenario(Some(Broken::FileSync(".ckpt.tmp"))).await? < 40);
        Ok(())
    })
}

/// The original overwrites the checkpoint with the default state.
#[test]
fn log_file_missing() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let mut wal = open(folder.path()).await?;
        wal.log(&append("logged")).await?;
        wal.checkpoint(&vec!["logged".to_string()]).await?;
        wal.log(&append("after it")).await?;
        drop(wal);
        for path in files_with(folder.path(), ".wal")? {
            fs::remove_file(path)?;
        }
        let before = snapshot(folder.path())?;
        let refused = open(folder.path()).await.expect_err("the log is missing");
        assert!(matches!(refused, Error::Missing { .. }), "{refused:?}");
        assert_eq!(snapshot(folder.path())?, before, "nothing is overwritten");
        Ok(())
    })
}

/// A wrong value in the original, silently.
#[test]
fn a_flipped_bit() -> Result {
    run(async {
        let sim = Sim::new();
        let mut wal = open_sim(&sim).await?;
        let entries: Vec<_> = (0..6).map(|number| format!("entry {number}")).collect();
        for entry in &entries {
            wal.log(&append(entry)).await?;
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
        assert!(refused > 1000, "{refused} refused, {right} without harm");
        Ok(())
    })
}
