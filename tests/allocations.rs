//! The allocations of a call in a store that has run for a while, and the memory that a burst of calls leaves, on all threads
//! together. One test runs at a time, because the allocator counts for the whole process.

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
/// The number of calls before those that are counted: buffers grow, and threads start.
const FIRST: usize = 100;
/// The allocations that the counted calls may need beyond their own: one or two segments that are created ahead, with their
/// threads, and calls that find the committer busy and go through the queue.
const SPARE: usize = 250;

#[derive(Default, Serialize, Deserialize, WalState)]
struct Sums {
    sum: u64,
    entries: HashMap<String, String>,
}

/// A string whose re-encode check decodes it.
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

/// Returns the arguments of one caller's calls, which are made before the count.
fn pairs(calls: usize) -> Vec<(String, String)> {
    (0..calls).map(|call| (format!("key {}", call % 10), format!("{call:0100}"))).collect()
}

/// Returns the allocations of [`CALLS`] calls, after [`FIRST`] calls that aren't counted. `make` makes the given number of calls.
fn counted(name: &str, mut make: impl FnMut(usize)) -> usize {
    make(FIRST);
    let region = Region::new(COUNTED);
    make(CALLS);
    let change = region.change();
    let count = change.allocations + change.reallocations;
    println!("{name:<45} {:>6.3} allocations a call", count as f64 / CALLS as f64);
    count
}

/// Runs calls, all of which must succeed.
fn each(calls: impl Future<Output = walr::Result<()>>) {
    block_on(calls).expect("each call is recorded");
}

/// Returns the allocations of three kinds of calls, made one after the other.
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

/// Returns the allocations of calls from four threads at once, so that groups have several calls.
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

/// The number of calls of a burst.
const BURST: u64 = 200_000;
/// The number of bytes that a burst may leave, in buffers of frames and on the simulated disk.
const LEFT: isize = 8 << 20;

/// Lets one test run at a time.
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
    // The writer is stopped at the gate with the first call, and the others form one group.
    for call in &mut calls {
        assert!(poll_once(call.as_mut()).is_pending());
    }
    gate.open();
    in_turn(calls);
    // With each group the log thread and the queue swap their buffers.
    in_turn((0..4).map(call).collect());
    let change = region.change();
    let left = change.bytes_allocated.cast_signed() - change.bytes_deallocated.cast_signed();
    println!("a burst of {BURST} calls leaves {left} bytes");
    assert!(left < LEFT, "a burst of {BURST} calls leaves {left} bytes");
    Ok(block_on(sums.close())?)
}

#[test]
fn a_call_allocates_at_most_its_answers_channel() -> Result {
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
        // A caller that waits too long for its turn leaves its call to the log thread.
        assert!(grouped <= CALLS + SPARE, "{name}: {grouped} allocations for {CALLS} calls of four callers");
        // Proves that allocations are counted: the check decodes two texts.
        assert!(
            put_checked >= most + 2 * CALLS,
            "{name}: {put_checked} allocations for {CALLS} calls of `put_checked`"
        );
        block_on(sums.close())?;
    }
    Ok(())
}
