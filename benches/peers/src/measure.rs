//! Latencies, memory, and files.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The figures of a cell.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Figures {
    /// The figure of the workload, in its unit.
    pub value: f64,
    pub latencies: Option<Percentiles>,
    /// The peak memory of the process in MB.
    pub memory: f64,
    /// The meaning of "durable" or "buffered", or another note.
    pub note: String,
    /// The reason why there are no figures.
    pub error: Option<String>,
}

impl Figures {
    pub fn failed(error: String) -> Figures {
        Figures { error: Some(error), ..Figures::default() }
    }
}

/// Percentiles in microseconds.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Percentiles {
    pub p50: f64,
    pub p99: f64,
    pub worst: f64,
}

#[derive(Default)]
pub struct Latencies(Vec<Duration>);

impl Latencies {
    pub fn add(&mut self, took: Duration) {
        self.0.push(took);
    }

    pub fn extend(&mut self, other: Latencies) {
        self.0.extend(other.0);
    }

    pub fn percentiles(mut self) -> Option<Percentiles> {
        self.0.sort_unstable();
        let last = self.0.len().checked_sub(1)?;
        let at = |part: f64| self.0[((self.0.len() as f64 * part) as usize).min(last)].as_secs_f64() * 1e6;
        Some(Percentiles { p50: at(0.5), p99: at(0.99), worst: at(1.0) })
    }
}

/// Returns the peak memory of this process in MB.
pub fn peak_memory() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim_end_matches("kB").trim().parse::<f64>().ok()).unwrap_or(f64::NAN) / 1024.0
}

/// Returns the bytes of all files below `dir`. What is reserved beyond the end of a file doesn't count.
pub fn bytes_of_files(dir: &Path) -> u64 {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let bytes = |path: PathBuf| match path.is_dir() {
        true => bytes_of_files(&path),
        false => path.metadata().map_or(0, |metadata| metadata.len()),
    };
    entries.map(|entry| bytes(entry.path())).sum()
}

/// Returns the type of the file system of `dir`.
pub fn file_system(dir: &Path) -> String {
    let dir = dir.canonicalize().unwrap_or_else(|_| dir.to_path_buf());
    let mounts = std::fs::read_to_string("/proc/mounts").unwrap_or_default();
    let fields = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    let below = fields.filter(|fields| fields.len() > 2 && dir.starts_with(fields[1]));
    below.max_by_key(|fields| fields[1].len()).map_or("?".to_string(), |fields| fields[2].to_string())
}

/// Describes the machine in one line.
pub fn machine(dir: &Path) -> String {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let model =
        cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map_or("?", |(_, name)| name);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = read("/proc/sys/kernel/osrelease");
    format!("{cores} cores of {model}, Linux {}, {} in {}", kernel.trim(), file_system(dir), dir.display())
}

/// Returns the load averages.
pub fn load() -> String {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').take(3).collect::<Vec<_>>().join(" ")
}
