//! What walr 0.1.6 loses, or never gets over, one test for each: calls and their order. What concerns files on disk is in
//! `lost_on_disk.rs`.

use crate::common::{Gate, Result, copy_folder, poll_once, run};
use crate::journal::{append, open, open_sim, replayed, replayed_at};
use walr::Error;
use walr::testing::{Fault, Kind, Sim};

/// The original overwrites from offset 0.
#[test]
fn log_before_replay_on_reopen() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        open(folder.path()).await?.log(&append("first")).await?;
        open(folder.path()).await?.log(&append("second")).await?;
        let mut wal = open(folder.path()).await?;
        wal.log_many(&[append("third"), append("fourth")]).await?;
        drop(wal);
        assert_eq!(replayed_at(folder.path()).await?, ["first", "second", "third", "fourth"]);
        Ok(())
    })
}

/// Every later open of the original fails.
#[test]
fn a_payload_that_holds_the_divider_bytes() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let divider = "\u{7}\u{1f}";
        let payloads = [divider.to_string(), divider.repeat(40_000), format!("a{divider}b{divider}"), String::new()];
        let mut wal = open(folder.path()).await?;
        for payload in &payloads {
            wal.log(&append(payload)).await?;
        }
        wal.log_many(&payloads.clone().map(append)).await?;
        drop(wal);
        assert_eq!(replayed_at(folder.path()).await?, [&payloads[..], &payloads[..]].concat());
        Ok(())
    })
}

/// A subtraction in the original overflows, and "writer was none" from then on.
#[test]
fn undo_after_checkpoint() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let mut wal = open(folder.path()).await?;
        wal.log(&append("kept")).await?;
        wal.checkpoint(&vec!["kept".to_string()]).await?;
        assert_eq!(wal.size, 0);
        wal.undo().await?;
        wal.undo().await?;
        assert_eq!(wal.size, 0);
        wal.log(&append("and on")).await?;
        assert_eq!(wal.replay().await?, ["kept", "and on"]);
        wal.undo().await?;
        assert_eq!(wal.replay().await?, ["kept", "and on"], "a replay is a checkpoint too");
        Ok(())
    })
}

/// In the original the failed record comes back, and an acknowledged one is lost.
#[test]
fn a_failed_write() -> Result {
    for kind in [Kind::Io, Kind::ShortWrite, Kind::SyncLost] {
        let sim = Sim::new();
        run(async {
            let mut wal = open_sim(&sim).await?;
            wal.log(&append("acknowledged")).await?;
            // Of the calls to come the first is a write, and the second its sync.
            let at = sim.calls() + if kind == Kind::SyncLost { 2 } else { 1 };
            sim.fail(Some(Fault { at, kind, forever: false }));
            let failed = wal.log(&append("failed")).await.expect_err("the write failed");
            assert!(matches!(failed, Error::Commit { .. }), "{failed:?}");
            // The disk would work again: it is not believed, and nothing is written on top of what failed.
            for _ in 0..2 {
                assert!(matches!(wal.log(&append("later")).await, Err(Error::Failed { .. })));
                assert!(matches!(wal.undo().await, Ok(()) | Err(Error::Failed { .. })));
                assert!(matches!(wal.checkpoint(&Vec::new()).await, Err(Error::Failed { .. })));
            }
            drop(wal);
            for seed in 0..20 {
                let mut found = open_sim(&sim.crash(seed)).await?;
                found.log(&append("and on")).await?;
                let journal = found.replay().await?;
                let with = ["acknowledged", "failed", "and on"];
                assert!(journal == with || journal == [with[0], with[2]], "{kind:?}: {journal:?}");
            }
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
        })?;
    }
    Ok(())
}

/// Half of the original's records are lost.
#[test]
fn two_handles() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let mut wal = open(folder.path()).await?;
        wal.log(&append("first")).await?;
        let second = open(folder.path()).await.expect_err("one owner");
        assert!(matches!(second, Error::Locked { .. }), "{second:?}");
        wal.log(&append("second")).await?;
        drop(wal);
        assert_eq!(replayed_at(folder.path()).await?, ["first", "second"]);
        Ok(())
    })
}

