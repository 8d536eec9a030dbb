//! How often a call allocates once a store has run for a while, and what a store keeps after a burst of calls: on all threads together,
//! its writer included. One test at a time, because the allocator is the whole process's.

mod common;

use std::alloc::System;
use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Barrier, Mutex, PoisonError};
use std::time::Duration;

use common::{Gate, Result, Watchdog, block_on, poll_once};
use serde::{Deserialize, Serialize};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use walr::testing::Sim;
use walr::{CheckpointPolicy, Durability, Durable, WalState};

#[global_allocator]
static COUNTED: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const CALLS: usize = 1000;
/// Calls before those that are counted: buffers grow, and threads come up.
const FIRST: usize = 100;
/// What they may cost beyond their own: a segment or two that is made ahead, with its thread, and calls that find the committer at
/// work and go through the queue.
const SPARE: usize = 250;

#[derive(Default, Serialize, Deserialize, WalState)]
struct Sums {
    sum: u64,
    entries: HashMap<String, String>,
}

/// A faithful argument's double, which has to be decoded.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Text(String);

#[walr::mutations]
impl Sums {
    #[mutation]
    fn add(&mut self, by: u64) -> u64 {
        self.sum += by;
        self.sum
    }

    #[mutation]
    fn put(&mut self, key: String, value: String) -> Option<String> {
        self.entries.insert(key, value)
    }

    #[mutation]
    fn put_checked(&mut self, key: Text, value: Text) -> Option<String> {
        self.entries.insert(key.0, value.0)
    }
}

/// The arguments of one caller's calls, made before they are counted.
fn pairs(calls: usize) -> Vec<(String, String)> {
    (0..calls).map(|call| (format!("key {}", call % 10), format!("{call:0100}"))).collect()
}

/// What [`CALLS`] calls allocate, after a few that aren't counted. `make` is given how many to make.
fn counted(name: &str, mut make: impl FnMut(usize)) -> usize {
    make(FIRST);
    let region = Region::new(COUNTED);
    make(CALLS);
    let change = region.change();
    let count = change.allocations + change.reallocations;
    println!("{name:<45} {:>6.3} allocations a call", count as f64 / CALLS as f64);
    count
}

/// Makes calls one after the other.
fn each(calls: impl Future<Output = walr::Result<()>>) {
    block_on(calls).expect("each is recorded");
}

fn one_by_one(sums: &Durable<Sums>, name: &str) -> [usize; 3] {
    let mut given = pairs(FIRST + CALLS);
    let mut checked: Vec<_> = pairs(FIRST + CALLS).into_iter().map(|(key, value)| (Text(key), Text(value))).collect();
    let add = counted(&format!("{name}: add(u64)"), |calls| {
        each(async {
            for by in 0..calls as u64 {
                sums.add(by).await?;
            }
            Ok(())
        });
    });
    let put = counted(&format!("{name}: put(String, String)"), |calls| {
        each(async {
            for (key, value) in given.drain(..calls) {
                sums.put(key, value).await?;
            }
            Ok(())
        });
    });
    let put_checked = counted(&format!("{name}: put_checked(Text, Text)"), |calls| {
        each(async {
            for (key, value) in checked.drain(..calls) {
                sums.put_checked(key, value).await?;
            }
            Ok(())
        });
    });
    [add, put, put_checked]
}

/// Four threads at once, so that groups have several calls.
fn in_groups(sums: &Durable<Sums>, name: &str) -> usize {
    const CALLERS: usize = 4;
    let (begin, end) = (Barrier::new(CALLERS + 1), Barrier::new(CALLERS + 1));
    std::thread::scope(|scope| {
        for _ in 0..CALLERS {
            scope.spawn(|| {
                for pairs in [pairs(FIRST / CALLERS), pairs(CALLS / CALLERS)] {
                    begin.wait();
                    each(async {
                        for (key, value) in pairs {
                            sums.put(key, value).await?;
                        }
                        Ok(())
                    });
                    end.wait();
                }
            });
        }
        counted(&format!("{name}: put, four callers"), |_| {
            begin.wait();
            end.wait();
        })
    })
}

/// Calls of a burst, and what may be left of it: buffers of frames, and the simulated disk.
const BURST: u64 = 200_000;
const LEFT: isize = 8 << 20;

/// One test at a time.
static ALONE: Mutex<()> = Mutex::new(());

#[test]
fn a_burst_of_calls_leaves_no_memory_of_its_size() -> Result {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let _watchdog = Watchdog::new();
    let sim = Sim::new();
    let options = Durable::<Sums>::options().checkpoint(CheckpointPolicy::Manual).idle_mark(Duration::MAX);
    let sums = block_on(options.open_on(sim.clone(), Sums::default))?;
    let in_turn = |calls: Vec<Pin<Box<_>>>| {
        each(async {
            for call in calls {
                let _: u64 = call.await?;
            }
            Ok(())
        });
    };
    let call = |by| Box::pin(sums.add(by));
    in_turn((0..4).map(call).collect());
    let region = Region::new(COUNTED);
    let gate = Gate::closed_on(&sim);
    let mut calls: Vec<_> = (0..BURST).map(call).collect();
    // While the writer waits before the disk with the first of them, the others become one group.
    for call in &mut calls {
        assert!(poll_once(call.as_mut()).is_pending());
    }
    gate.open();
    in_turn(calls);
    // The writer and the queue exchange their buffers with each group.
    in_turn((0..4).map(call).collect());
    let change = region.change();
    let left = change.bytes_allocated.cast_signed() - change.bytes_deallocated.cast_signed();
    println!("a burst of {BURST} calls leaves {left} bytes");
    assert!(left < LEFT, "a burst of {BURST} calls leaves {left} bytes");
    Ok(block_on(sums.close())?)
}

#[test]
fn a_call_allocates_no_more_than_its_answers_channel() -> Result {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let _watchdog = Watchdog::new();
    let hour = Duration::from_secs(3600);
    for durability in [Durability::Sync, Durability::Os, Durability::Periodic(hour)] {
        let folder = tempfile::tempdir()?;
        let options = Durable::<Sums>::options().durability(durability).checkpoint(CheckpointPolicy::Manual);
        let sums = block_on(options.open(folder.path()))?;
        let name = format!("{durability:?}");
        let [add, put, put_checked] = one_by_one(&sums, &name);
        let grouped = in_groups(&sums, &name);
        let most = if durability == Durability::Sync { CALLS } else { 0 };
        assert!(add <= most + SPARE, "{name}: {add} allocations for {CALLS} calls of `add`");
        assert!(put <= most + SPARE, "{name}: {put} allocations for {CALLS} calls of `put`");
        // Callers that find the committer busy for long enough hand over to the writer.
        assert!(grouped <= CALLS + SPARE, "{name}: {grouped} allocations for {CALLS} calls of four callers");
        // That the counting counts: two texts are decoded.
        assert!(
            put_checked >= most + 2 * CALLS,
            "{name}: {put_checked} allocations for {CALLS} calls of `put_checked`"
        );
        block_on(sums.close())?;
    }
    Ok(())
}
