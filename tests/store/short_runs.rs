//! Programs that run for a moment, again and again, and never close: their folder stays small, and what they did is there.

use std::time::Duration;

use walr::fs::Sim;
use walr::fs::sim::{Fault, Kind};
use walr::{CheckpointPolicy, Durability, Durable, Error};

use crate::common::{Result, Words, eventually, files_with, open, open_sim, options, run, words_in};

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

#[test]
fn idleness_is_marked_each_time_under_a_long_period() -> Result {
    run(async {
        let durability = Durability::Periodic(Duration::from_secs(24 * 3600));
        let options = options().durability(durability).idle_mark(Duration::from_millis(20));
        let words = options.open_on(Sim::new(), Words::default).await?;
        for count in 1..=3 {
            words.push("word").await?;
            eventually(|| words.stats().durable.get() == count);
        }
        Ok(())
    })
}

#[test]
fn a_long_read_doesn_t_keep_acknowledged_records_in_the_process() -> Result {
    run(async {
        let sim = Sim::new();
        let options = options().durability(Durability::Periodic(Duration::from_millis(20)));
        let words = options.open_on(sim.clone(), Words::default).await?;
        words.push("first").await?;
        let writer = words.clone();
        let late = words.read(|_| {
            let late = std::thread::spawn(move || crate::common::block_on(writer.push("late")));
            // It waits for this read; what was acknowledged before it doesn't.
            eventually(|| words.stats().durable.get() >= 1);
            late
        });
        assert_eq!(late.join().map_err(|_| "the late call panicked")??, 2);
        Ok(())
    })
}

#[test]
fn a_call_that_waits_for_a_long_read_hears_of_a_failed_sync_meanwhile() -> Result {
    run(async {
        let sim = Sim::new();
        let options = options().durability(Durability::Periodic(Duration::from_secs(24 * 3600)));
        let words = options.open_on(sim.clone(), Words::default).await?;
        words.push("first").await?;
        sim.fail(Some(Fault { at: sim.calls() + 1, kind: Kind::Io, forever: true }));
        let writer = words.clone();
        let told = words.read(|_| std::thread::spawn(move || crate::common::block_on(writer.push("late"))).join());
        assert!(matches!(told, Ok(Err(Error::Commit { .. }))), "{told:?}");
        assert_eq!(words.words(), ["first"], "what failed isn't shown");
        assert!(matches!(words.push("later").await, Err(Error::Failed { .. })));
        Ok(())
    })
}
