//! Measurements in processes of their own.

use std::process::Command;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use walr::Durable;

use crate::{Bench, Cache, Work};

/// The environment variable that gives a child its workload.
const WORK: &str = "WALR_BENCH_WORK";

pub(crate) type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// The figures of a workload.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Figures {
    pub(crate) operations: u64,
    pub(crate) took: Duration,
    pub(crate) groups: u64,
    pub(crate) syncs: u64,
    /// The peak memory of the process in MB, if the system reports it.
    pub(crate) memory: Option<f64>,
    /// Further lines to print.
    pub(crate) notes: Vec<String>,
}

impl Figures {
    pub(crate) fn new(operations: u64, took: Duration) -> Self {
        Figures { operations, took, ..Figures::default() }
    }

    /// Returns what the store has done since `began`, when its figures were `before`.
    pub(crate) fn since(began: Instant, before: &walr::Stats, state: &Durable<Cache>) -> Self {
        let (took, after) = (began.elapsed(), state.stats());
        let (groups, syncs) = (after.groups - before.groups, after.syncs - before.syncs);
        Figures { groups, syncs, ..Figures::new(after.records - before.records, took) }
    }

    pub(crate) fn per_second(&self) -> f64 {
        self.operations as f64 / self.took.as_secs_f64()
    }
}

/// Runs a workload in a process of its own, and returns its figures.
pub(crate) fn measure(work: &Work) -> Outcome<Figures> {
    let output = Command::new(std::env::current_exe()?).env(WORK, serde_json::to_string(work)?).output()?;
    if !output.status.success() {
        return Err(format!("a workload failed: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Returns the workload of this process if it is a child.
pub(crate) fn own_work() -> Outcome<Option<Work>> {
    std::env::var(WORK).ok().map(|work| Ok(serde_json::from_str(&work)?)).transpose()
}

/// Runs a workload in this process, and prints its figures.
pub(crate) async fn run(work: Work, bench: &Bench) -> Outcome<()> {
    let mut figures = match work {
        Work::Raw { bytes, records } => bench.raw(bytes, records)?,
        Work::Map { tasks } => bench.map(tasks).await,
        Work::Inserts { mode, tasks, value } => bench.inserts(mode, tasks, value).await?,
        Work::Batches => bench.batches().await?,
        Work::Readers { count } => bench.readers(count).await?,
        Work::Fill { checkpoint } => bench.fill(checkpoint).await?,
        Work::Open => bench.open().await?,
        Work::Decode => bench.decode()?,
        Work::Stall => bench.stall().await?,
    };
    figures.memory = peak_memory();
    println!("{}", serde_json::to_string(&figures)?);
    Ok(())
}

/// Returns the peak memory of this process in MB.
fn peak_memory() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim_end_matches("kB").trim().parse::<f64>().ok()? / 1024.0)
}
