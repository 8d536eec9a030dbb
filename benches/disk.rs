//! Whole workloads on the real disk, next to `raw`: what the disk gives without walr, a write and an `fdatasync` per group
//! into a file of written zeros, no map, no answer. A disk's speed drifts within minutes, so that `raw` runs before and after
//! each workload, and the ratio to their mean is what counts.
//!
//! ```sh
//! cargo bench --bench disk                            # everything, about two minutes
//! cargo bench --bench disk -- one crowd64 batches     # some workloads
//! WALR_BENCH_DIR=/mnt/disk WALR_BENCH_SECS=5 cargo bench --bench disk
//! WALR_BENCH_NO_RAW=1 strace -f -c -e trace=fdatasync,fsync,pwrite64 target/release/deps/disk-… one   # walr's own calls
//! ```
//!
//! Keys have 16 bytes and values 100, but for `large`, whose values have a MiB.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use walr::{Durability, Durable, Options, Result, WalState};

/// A map, as whoever comes from a `HashMap` behind a lock has it.
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

/// What a workload did: how many operations, in what time, in how many groups and syncs.
struct Done {
    operations: u64,
    took: Duration,
    groups: u64,
    syncs: u64,
}

impl Done {
    fn per_second(&self) -> f64 {
        self.operations as f64 / self.took.as_secs_f64()
    }
}

struct Bench {
    folder: PathBuf,
    secs: Duration,
}

impl Bench {
    fn folder(&self, name: &str) -> PathBuf {
        self.folder.join(format!("walr-bench-{name}-{}", std::process::id()))
    }

    /// Groups of `bytes`, each written and synced.
    fn raw(&self, bytes: usize, records: u64) -> std::io::Result<f64> {
        if std::env::var_os("WALR_BENCH_NO_RAW").is_some() {
            return Ok(f64::NAN);
        }
        let path = self.folder("raw");
        let mut file = File::create(&path)?;
        let len = 64 * MIB;
        for _ in 0..len / 4096 {
            file.write_all(&[0; 4096])?;
        }
        file.sync_all()?;
        let group = vec![b'x'; bytes];
        let (mut at, mut groups, began) = (0, 0, Instant::now());
        while began.elapsed() < self.secs {
            file.seek(SeekFrom::Start(at))?;
            file.write_all(&group)?;
            file.sync_data()?;
            at = if at as usize + 2 * bytes > len { 0 } else { at + bytes as u64 };
            groups += 1;
        }
        let per_second = (groups * records) as f64 / began.elapsed().as_secs_f64();
        std::fs::remove_file(path)?;
        Ok(per_second)
    }

    /// So many tasks, each of which inserts, waits, and inserts again.
    async fn inserts(&self, options: Options<Cache>, tasks: u64, value: usize) -> Result<Done> {
        let folder = self.folder("inserts");
        let state = options.open(&folder).await?;
        state.insert(key(KEYS - 1), "first".to_string()).await?;
        let (stop, next) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let before = state.stats();
        let began = Instant::now();
        let jobs: Vec<_> = (0..tasks)
            .map(|_| {
                let (state, stop, next) = (state.clone(), stop.clone(), next.clone());
                tokio::spawn(async move {
                    let keys = if value >= MIB { 64 } else { KEYS };
                    while !stop.load(Ordering::Relaxed) {
                        let at = next.fetch_add(1, Ordering::Relaxed);
                        state.insert(key(at % keys), "v".repeat(value)).await?;
                        if at % 64 == 0 {
                            // A call that never waits would keep this worker to itself.
                            tokio::task::yield_now().await;
                        }
                    }
                    Result::Ok(())
                })
            })
            .collect();
        tokio::time::sleep(self.secs).await;
        stop.store(true, Ordering::Relaxed);
        for job in jobs {
            job.await.expect("no task panics")?;
        }
        let done = done(&state, &before, began);
        end(state, &folder).await?;
        Ok(done)
    }

    async fn batches(&self) -> Result<Done> {
        let folder = self.folder("batches");
        let state = Durable::<Cache>::options().open(&folder).await?;
        let before = state.stats();
        let (began, mut spent, mut next) = (Instant::now(), Duration::ZERO, 0);
        while spent < self.secs {
            let logs: Vec<_> =
                (next..next + BATCH).map(|at| CacheLog::Insert { key: key(at), value: "v".repeat(100) }).collect();
            let begun = Instant::now();
            state.apply_batch(logs).await?;
            spent += begun.elapsed();
            next += BATCH;
        }
        let done = Done { took: spent, ..done(&state, &before, began) };
        end(state, &folder).await?;
        Ok(done)
    }

