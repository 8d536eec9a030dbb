//! The instructions and allocations of a call, a batch, a replay and a checkpoint, over fixed inputs.
//!
//! `cargo bench --bench instructions` needs `valgrind` (the Debian package of that name), and takes a minute. Without it the bench says
//! so and ends.
//!
//! Each case runs twice in processes of their own under `callgrind`, with fewer and with more operations, and the difference counts:
//! what the process needs to begin and to end cancels out, and so do the arguments, which both runs make beforehand. All threads count
//! together, the kernel doesn't. The cases that spin for a
//! sync would depend on the clock, so they run on a simulated disk whose syncs are too slow to spin for; the others use a folder.

use std::alloc::System;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use walr::testing::Sim;
use walr::{CheckpointPolicy, Durability, Durable, Options, WalState};

#[global_allocator]
static COUNTED: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

#[derive(Default, Serialize, Deserialize, WalState)]
struct Cache {
    entries: HashMap<String, String>,
}

#[walr::mutations]
impl Cache {
    #[mutation]
    fn insert(&mut self, key: String, value: String) -> Option<String> {
        self.entries.insert(key, value)
    }

    #[query]
    fn len_of(&self, key: &str) -> Option<usize> {
        self.entries.get(key).map(String::len)
    }
}

/// The number of keys: the map doesn't grow while calls are counted.
const KEYS: u64 = 1000;
const BATCH: u64 = 1000;
const TASKS: u64 = 64;
/// The time of a sync of the simulated disk. No caller spins for a sync of more than 0.3 ms, and all tasks call within a longer one.
const SLOW: Duration = Duration::from_millis(20);
const HOUR: Duration = Duration::from_secs(3600);

/// A case: two runs, of which the second does `operations` operations more.
struct Case {
    name: &'static str,
    fewer: Run,
    more: Run,
    operations: u64,
}

