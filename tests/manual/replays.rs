//! A replay hands the log to the handler in batches, begins at the newest checkpoint, and gives the same state each time.

use std::sync::Arc;

use tokio::sync::Mutex;

use crate::common::{PanickingWaker, Result, block_on, files_with, run, sim_files_with};
use crate::journal::{Change, Journal, append, append_all, handler, numbered, open, open_sim, open_sim_with, replayed};
use walr::options::WALOptionsBuilder;
use walr::testing::Sim;
use walr::{ReplayHandlerResult, WAL};

#[test]
fn batches_have_the_size_of_the_options_and_come_in_order() -> Result {
    run(async {
        for (chunk, batch) in [(1, 7), (64, 7), (1 << 16, 7), (1 << 16, 1), (100, 1000), (1 << 20, 5000)] {
            let sim = Sim::new();
            let entries = numbered(1000);
            let mut wal = open_sim(&sim).await?;
            for part in entries.chunks(13) {
                wal.log_many(&append_all(part)).await?;
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
            let (last, full) = sizes.split_last().ok_or("there was no batch")?;
            assert!(full.iter().all(|&size| size == batch), "{sizes:?}");
            assert_eq!(*last, 1000 - batch * full.len());
        }
        Ok(())
    })
}

#[test]
fn a_replay_ends_with_a_checkpoint_and_the_next_one_begins_there() -> Result {
    run(async {
        let sim = Sim::new();
        let mut wal = open_sim(&sim).await?;
        wal.log_many(&[append("one"), Change::Clear, append("two")]).await?;
        assert_eq!(wal.replay().await?, ["two"]);
        assert_eq!(wal.size, 0);
        let before = sim.fingerprint();
        assert_eq!(wal.replay().await?, ["two"]);
        assert_eq!(sim.fingerprint(), before, "the second replay wrote a file");
        drop(wal);
        let wal = open_sim(&sim.crash(2)).await?;
        assert_eq!((wal.recovery().checkpoint.get(), wal.recovery().records), (3, 0));
        Ok(())
    })
}

/// A program may change its state without a log, as an import does.
#[test]
fn a_checkpoint_replaces_an_older_one_of_the_same_lsn() -> Result {
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
        assert_eq!(sim_files_with(&sim, ".ckpt").len(), 2);
        Ok(())
    })
}

#[test]
fn an_older_checkpoint_and_the_log_replace_a_corrupt_newest_one() -> Result {
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

#[test]
fn checkpoints_remove_the_log_below_the_second_newest() -> Result {
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

#[test]
fn every_call_works_without_a_runtime() -> Result {
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
fn the_waker_of_a_replay_may_panic() -> Result {
    run(async {
        let sim = Sim::new();
        let small = || WALOptionsBuilder::new().iter_chunk_size(100).build();
        let waker = Arc::new(PanickingWaker::default());
        let mut wal = waker.wait_for(open_sim_with(&sim, small()))?;
        let entries = numbered(500);
        wal.log_many(&append_all(&entries)).await?;
        for _ in 0..5 {
            assert_eq!(waker.wait_for(wal.replay())?, entries);
            wal.log(&append("undone")).await?;
            wal.undo().await?;
        }
        assert!(waker.was_woken());
        Ok(())
    })
}
