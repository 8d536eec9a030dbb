//! Regression tests of calls: each test is a way in which walr 0.1.6 loses data or never works again. `lost_on_disk.rs` has the
//! tests of files.

use crate::common::{Gate, Result, begun, copy_of, fail_call, images_during, run, sim_files_with};
use crate::journal::{append, append_all, numbered, open, open_sim, replayed, replayed_at};
use walr::Error;
use walr::testing::{Kind, Sim};

/// walr 0.1.6 overwrites the log from offset 0.
#[test]
fn a_log_call_before_the_replay_of_a_reopen_appends() -> Result {
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

/// After such a payload every open of walr 0.1.6 fails.
#[test]
fn a_payload_may_hold_the_bytes_of_the_old_divider() -> Result {
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

/// In walr 0.1.6 a subtraction overflows, and every later call fails with "writer was none".
#[test]
fn an_undo_after_a_checkpoint_does_nothing() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let mut wal = open(folder.path()).await?;
        wal.log(&append("kept")).await?;
        wal.checkpoint(&vec!["kept".to_string()]).await?;
        assert_eq!(wal.size, 0);
        wal.undo().await?;
        wal.undo().await?;
        assert_eq!(wal.size, 0);
        wal.log(&append("later")).await?;
        assert_eq!(wal.replay().await?, ["kept", "later"]);
        wal.undo().await?;
        assert_eq!(
            wal.replay().await?,
            ["kept", "later"],
            "a replay ends with a checkpoint, so that nothing can be undone"
        );
        Ok(())
    })
}

/// In walr 0.1.6 the failed record comes back, and an acknowledged one is lost.
#[test]
fn a_failed_write_latches_and_loses_nothing_acknowledged() -> Result {
    run(async {
        for kind in [Kind::Io, Kind::ShortWrite, Kind::SyncLost] {
            let sim = Sim::new();
            let mut wal = open_sim(&sim).await?;
            wal.log(&append("acknowledged")).await?;
            // The next call is a write, and the second next its sync.
            fail_call(&sim, if kind == Kind::SyncLost { 2 } else { 1 }, kind);
            let failed = wal.log(&append("failed")).await.expect_err("the failed write was acknowledged");
            assert!(matches!(failed, Error::Commit { .. }), "{failed:?}");
            // From now on the disk would work again.
            for _ in 0..2 {
                assert!(matches!(wal.log(&append("later")).await, Err(Error::Failed { .. })));
                assert!(matches!(wal.undo().await, Ok(()) | Err(Error::Failed { .. })));
                assert!(matches!(wal.checkpoint(&Vec::new()).await, Err(Error::Failed { .. })));
            }
            drop(wal);
            for seed in 0..20 {
                let mut found = open_sim(&sim.crash(seed)).await?;
                found.log(&append("later")).await?;
                let journal = found.replay().await?;
                let with = ["acknowledged", "failed", "later"];
                assert!(journal == with || journal == [with[0], with[2]], "{kind:?}: {journal:?}");
            }
        }
        Ok(())
    })
}

/// With two handles, walr 0.1.6 loses half of the records.
#[test]
fn a_second_handle_is_refused() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let mut wal = open(folder.path()).await?;
        wal.log(&append("first")).await?;
        let second = open(folder.path()).await.expect_err("the log was opened twice");
        assert!(matches!(second, Error::Locked { .. }), "{second:?}");
        wal.log(&append("second")).await?;
        drop(wal);
        assert_eq!(replayed_at(folder.path()).await?, ["first", "second"]);
        Ok(())
    })
}

/// walr 0.1.6 replays a part of the batch.
#[test]
fn a_crash_during_log_many_leaves_the_whole_batch_or_none_of_it() -> Result {
    run(async {
        let sim = Sim::new();
        let mut wal = open_sim(&sim).await?;
        wal.log(&append("before")).await?;
        let gate = Gate::closed_on(&sim);
        let batch: Vec<_> = (0..200).map(|number| append(format!("{number:0>40}"))).collect();
        let (mut whole, mut none) = (0, 0);
        {
            let call = begun(wal.log_many(&batch));
            gate.wait_for_arrival();
            // The batch is written and not synced.
            for seed in 0..300 {
                match replayed(&sim.crash(seed)).await?.len() {
                    1 => none += 1,
                    201 => whole += 1,
                    found => panic!("crash {seed} leaves {found} of 201 records"),
                }
            }
            gate.open();
            call.await?;
        }
        assert!(whole > 0 && none > 0, "{whole} crashes leave the batch, and {none} do not");
        sim.observe(None);
        assert_eq!(replayed(&sim.crash(1)).await?.len(), 201);
        Ok(())
    })
}

/// In walr 0.1.6 every later call fails with "writer was none".
#[test]
fn calls_work_after_a_dropped_checkpoint() -> Result {
    run(async {
        let sim = Sim::new();
        let mut wal = open_sim(&sim).await?;
        wal.log(&append("first")).await?;
        let gate = Gate::closed_on(&sim);
        let state = vec!["first".to_string()];
        let checkpoint = begun(wal.checkpoint(&state));
        gate.wait_for_arrival();
        drop(checkpoint);
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

/// The replay of walr 0.1.6 takes quadratic time: 109 seconds for this record.
#[test]
fn a_record_of_64_mib_is_replayed() -> Result {
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

/// walr 0.1.6 never syncs, and may even lose the folder.
#[test]
fn a_power_cut_loses_nothing_acknowledged() -> Result {
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

/// walr 0.1.6 applies the whole log twice if it ends between the rename of a checkpoint and the truncation of the log.
#[test]
fn an_end_of_the_process_during_a_checkpoint_applies_no_record_twice() -> Result {
    run(async {
        let sim = Sim::new();
        let mut wal = open_sim(&sim).await?;
        let entries = numbered(9);
        for change in append_all(&entries) {
            wal.log(&change).await?;
        }
        let take = |sim: &Sim, seed| vec![sim.restart(), sim.crash(seed)];
        let (checkpoint, images) = images_during(&sim, take, wal.checkpoint(&entries)).await;
        checkpoint?;
        let renamed = |image: &&Sim| sim_files_with(image, ".ckpt").contains(&"0000000000000009.ckpt".to_string());
        assert!(images.iter().filter(renamed).count() > 0, "no image is from after the rename");
        for image in &images {
            assert_eq!(replayed(image).await?, entries);
        }
        Ok(())
    })
}

#[test]
fn a_checkpoint_beside_the_whole_log_applies_no_record_twice() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let mut wal = open(folder.path()).await?;
        let entries = numbered(9);
        for change in append_all(&entries) {
            wal.log(&change).await?;
        }
        wal.checkpoint(&entries).await?;
        let killed = copy_of(folder.path())?;
        assert_eq!(replayed_at(killed.path()).await?, entries);
        Ok(())
    })
}
