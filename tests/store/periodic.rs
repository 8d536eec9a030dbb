//! `Periodic` syncs in time while the store is idle and while a long read holds up the writer.

use std::time::Duration;

use walr::testing::{Kind, Sim};
use walr::{Durability, Error};

use crate::common::{DURABILITIES, Result, Words, block_on, eventually, fail_from_call, options, run};

#[test]
fn an_idle_store_is_synced_each_time_before_its_period_ends() -> Result {
    run(async {
        let options = options().durability(DURABILITIES[2]).idle_mark(Duration::from_millis(20));
        let words = options.open_on(Sim::new(), Words::default).await?;
        for count in 1..=3 {
            words.push("word").await?;
            eventually(|| words.stats().durable.get() == count);
        }
        Ok(())
    })
}

#[test]
fn a_long_read_does_not_delay_the_sync_of_acknowledged_records() -> Result {
    run(async {
        let sim = Sim::new();
        let options = options().durability(Durability::Periodic(Duration::from_millis(20)));
        let words = options.open_on(sim.clone(), Words::default).await?;
        words.push("first").await?;
        let writer = words.clone();
        let late = words.read(|_| {
            let late = std::thread::spawn(move || block_on(writer.push("late")));
            // The late call waits for this read. The sync of the first word doesn't.
            eventually(|| words.stats().durable.get() >= 1);
            late
        });
        assert_eq!(late.join().map_err(|_| "the late call panicked")??, 2);
        Ok(())
    })
}

#[test]
fn a_call_that_waits_for_a_long_read_gets_the_error_of_a_failed_sync() -> Result {
    run(async {
        let sim = Sim::new();
        let options = options().durability(Durability::Periodic(Duration::from_millis(20)));
        let words = options.open_on(sim.clone(), Words::default).await?;
        words.push("first").await?;
        fail_from_call(&sim, 1, Kind::Io);
        let writer = words.clone();
        let late = words.read(|_| {
            let late = std::thread::spawn(move || block_on(writer.push("late")));
            // The late call waits for this read. The sync of the first word doesn't, and fails.
            eventually(|| sim.hits() > 0);
            late
        });
        let late = late.join();
        assert!(matches!(late, Ok(Err(Error::Commit { .. } | Error::Failed { .. }))), "{late:?}");
        assert_eq!(words.words(), ["first"], "a read shows the call that failed");
        assert!(matches!(words.push("later").await, Err(Error::Failed { .. })));
        Ok(())
    })
}
