//! Programs that run many times, for a moment each, without a close: their folder stays small, and nothing is lost.

use walr::Durable;
use walr::testing::Sim;

use crate::common::{Result, Words, files_with, open, open_sim, run, words_in};

#[test]
fn runs_that_end_with_a_drop_leave_few_files() -> Result {
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
fn killed_runs_leave_few_files() -> Result {
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
        assert!(bytes < 140 * 16 * 1024, "{bytes} bytes of segments: their reserved space isn't released");
        assert_eq!(words_in(&sim).await?.len(), 150);
        Ok(())
    })
}

#[test]
fn runs_under_the_manual_policy_write_no_checkpoint() -> Result {
    run(async {
        let sim = Sim::new();
        for _ in 0..100 {
            open_sim(&sim).await?.push("word").await?;
        }
        assert_eq!(open_sim(&sim).await?.store().recovery().records, 100);
        Ok(())
    })
}
