//! Workloads on a real disk, each next to its bound. The bound `raw` is the disk without walr: a write and an `fdatasync` of each
//! group into a file of written zeros. The bound `map` is a map without a log. A disk's speed drifts within minutes, so the bound
//! runs before and after each workload, and the ratio to their mean counts. Each run has a process of its own, so that none finds
//! the memory of another.
//!
//! ```sh
//! cargo bench --bench disk                            # all workloads, about three minutes
//! cargo bench --bench disk -- one crowd64 batches     # some workloads
//! WALR_BENCH_DIR=/mnt/disk WALR_BENCH_SECS=5 cargo bench --bench disk
//! WALR_BENCH_NO_RAW=1 strace -f -c -e trace=fdatasync,fsync,pwrite64 target/release/deps/disk-… one   # the calls of walr
//! ```
//!
//! Keys have 16 bytes and values 100 bytes, except for `large`, whose values have a MiB.

mod bounds;
mod child;
mod inserts;
mod opens;
mod stall;

use std::collections::HashMap;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use walr::WalState;

use crate::child::{Figures, Outcome};

/// The state of all workloads: a map.
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
}

const KEYS: u64 = 1_000_000;
const BATCH: u64 = 1000;
const MIB: usize = 1 << 20;

fn key(at: u64) -> String {
    format!("{:016}", at.wrapping_mul(7919) % KEYS)
}

/// The durability of inserts.
#[derive(Clone, Copy, Serialize, Deserialize)]
enum Mode {
    Sync,
    Os,
    Periodic,
}

/// The workload of a process.
#[derive(Serialize, Deserialize)]
enum Work {
    /// Writes and syncs groups of this size without walr.
    Raw { bytes: usize, records: u64 },
    /// Inserts into a map without a log.
    Map { tasks: u64 },
    /// Inserts values of this many bytes into a store.
    Inserts { mode: Mode, tasks: u64, value: usize },
    /// Inserts batches.
    Batches,
    /// Inserts with one task beside this many readers.
    Readers { count: u64 },
    /// Creates a store of a million inserts, and a file of their encodings.
    Fill { checkpoint: bool },
    /// Opens that store.
    Open,
    /// Decodes the file on one thread, and puts the entries into a map.
    Decode,
    /// Inserts during a checkpoint.
    Stall,
}

/// The folder of all runs, and the time of each.
struct Bench {
    folder: PathBuf,
    secs: Duration,
}

impl Bench {
    fn new() -> Self {
        let folder = std::env::var_os("WALR_BENCH_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
        let secs = std::env::var("WALR_BENCH_SECS").ok().and_then(|secs| secs.parse().ok()).unwrap_or(2.0);
        Bench { folder, secs: Duration::from_secs_f64(secs) }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(format!("walr-bench-{name}"))
    }

    /// Returns a path without a file, and removes what an interrupted run has left there.
    fn fresh(&self, name: &str) -> std::io::Result<PathBuf> {
        let path = self.path(name);
        match std::fs::remove_dir_all(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(path),
        }
    }
}

/// Measures a workload between two runs of its bound, and prints a line of the table.
fn line(name: &str, work: &Work, bound: &Work) -> Outcome<()> {
    let skips = matches!(bound, Work::Raw { .. }) && std::env::var_os("WALR_BENCH_NO_RAW").is_some();
    let measure = || if skips { Ok(Figures::default()) } else { child::measure(bound) };
    let before = measure()?;
    let done = child::measure(work)?;
    let after = measure()?;
    let ratio = done.per_second() / f64::midpoint(before.per_second(), after.per_second());
    let per = |count: u64| match count {
        0 => "–".to_string(),
        _ => format!("{:.1}", done.operations as f64 / count as f64),
    };
    println!("| {name} | {:.0} | {ratio:.2} | {} | {} |", done.per_second(), per(done.groups), per(done.syncs));
    if let (Work::Open, Some(held), Some(alone)) = (work, done.memory, after.memory) {
        println!("| (peak memory: {held:.0} MB, {alone:.0} MB for the map alone) | | {:.2} | | |", held / alone);
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Outcome<()> {
    if let Some(work) = child::own_work()? {
        return child::run(work, &Bench::new()).await;
    }
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let wants = |name: &str| wanted.is_empty() || wanted.iter().any(|wanted| wanted == name);
    println!(
        "| workload | operations a second | of the bound | records a group | records a sync |\n|---|---|---|---|---|"
    );
    let raw = |bytes, records| Work::Raw { bytes, records };
    let inserts = |mode, tasks, value| Work::Inserts { mode, tasks, value };
    for (name, tasks) in [("one", 1), ("crowd16", 16), ("crowd64", 64), ("crowd256", 256)] {
        if wants(name) {
            line(name, &inserts(Mode::Sync, tasks, 100), &raw(128 * tasks as usize, tasks))?;
        }
    }
    if wants("batches") {
        line("batches of 1000", &Work::Batches, &raw(128 * BATCH as usize, BATCH))?;
    }
    if wants("large") {
        line("values of 1 MiB", &inserts(Mode::Sync, 1, MIB), &raw(MIB, 1))?;
    }
    let modes =
        [("periodic", Mode::Periodic, 1), ("periodic8", Mode::Periodic, 8), ("os", Mode::Os, 1), ("os8", Mode::Os, 8)];
    for (name, mode, tasks) in modes {
        if wants(name) {
            line(name, &inserts(mode, tasks, 100), &Work::Map { tasks })?;
        }
    }
    if wants("readers") {
        line("one task beside 8 readers", &Work::Readers { count: 8 }, &Work::Readers { count: 0 })?;
    }
    for (name, what, checkpoint) in
        [("replay", "a replay of 1 M records", false), ("load", "a checkpoint of 1 M entries", true)]
    {
        if wants(name) {
            child::measure(&Work::Fill { checkpoint })?;
            line(&format!("open: {what}"), &Work::Open, &Work::Decode)?;
            Bench::new().remove_filled()?;
        }
    }
    if wants("stall") {
        child::measure(&Work::Stall)?.notes.iter().for_each(|note| println!("{note}"));
    }
    Ok(())
}
