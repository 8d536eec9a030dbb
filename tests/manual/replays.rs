//! Replays: in batches, from the newest checkpoint on, and the same each time.

use std::sync::Arc;

use tokio::sync::Mutex;

use crate::common::{PanickingWaker, Result, block_on, files_with, run};
use crate::journal::{Change, Journal, append, handler, open, open_sim, open_sim_with, replayed};
use walr::options::WALOptionsBuilder;
use walr::testing::Sim;
use walr::{ReplayHandlerResult, WAL};

#[test]
fn batches_are_as_large_as_asked_for_and_in_order() -> Result {
    run(async {
        for (chunk, batch) in [(1, 7), (64, 7), (1 << 16, 7), (1 << 16, 1), (100, 1000), (1 << 20, 5000)] {
            let sim = Sim::new();
            let entries: Vec<_> = (0..1000).map(|number| format!("entry {number}")).collect();
            let mut wal = open_sim(&sim).await?;
            for part in entries.chunks(13) {
                wal.log_many(&part.iter().map(append).collect::<Vec<_>>()).await?;
            }
            drop(wal);
            let sizes: Arc<std::sync::Mutex<Vec<usize>>> = Arc::default();
            let seen = sizes.clone();
            let counting = move |logs: Vec<Change>, journal: Arc<Mutex<Journal>>| -> ReplayHandlerResult {
                if let Ok(mut seen) = seen.lock() {
                    seen.push(logs.len());
                }
                handler(logs, journal)
            };
            let options = WALOptionsBuilder::new().iter_chunk_size(chunk).iter_batch_size(batch).build();
            let mut wal: WAL<Change, Journal> = WAL::open_on(sim, Box::new(counting), Some(options)).await?;
            assert_eq!(wal.replay().await?, entries);
            let sizes = sizes.lock().map_err(|_| "a handler panicked")?;
            let (last, full) = sizes.split_last().ok_or("there were batches")?;
            assert!(full.iter().all(|&size| size == batch), "{sizes:?}");
            assert_eq!(*last, 1000 - batch * full.len());
        }
        Ok(())
    })
}

#[test]
fn a_replay_is_a_checkpoint_and_the_next_one_has_nothing_to_hand_over() -> Result {
    run(async {
        let sim = Sim::new();
        let mut wal = open_sim(&sim).await?;
        wal.log_many(&[append("one"), Change::Clear, append("two")]).await?;
        assert_eq!(wal.replay().await?, ["two"]);
        assert_eq!(wal.size, 0);
        let before = sim.fingerprint();
        assert_eq!(wal.replay().await?, ["two"]);
        assert_eq!(sim.fingerprint(), before, "nothing is written again");
        drop(wal);
        let wal = open_sim(&sim.crash(2)).await?;
        assert_eq!((wal.recovery().checkpoint.get(), wal.recovery().records), (3, 0));
        Ok(())
    })
}

/// A state that was changed without a log, as an import is, is kept as well: also before the first log.
#[test]
fn a_checkpoint_of_the_same_lsn_replaces_the_one_before() -> Result {
    run(async {
        let sim = Sim::new();
        let mut wal = open_sim(&sim).await?;
        let mut journal = Journal::new();
        for number in 0..4 {
            journal.push(format!("imported {number}"));
            wal.checkpoint(&journal).await?;
            assert_eq!(replayed(&sim.crash(number)).await?, journal);
            wal.undo().await?;
        }
        wal.log(&append("logged")).await?;
        journal.push("logged".into());
        for number in 4..8 {
            journal.push(format!("imported {number}"));
            wal.checkpoint(&journal).await?;
            assert_eq!(replayed(&sim.crash(number)).await?, journal);
        }
        assert_eq!(wal.replay().await?, journal);
        assert_eq!(sim.files().iter().filter(|file| file.name.ends_with(".ckpt")).count(), 2);
        Ok(())
    })
}

#[test]
fn an_older_checkpoint_and_the_log_stand_in_for_a_damaged_one() -> Result {
    run(async {
        let sim = Sim::new();
        let mut wal = open_sim(&sim).await?;
        wal.log(&append("one")).await?;
        assert_eq!(wal.replay().await?, ["one"]);
        wal.log(&append("undone")).await?;
        wal.undo().await?;
        wal.log(&append("two")).await?;
        assert_eq!(wal.replay().await?, ["one", "two"]);
        wal.log(&append("three")).await?;
        drop(wal);
        assert!(sim.flip("0000000000000003.ckpt", 8 * 30));
        let mut wal = open_sim(&sim).await?;
        assert_eq!(wal.recovery().bypassed.len(), 1);
        assert_eq!(wal.replay().await?, ["one", "two", "three"]);
        Ok(())
    })
}

/// Checkpoints let go what is below the second newest.
#[test]
fn the_log_does_not_grow_for_ever() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let mut wal = open(folder.path()).await?;
        let mut journal = Journal::new();
        for round in 0..10 {
            for number in 0..60 {
                journal = vec![format!("{round}, {number:0>4000}")];
                wal.log_many(&[Change::Clear, append(&journal[0])]).await?;
            }
            wal.checkpoint(&journal).await?;
        }
        assert!(files_with(folder.path(), ".ckpt")?.len() == 2);
        let logs = files_with(folder.path(), ".wal")?;
        let bytes: u64 = logs.iter().filter_map(|path| path.metadata().ok()).map(|data| data.len()).sum();
        assert!(bytes < 8 << 20, "{bytes} bytes of log in {} files", logs.len());
        drop(wal);
        assert_eq!(open(folder.path()).await?.replay().await?, journal);
        Ok(())
    })
}

/// No runtime is needed.
#[test]
fn it_works_on_any_executor() -> Result {
    let sim = Sim::new();
    block_on(async {
        let mut wal = open_sim_with(&sim, Default::default()).await?;
        wal.log(&append("one")).await?;
        wal.log(&append("two")).await?;
        wal.undo().await?;
        wal.checkpoint(&vec!["one".to_string()]).await?;
        wal.log(&append("three")).await?;
        assert_eq!(wal.replay().await?, ["one", "three"]);
        Ok(())
    })
}

#[test]
fn a_waker_that_panics_spoils_none() -> Result {
    run(async {
        let sim = Sim::new();
        let small = || WALOptionsBuilder::new().iter_chunk_size(100).build();
        let waker = Arc::new(PanickingWaker::default());
        let mut wal = waker.wait_for(open_sim_with(&sim, small()))?;
        let entries: Vec<_> = (0..500).map(|number| format!("entry {number}")).collect();
        wal.log_many(&entries.iter().map(append).collect::<Vec<_>>()).await?;
        for _ in 0..5 {
            assert_eq!(waker.wait_for(wal.replay())?, entries);
            wal.log(&append("undone")).await?;
            wal.undo().await?;
        }
        assert!(waker.was_woken());
        Ok(())
    })
}
