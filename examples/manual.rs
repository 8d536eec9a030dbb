//! The cache of `examples/cache.rs` on the manual layer, with a log type and a replay handler of its own:
//! `cargo run --example manual`.

use serde::{Deserialize, Serialize};
use std::{collections::HashMap, error::Error, path::Path, sync::Arc};
use tokio::sync::Mutex;
use walr::{ReplayHandlerResult, WAL};

type Cache = HashMap<String, String>;

#[derive(Serialize, Deserialize)]
enum CacheLog {
    Insert { key: String, value: String },
    Remove(String),
}

/// Makes the change of `log`, in the program and on replay.
fn apply(cache: &mut Cache, log: CacheLog) {
    match log {
        CacheLog::Insert { key, value } => drop(cache.insert(key, value)),
        CacheLog::Remove(key) => drop(cache.remove(&key)),
    }
}

/// Applies a batch of logs to the state of the newest checkpoint.
fn replay_handler(logs: Vec<CacheLog>, cache: Arc<Mutex<Cache>>) -> ReplayHandlerResult {
    Box::pin(async move {
        let mut cache = cache.lock().await;
        for log in logs {
            apply(&mut cache, log);
        }
        Ok(())
    })
}

async fn open(path: &Path) -> walr::Result<WAL<CacheLog, Cache>> {
    WAL::open(path, Box::new(replay_handler), None).await
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::temp_dir().join(format!("walr-manual-{}", std::process::id()));

    // Open the log, and replay what it holds.
    let mut wal = open(&path).await?;
    let mut cache = wal.replay().await?;

    // Log each change first. It is durable when the call returns, and can be made.
    let logs = ["a", "b", "c"].map(|key| CacheLog::Insert { key: key.into(), value: key.to_uppercase() });
    wal.log_many(&logs).await?;
    for log in logs {
        apply(&mut cache, log);
    }
    let log = CacheLog::Remove("b".into());
    wal.log(&log).await?;
    apply(&mut cache, log);

    // Undo the log of a change that turns out to be impossible.
    wal.log(&CacheLog::Remove("missing".into())).await?;
    if !cache.contains_key("missing") {
        wal.undo().await?;
    }

    // Write the state from time to time, so that the log stays short.
    if wal.should_checkpoint() {
        wal.checkpoint(&cache).await?;
    }
    println!("logged     {} bytes, {} entries", wal.size, cache.len());
    drop(wal);

    // The next run recovers the same state.
    let mut wal = open(&path).await?;
    assert_eq!(wal.replay().await?, cache);
    println!("recovered  {} records, which give the same cache", wal.recovery().records);
    Ok(std::fs::remove_dir_all(path)?)
}