    /// A million inserts, one record each, and then an open that replays them all, or that loads them from a checkpoint.
    async fn open(&self, checkpoint: bool) -> Result<Done> {
        let folder = self.folder("open");
        let options = || {
            let policy = walr::CheckpointPolicy::Manual;
            Durable::<Cache>::options().durability(Durability::Periodic(self.secs)).checkpoint(policy)
        };
        let state = options().open(&folder).await?;
        for at in 0..KEYS {
            state.insert(key(at), "v".repeat(100)).await?;
        }
        if checkpoint {
            state.checkpoint().await?;
        }
        state.close().await?;
        drop(state);
        let began = Instant::now();
        let state = options().open(&folder).await?;
        let done = Done { operations: KEYS, took: began.elapsed(), groups: 0, syncs: 0 };
        end(state, &folder).await?;
        Ok(done)
    }

    /// Inserts into a map behind a lock, on one thread, as long as a workload.
    fn map(&self) -> f64 {
        let map = std::sync::Mutex::new(HashMap::new());
        let (mut at, began) = (0, Instant::now());
        while began.elapsed() < self.secs {
            for _ in 0..64 {
                map.lock().expect("nothing panics in it").insert(key(at), "v".repeat(100));
                at += 1;
            }
        }
        at as f64 / began.elapsed().as_secs_f64()
    }

    /// Decodes a million pairs from memory, and puts them into a map: what an open can't be faster than on one thread.
    fn decode(&self) -> f64 {
        let pairs: Vec<_> = (0..KEYS).map(|at| serde_json::to_vec(&(key(at), "v".repeat(100)))).collect();
        let began = Instant::now();
        let decoded = pairs.iter().flatten().flat_map(|pair| serde_json::from_slice::<(String, String)>(pair));
        let map: HashMap<String, String> = decoded.collect();
        assert_eq!(map.len() as u64, KEYS);
        KEYS as f64 / began.elapsed().as_secs_f64()
    }

    /// One task that inserts, while so many others each take a look at the state a thousand times a second.
    async fn reads(&self, readers: u64) -> Result<Done> {
        let folder = self.folder("reads");
        let state = Durable::<Cache>::options().open(&folder).await?;
        let stop = Arc::new(AtomicBool::new(false));
        for reader in 0..readers {
            let (state, stop) = (state.clone(), stop.clone());
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    state.read(|cache| cache.entries.get(&key(reader)).map(String::len));
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            });
        }
        let (before, began, mut at) = (state.stats(), Instant::now(), 0);
        while began.elapsed() < self.secs {
            state.insert(key(at), "v".repeat(100)).await?;
            at += 1;
        }
        let done = done(&state, &before, began);
        stop.store(true, Ordering::Relaxed);
        end(state, &folder).await?;
        Ok(done)
    }

    /// The slowest of inserts that come 2,000 times a second, before a checkpoint of 500 MB and beside it.
    async fn stall(&self) -> Result<()> {
        let folder = self.folder("stall");
        let policy = walr::CheckpointPolicy::Manual;
        let state = Durable::<Cache>::options()
            .durability(Durability::Periodic(Duration::from_secs(1)))
            .checkpoint(policy)
            .open(&folder)
            .await?;
        for at in 0..KEYS / 2 {
            state.insert(key(at), "v".repeat(1000)).await?;
        }
        let (stop, paced) = (Arc::new(AtomicBool::new(false)), state.clone());
        let stopped = stop.clone();
        let job = tokio::spawn(async move {
            let (mut waits, began) = (Vec::new(), Instant::now());
            for turn in 0.. {
                if stopped.load(Ordering::Relaxed) {
                    break;
                }
                let due = began + Duration::from_micros(500) * turn;
                tokio::time::sleep_until(due.into()).await;
                // From when it was due where the one before it was late, else from when it began.
                let from = Instant::now();
                paced.insert(key(u64::from(turn) % (KEYS / 2)), "w".repeat(1000)).await?;
                waits.push((from, from.elapsed()));
            }
            Result::Ok(waits)
        });
        tokio::time::sleep(Duration::from_secs(2)).await;
        let began = Instant::now();
        state.checkpoint().await?;
        let ended = Instant::now();
        stop.store(true, Ordering::Relaxed);
        let waits = job.await.expect("it doesn't panic")?;
        for (when, from, to) in [("before", began - Duration::from_secs(2), began), ("beside", began, ended)] {
            let mut waits: Vec<_> =
                waits.iter().filter(|(at, _)| (from..to).contains(at)).map(|(_, took)| took).collect();
            waits.sort();
            let part =
                |part: f64| waits.get((waits.len() as f64 * part) as usize).copied().copied().unwrap_or_default();
            let (p50, p99, most) = (part(0.5), part(0.99), waits.last().copied().copied().unwrap_or_default());
            println!("| stall, {when} the checkpoint | p50 {p50:.1?} | p99 {p99:.1?} | worst {most:.1?} | |");
        }
        println!("| (that checkpoint took {:.1?}) | | | | |", ended - began);
        end(state, &folder).await
    }
}

