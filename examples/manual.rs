//! The cache of `examples/cache.rs` with a log type and a replay of its own: `cargo run --example manual`.

use serde::{Deserialize, Serialize};
use std::{collections::HashMap, error::Error, sync::Arc};
use tokio::sync::Mutex;
use walr::{ReplayHandlerResult, WAL};

type Cache = HashMap<String, String>;

#[derive(Serialize, Deserialize)]
enum CacheLog {
    Insert { key: String, value: String },
    Remove(String),
}

/// Makes the change that `log` stands for, live and on replay alike.
fn apply(cache: &mut Cache, log: CacheLog) -> Option<String> {
    match log {
        CacheLog::Insert { key, value } => cache.insert(key, value),
        CacheLog::Remove(key) => cache.remove(&key),
    }
}

fn replay_handler(logs: Vec<CacheLog>, cache: Arc<Mutex<Cache>>) -> ReplayHandlerResult {
    Box::pin(async move {
        let mut cache = cache.lock().await;
        for log in logs {
            apply(&mut cache, log);
        }
        Ok(())
    })
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::temp_dir().join(format!("walr-manual-{}", std::process::id()));
    let mut wal: WAL<CacheLog, Cache> = WAL::open(&path, Box::new(replay_handler), None).await?;
    let mut cache = wal.replay().await?;

    // The log first, durably, and then the change.
    let logs = ["a", "b", "c"].map(|key| CacheLog::Insert { key: key.into(), value: key.to_uppercase() });
    wal.log_many(&logs).await?;
    logs.into_iter().for_each(|log| drop(apply(&mut cache, log)));
    wal.log(&CacheLog::Remove("b".into())).await?;
    apply(&mut cache, CacheLog::Remove("b".into()));
    // What then can't be done is taken back.
    wal.log(&CacheLog::Remove("nobody".into())).await?;
    if !cache.contains_key("nobody") {
        wal.undo().await?;
    }
    if wal.should_checkpoint() {
        wal.checkpoint(&cache).await?;
    }
    println!("logged     {} bytes, {} entries", wal.size, cache.len());
    drop(wal);
    let mut wal: WAL<CacheLog, Cache> = WAL::open(&path, Box::new(replay_handler), None).await?;
    assert_eq!(wal.replay().await?, cache);
    println!("recovered  {} records, and they give the same cache", wal.recovery().records);
    Ok(std::fs::remove_dir_all(path)?)
}