/// A run of a process.
#[derive(Clone, Copy)]
struct Run {
    work: Work,
    count: u64,
    /// The number of arguments to make beforehand.
    prepared: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Work {
    SyncByWriter,
    SyncOfTasks,
    SyncOnCaller,
    Os,
    Periodic,
    Batches,
    Query,
    Open,
    Checkpoint,
}

const WORKS: [Work; 9] = [
    Work::SyncByWriter,
    Work::SyncOfTasks,
    Work::SyncOnCaller,
    Work::Os,
    Work::Periodic,
    Work::Batches,
    Work::Query,
    Work::Open,
    Work::Checkpoint,
];

fn cases() -> Vec<Case> {
    let grown = |name, work, fewer, more| {
        let run = |count| Run { work, count, prepared: more };
        Case { name, fewer: run(fewer), more: run(more), operations: more - fewer }
    };
    let entries = 20_000;
    let of_entries = |work| Run { work, count: entries, prepared: 0 };
    vec![
        grown("`Sync`, one task, by the writer, simulated", Work::SyncByWriter, 20, 170),
        grown("`Sync`, 64 tasks, by the writer, simulated", Work::SyncOfTasks, 10 * TASKS, 60 * TASKS),
        grown("`Sync`, one task, `commit_on_caller`", Work::SyncOnCaller, 1000, 11_000),
        grown("`Os`, one task", Work::Os, 1000, 11_000),
        grown("`Periodic`, one task", Work::Periodic, 1000, 11_000),
        grown("`Sync`, batches of 1000: a record", Work::Batches, 5 * BATCH, 25 * BATCH),
        grown("a query", Work::Query, 1000, 11_000),
        grown("an open: a record replayed", Work::Open, 10_000, 30_000),
        Case {
            name: "a checkpoint: an entry",
            fewer: of_entries(Work::Open),
            more: of_entries(Work::Checkpoint),
            operations: entries,
        },
    ]
}

fn options(durability: Durability) -> Options<Cache> {
    Durable::<Cache>::options().durability(durability).checkpoint(CheckpointPolicy::Manual).idle_mark(HOUR)
}

fn argument(at: u64, keys: u64) -> (String, String) {
    (format!("{:016}", at % keys), "v".repeat(100))
}

/// Returns the calls of inserts that use every key in turn.
fn calls(count: u64) -> Vec<CacheLog> {
    let call = |at| {
        let (key, value) = argument(at, KEYS);
        CacheLog::Insert { key, value }
    };
    (0..count).map(call).collect()
}

async fn insert(state: &Durable<Cache>, call: CacheLog) -> walr::Result<()> {
    let CacheLog::Insert { key, value } = call;
    state.insert(key, value).await.map(drop)
}

/// Runs a case in this process.
async fn run(Run { work, count, prepared }: Run, folder: &Path) -> Outcome<()> {
    let durability = match work {
        Work::SyncByWriter | Work::SyncOfTasks | Work::SyncOnCaller | Work::Batches => Durability::Sync,
        Work::Periodic => Durability::Periodic(HOUR),
        Work::Os | Work::Query | Work::Open | Work::Checkpoint => Durability::Os,
    };
    let options = options(durability).commit_on_caller(work == Work::SyncOnCaller);
    let state = match work {
        Work::SyncByWriter | Work::SyncOfTasks => {
            let sim = Sim::new();
            let state = options.open_on(sim.clone(), Cache::default).await?;
            sim.set_slow(Some(SLOW));
            state
        }
        _ => options.open(folder).await?,
    };
    let mut calls = calls(prepared).into_iter();
    if !matches!(work, Work::Open | Work::Checkpoint) {
        // The map has its size before calls are counted.
        state.apply_batch(self::calls(KEYS)).await?;
    }
    match work {
        Work::SyncByWriter | Work::SyncOnCaller | Work::Os | Work::Periodic => {
            for call in calls.by_ref().take(count as usize) {
                insert(&state, call).await?;
            }
        }
        Work::SyncOfTasks => {
            for _ in 0..count / TASKS {
                let tasks = calls.by_ref().take(TASKS as usize).map(|call| {
                    let state = state.clone();
                    tokio::spawn(async move { insert(&state, call).await })
                });
                for task in tasks.collect::<Vec<_>>() {
                    task.await??;
                }
            }
        }
        Work::Batches => {
            for _ in 0..count / BATCH {
                state.apply_batch(calls.by_ref().take(BATCH as usize)).await?;
            }
        }
        Work::Query => {
            for _ in 0..count {
                std::hint::black_box(state.len_of(std::hint::black_box("0000000000000007")));
            }
        }
        Work::Open => {}
        Work::Checkpoint => drop(state.checkpoint().await?),
    }
    let stats = COUNTED.stats();
    println!("{}", stats.allocations + stats.reallocations);
    Ok(())
}

/// Makes a store of so many inserts of as many keys, for an open.
async fn fill(count: u64, folder: &Path) -> Outcome<()> {
    let state = options(Durability::Os).open(folder).await?;
    for at in 0..count {
        let (key, value) = argument(at, count);
        state.insert(key, value).await?;
    }
    Ok(state.close().await?)
}

/// Returns the instructions and allocations of a run, in a process of its own.
async fn measure(Run { work, count, prepared }: Run) -> Outcome<(u64, u64)> {
    let scratch = tempfile::tempdir()?;
    let folder = scratch.path().join("store");
    if matches!(work, Work::Open | Work::Checkpoint) {
        fill(count, &folder).await?;
    }
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(std::env::current_exe()?);
    command.args([format!("{work:?}"), count.to_string(), prepared.to_string()]).arg(&folder);
    let output = command.output().map_err(|error| format!("valgrind doesn't start: {error}"))?;
    let messages = String::from_utf8_lossy(&output.stderr);
    let instructions = messages.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok());
    match instructions {
        Some(instructions) if output.status.success() => {
            Ok((instructions, String::from_utf8_lossy(&output.stdout).trim().parse()?))
        }
        _ => Err(format!("{work:?} failed under valgrind: {messages}").into()),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    if let [work, count, prepared, folder] = &arguments[..] {
        let work = WORKS.into_iter().find(|known| format!("{known:?}") == *work).ok_or("no such work")?;
        let run = Run { work, count: count.parse()?, prepared: prepared.parse()? };
        return self::run(run, &PathBuf::from(folder)).await;
    }
    if let Err(error) = Command::new("valgrind").arg("--version").output() {
        eprintln!("skipped: valgrind doesn't start ({error}); install the Debian package valgrind");
        return Ok(());
    }
    println!("| operation | instructions | allocations |\n|---|---|---|");
    for case in cases() {
        let (fewer, more) = (measure(case.fewer).await?, measure(case.more).await?);
        let each = |more: u64, fewer: u64| (more as f64 - fewer as f64) / case.operations as f64;
        println!("| {} | {:.0} | {:.2} |", case.name, each(more.0, fewer.0), each(more.1, fewer.1));
    }
    Ok(())
}