/// The original replays a part of it.
#[test]
fn log_many_cut_by_a_crash() -> Result {
    run(async {
        let sim = Sim::new();
        let mut wal = open_sim(&sim).await?;
        wal.log(&append("before")).await?;
        let gate = Gate::open_on(&sim);
        gate.close();
        let batch: Vec<_> = (0..200).map(|number| append(format!("{number:0>40}"))).collect();
        let (mut whole, mut none) = (0, 0);
        {
            let mut call = Box::pin(wal.log_many(&batch));
            assert!(poll_once(call.as_mut()).is_pending());
            gate.wait_for_arrival();
            // The batch is written, and not synced.
            for seed in 0..300 {
                match replayed(&sim.crash(seed)).await?.len() {
                    1 => none += 1,
                    201 => whole += 1,
                    found => panic!("{found} of 201 are there after crash {seed}"),
                }
            }
            gate.open();
            call.await?;
        }
        assert!(
            whole > 0 && none > 0,
            "{whole} times whole and {none} times not there: the crash is at the wrong place"
        );
        sim.observe(None);
        assert_eq!(replayed(&sim.crash(1)).await?.len(), 201);
        Ok(())
    })
}

/// "Writer was none" for ever, in the original.
#[test]
fn a_cancelled_checkpoint() -> Result {
    run(async {
        let sim = Sim::new();
        let mut wal = open_sim(&sim).await?;
        wal.log(&append("first")).await?;
        let gate = Gate::open_on(&sim);
        gate.close();
        {
            let state = vec!["first".to_string()];
            let mut checkpoint = Box::pin(wal.checkpoint(&state));
            assert!(poll_once(checkpoint.as_mut()).is_pending());
            gate.wait_for_arrival();
        }
        gate.open();
        wal.log(&append("second")).await?;
        wal.undo().await?;
        wal.log(&append("third")).await?;
        assert_eq!(wal.replay().await?, ["first", "third"]);
        drop(wal);
        assert_eq!(replayed(&sim.crash(5)).await?, ["first", "third"]);
        Ok(())
    })
}

/// The original's replay is quadratic: it takes 109 seconds for this one.
#[test]
fn one_large_record() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let large = "0123456789abcdef".repeat(4 << 20);
        let mut wal = open(folder.path()).await?;
        wal.log(&append(&large)).await?;
        wal.log(&append("small")).await?;
        drop(wal);
        let journal = replayed_at(folder.path()).await?;
        assert!(journal[0] == large && journal[1] == "small" && journal.len() == 2);
        Ok(())
    })
}

/// The original never syncs: even the folder is lost.
#[test]
fn power_cut() -> Result {
    run(async {
        let sim = Sim::new();
        let mut wal = open_sim(&sim).await?;
        let mut entries = Vec::new();
        for number in 0..12 {
            entries.push(format!("entry {number}"));
            wal.log(&append(&entries[number])).await?;
            if number == 5 {
                wal.checkpoint(&entries).await?;
            }
            for seed in 0..10 {
                assert_eq!(replayed(&sim.crash(seed)).await?, entries, "crash {seed} after {number}");
            }
        }
        Ok(())
    })
}

/// The original applies the whole log twice.
#[test]
fn crash_between_the_checkpoints_rename_and_the_logs_truncation() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let (path, copies) = (folder.path().join("wal"), folder.path().join("copies"));
        // By files: every stage of a checkpoint is one that the end of the process can leave.
        let sim = Sim::new();
        let mut wal = open_sim(&sim).await?;
        let entries: Vec<_> = (0..9).map(|number| format!("entry {number}")).collect();
        for entry in &entries {
            wal.log(&append(entry)).await?;
        }
        let images = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let seen = images.clone();
        sim.observe(Some(std::sync::Arc::new(move |sim: &Sim| {
            if let Ok(mut images) = seen.lock() {
                let seed = images.len() as u64;
                images.push((sim.restart(), sim.crash(seed)));
            }
        })));
        wal.checkpoint(&entries).await?;
        sim.observe(None);
        let images = std::mem::take(&mut *images.lock().map_err(|_| "a test panicked")?);
        let renamed = images.iter().filter(|(image, _)| image.files().iter().any(|file| is_ninth(&file.name))).count();
        assert!(renamed > 0, "no image was taken after the rename");
        for (ended, cut) in &images {
            assert_eq!(replayed(ended).await?, entries);
            assert_eq!(replayed(cut).await?, entries);
        }
        // And on the real disk, with the checkpoint in place and all of the log still there.
        let mut wal = open(&path).await?;
        for entry in &entries {
            wal.log(&append(entry)).await?;
        }
        wal.checkpoint(&entries).await?;
        copy_folder(&path, &copies)?;
        assert_eq!(replayed_at(&copies).await?, entries);
        Ok(())
    })
}

fn is_ninth(name: &str) -> bool {
    name == "0000000000000009.ckpt"
}
