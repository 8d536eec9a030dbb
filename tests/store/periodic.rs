//! `Periodic` syncs in time while the store is idle, and while a long read or a long mutation goes on.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use walr::testing::{Kind, Sim};
use walr::{Durability, Durable, Error, WalState};

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

#[derive(Default, Serialize, Deserialize, WalState)]
struct Slow {
    calls: u64,
}

/// `true` while a call of `hold` may not return.
static HOLDS: AtomicBool = AtomicBool::new(false);
static IS_HELD: AtomicBool = AtomicBool::new(false);

#[walr::mutations]
impl Slow {
    #[mutation]
    fn call(&mut self) {
        self.calls += 1;
    }

    #[mutation(allow_nondeterminism)]
    fn hold(&mut self) {
        if !walr::is_replaying() {
            IS_HELD.store(true, Ordering::SeqCst);
            while HOLDS.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }
}

/// The mutation runs on the caller's thread, or on a thread of the store. The process is killed while it runs.
#[test]
fn a_long_mutation_does_not_delay_the_sync_of_acknowledged_records() -> Result {
    run(async {
        for is_queued in [false, true] {
            let sim = Sim::new();
            let options = || Durable::<Slow>::options().durability(Durability::Periodic(Duration::from_millis(20)));
            let slow = options().open_on(sim.clone(), Slow::default).await?;
            HOLDS.store(true, Ordering::SeqCst);
            IS_HELD.store(false, Ordering::SeqCst);
            let holder = slow.clone();
            slow.call().await?;
            let held = std::thread::spawn(move || match is_queued {
                true => block_on(holder.apply_batch([SlowLog::Hold {}])).map(drop),
                false => block_on(holder.hold()),
            });
            eventually(|| IS_HELD.load(Ordering::SeqCst));
            eventually(|| slow.stats().durable.get() >= 1);
            for image in [sim.restart(), sim.crash(1)] {
                let killed = options().open_on(image, Slow::default).await?;
                assert_eq!(killed.read(|slow| slow.calls), 1, "queued: {is_queued}");
            }
            HOLDS.store(false, Ordering::SeqCst);
            held.join().map_err(|_| "the long call panicked")??;
        }
        Ok(())
    })
}
