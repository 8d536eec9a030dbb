//! Programs that run for a moment, again and again, and never close: their folder stays small, and what they did is there.

use walr::testing::Sim;
use walr::{CheckpointPolicy, Durable};

use crate::common::{Result, Words, files_with, open, open_sim, options, run, words_in};

#[test]
fn many_runs_that_end_in_a_drop_leave_few_files() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        for count in 1..=200 {
            let words = open(folder.path()).await?;
            assert_eq!(words.push("word").await?, count);
        }
        let segments = files_with(folder.path(), ".wal")?.len();
        assert!(segments < 140, "{segments} segments after 200 runs");
        assert_eq!(open(folder.path()).await?.count(), 200);
        Ok(())
    })
}

#[test]
fn many_killed_runs_leave_few_files() -> Result {
    run(async {
        let mut sim = Sim::new();
        for count in 1..=150 {
            let words = Durable::<Words>::options().open_on(sim.clone(), Words::default).await?;
            assert_eq!(words.push("word").await?, count);
            sim = sim.restart();
        }
        let log: Vec<_> = sim.files().into_iter().filter(|file| file.name.ends_with(".wal")).collect();
        assert!(log.len() < 140, "{} segments after 150 runs", log.len());
        let bytes: u64 = log.iter().map(|file| file.len).sum();
        assert!(bytes < 140 * 16 * 1024, "{bytes} bytes of segments: their reserve isn't given back");
        assert_eq!(words_in(&sim).await?.len(), 150);
        Ok(())
    })
}

#[test]
fn a_store_that_asks_for_no_checkpoints_gets_none() -> Result {
    run(async {
        let sim = Sim::new();
        for _ in 0..100 {
            let words = open_sim(&sim).await?;
            words.push("word").await?;
        }
        let words = options().checkpoint(CheckpointPolicy::Manual).open_on(sim, Words::default).await?;
        assert_eq!(words.store().recovery().records, 100);
        Ok(())
    })
}
