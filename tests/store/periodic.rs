//! `Periodic` keeps its word when something else holds the store up: idleness, and reads that take long.

use std::time::Duration;

use walr::testing::{Fault, Kind, Sim};
use walr::{Durability, Error};

use crate::common::{Result, Words, eventually, options, run};

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