fn done(state: &Durable<Cache>, before: &walr::Stats, began: Instant) -> Done {
    let (took, after) = (began.elapsed(), state.stats());
    let (groups, syncs) = (after.groups - before.groups, after.syncs - before.syncs);
    Done { operations: after.records - before.records, took, groups, syncs }
}

async fn end(state: Durable<Cache>, folder: &Path) -> Result<()> {
    state.close().await?;
    drop(state);
    std::fs::remove_dir_all(folder).expect("the bench's own folder can be removed");
    Ok(())
}

fn line(name: &str, done: &Done, raw: f64) {
    let (per_second, syncs) = (done.per_second(), done.operations as f64 / done.syncs.max(1) as f64);
    let groups = done.operations as f64 / done.groups.max(1) as f64;
    println!("| {name} | {per_second:.0} | {:.2} | {groups:.1} | {syncs:.1} |", per_second / raw);
}

#[tokio::main]
async fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let wants = |name: &str| wanted.is_empty() || wanted.iter().any(|wanted| wanted == name);
    let folder = std::env::var_os("WALR_BENCH_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    let secs = std::env::var("WALR_BENCH_SECS").ok().and_then(|secs| secs.parse().ok()).unwrap_or(2.0);
    let bench = Bench { folder, secs: Duration::from_secs_f64(secs) };
    let sync = || Durable::<Cache>::options();
    let periodic = || sync().durability(Durability::Periodic(Duration::from_secs(1)));
    let os = || sync().durability(Durability::Os);
    println!("| workload | operations a second | of raw | records a group | records a sync |\n|---|---|---|---|---|");
    let crowds = [("one", 1), ("crowd16", 16), ("crowd64", 64), ("crowd256", 256)];
    for (name, tasks) in crowds.into_iter().filter(|(name, _)| wants(name)) {
        let before = bench.raw(128 * tasks as usize, tasks)?;
        let done = bench.inserts(sync(), tasks, 100).await?;
        line(name, &done, f64::midpoint(before, bench.raw(128 * tasks as usize, tasks)?));
    }
    if wants("batches") {
        let before = bench.raw(128 * BATCH as usize, BATCH)?;
        let done = bench.batches().await?;
        line("batches of 1000", &done, f64::midpoint(before, bench.raw(128 * BATCH as usize, BATCH)?));
    }
    if wants("large") {
        let before = bench.raw(MIB, 1)?;
        let done = bench.inserts(sync(), 1, MIB).await?;
        line("values of 1 MiB", &done, f64::midpoint(before, bench.raw(MIB, 1)?));
    }
    // Nothing is synced call by call here: the ratio is to the insert into a map alone.
    let modes = [("periodic", 1, periodic()), ("periodic8", 8, periodic()), ("os", 1, os()), ("os8", 8, os())];
    for (name, tasks, options) in modes.into_iter().filter(|(name, ..)| wants(name)) {
        line(name, &bench.inserts(options, tasks, 100).await?, bench.map());
    }
    if wants("replay") {
        line("open: replay of 1 M records", &bench.open(false).await?, bench.decode());
    }
    if wants("load") {
        line("open: checkpoint of 1 M entries", &bench.open(true).await?, bench.decode());
    }
    if wants("readers") {
        // The ratio is to the same task without readers, before and after.
        let before = bench.reads(0).await?.per_second();
        let done = bench.reads(8).await?;
        line("one task beside 8 readers", &done, f64::midpoint(before, bench.reads(0).await?.per_second()));
    }
    if wants("stall") {
        bench.stall().await?;
    }
    Ok(())
}
