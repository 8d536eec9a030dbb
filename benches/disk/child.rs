//! A measurement in a process of its own.

use std::process::Command;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use walr::Durable;

use crate::{Bench, Cache, Work};

/// Tells a child what to do.
const WORK: &str = "WALR_BENCH_WORK";

pub(crate) type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// What a workload did: how many operations, in what time, in how many groups and syncs.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Figures {
    pub(crate) operations: u64,
    pub(crate) took: Duration,
    pub(crate) groups: u64,
    pub(crate) syncs: u64,
    /// The most memory that the process held, in MB, where the system says so.
    pub(crate) memory: Option<f64>,
    /// Lines to print as they are.
    pub(crate) notes: Vec<String>,
}

impl Figures {
    pub(crate) fn new(operations: u64, took: Duration) -> Self {
        Figures { operations, took, ..Figures::default() }
    }

    /// What was done since `began`, when the store's figures were these.
    pub(crate) fn since(began: Instant, before: &walr::Stats, state: &Durable<Cache>) -> Self {
        let (took, after) = (began.elapsed(), state.stats());
        let (groups, syncs) = (after.groups - before.groups, after.syncs - before.syncs);
        Figures { groups, syncs, ..Figures::new(after.records - before.records, took) }
    }

    pub(crate) fn per_second(&self) -> f64 {
        self.operations as f64 / self.took.as_secs_f64()
    }
}

/// Does it in a process of its own.
pub(crate) fn measure(work: &Work) -> Outcome<Figures> {
    let output = Command::new(std::env::current_exe()?).env(WORK, serde_json::to_string(work)?).output()?;
    if !output.status.success() {
        return Err(format!("a workload failed: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// What this process was started for, if it is a child.
pub(crate) fn wanted() -> Outcome<Option<Work>> {
    std::env::var(WORK).ok().map(|work| Ok(serde_json::from_str(&work)?)).transpose()
}

/// Does it in this process, and prints the figures.
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
    figures.memory = most_memory();
    println!("{}", serde_json::to_string(&figures)?);
    Ok(())
}

fn most_memory() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim_end_matches("kB").trim().parse::<f64>().ok()? / 1024.0)
}
