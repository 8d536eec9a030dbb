//! The time to open and replay a log, by its bytes: one record of 64 MiB, and 2 million small ones.
//!
//! `cargo bench --bench replay` prints both and their ratio. walr 0.1.6 takes 109 seconds for the large record.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use walr::options::{WALOptions, WALOptionsBuilder};
use walr::{Durability, ReplayHandlerResult, WAL};

const LARGE: usize = 64 << 20;
const SMALL: usize = 64;
const COUNT: usize = 2_000_000;
const ROUNDS: usize = 5;

#[derive(Serialize, Deserialize)]
enum Log {
    Note { text: String },
}

/// The number of notes, and the sum of their lengths.
type Totals = (u64, u64);

fn handler(logs: Vec<Log>, totals: Arc<Mutex<Totals>>) -> ReplayHandlerResult {
    Box::pin(async move {
        let mut totals = totals.lock().await;
        for Log::Note { text } in logs {
            totals.0 += 1;
            totals.1 += text.len() as u64;
        }
        Ok(())
    })
}

fn options() -> WALOptions {
    WALOptionsBuilder::new().durability(Durability::Os).build()
}

async fn open(path: &Path) -> WAL<Log, Totals> {
    WAL::open(path, Box::new(handler), Some(options())).await.expect("the log opens")
}

/// Writes `count` records of `size` bytes.
async fn write(path: &Path, count: usize, size: usize) {
    let mut wal = open(path).await;
    let note = |number: usize| {
        let mut text = number.to_string();
        text.extend(std::iter::repeat_n('.', size - text.len()));
        Log::Note { text }
    };
    for first in (0..count).step_by(1000) {
        let logs: Vec<_> = (first..count.min(first + 1000)).map(note).collect();
        wal.log_many(&logs).await.expect("the logs are recorded");
    }
}

/// Returns the time of the shortest of several opens and replays. Each has its own copy, because a replay ends with a
/// checkpoint.
async fn replay(path: &Path, count: usize, size: usize) -> Duration {
    let mut shortest = Duration::MAX;
    for round in 0..ROUNDS {
        let copy = path.with_extension(round.to_string());
        std::fs::create_dir(&copy).expect("a folder can be made");
        for entry in std::fs::read_dir(path).expect("the folder is there") {
            let from = entry.expect("an entry").path();
            let to = copy.join(from.file_name().expect("a name"));
            std::fs::copy(&from, &to).expect("a file can be copied");
            // An open syncs the end of the log, and must not wait for the copy to be written.
            std::fs::File::open(to).and_then(|file| file.sync_all()).expect("a file can be synced");
        }
        let began = Instant::now();
        let mut wal = open(&copy).await;
        let totals = wal.replay().await.expect("the log is replayed");
        shortest = shortest.min(began.elapsed());
        assert_eq!(totals, (count as u64, (count * size) as u64));
        drop(wal);
        std::fs::remove_dir_all(&copy).expect("the copy can be removed");
    }
    shortest
}

#[tokio::main]
async fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut nanoseconds_per_byte = Vec::new();
    for (name, count, size) in [("large", 1, LARGE), ("small", COUNT, SMALL)] {
        let path = folder.path().join(name);
        write(&path, count, size).await;
        let took = replay(&path, count, size).await;
        let per_byte = took.as_nanos() as f64 / (count * size) as f64;
        println!("{name}: {count} records of {size} bytes in {took:.2?}, {per_byte:.2} ns a byte");
        nanoseconds_per_byte.push(per_byte);
    }
    println!("ratio of small to large: {:.2}", nanoseconds_per_byte[1] / nanoseconds_per_byte[0]);
}
