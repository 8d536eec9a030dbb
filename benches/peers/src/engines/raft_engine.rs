//! raft-engine: one region of a log, beside a map for reads.

use anyhow::Result;
use parking_lot::Mutex;
use raft_engine::{Config, Engine as Log, LogBatch, ReadableSize};

use crate::engine::{Engine, Opts};
use crate::input::Map;

const REGION: u64 = 1;

pub struct RaftEngine {
    log: Log,
    map: Mutex<Map>,
    sync: bool,
}

impl Engine for RaftEngine {
    const SYNC: Option<&'static str> = Some("`write(batch, sync)`: grouped `fdatasync`");
    const BUFFERED: Option<&'static str> = Some("`write(batch, no sync)`: to the system");

    fn open(opts: &Opts) -> Result<Self> {
        let dir = opts.dir.to_string_lossy().into_owned();
        let log = Log::open(Config { dir, purge_threshold: ReadableSize::gb(10), ..Config::default() })?;
        let mut map = Map::default();
        log.scan_raw_messages(REGION, None, None, false, |key, value| {
            let [key, value] = [key, value].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
            map.insert(key, value);
            true
        })?;
        Ok(RaftEngine { log, map: Mutex::new(map), sync: opts.sync })
    }

    async fn insert(&self, key: String, value: String) -> Result<()> {
        let mut batch = LogBatch::with_capacity(1);
        batch.put(REGION, key.as_bytes().to_vec(), value.as_bytes().to_vec())?;
        self.log.write(&mut batch, self.sync)?;
        self.map.lock().insert(key, value);
        Ok(())
    }

    async fn batch(&self, items: Vec<(String, String)>) -> Result<()> {
        let mut batch = LogBatch::with_capacity(items.len());
        for (key, value) in &items {
            batch.put(REGION, key.as_bytes().to_vec(), value.as_bytes().to_vec())?;
        }
        self.log.write(&mut batch, self.sync)?;
        self.map.lock().extend(items);
        Ok(())
    }

    fn get(&self, key: &str) -> Result<Option<String>> {
        Ok(self.map.lock().get(key).cloned())
    }

    fn load(&self) -> Result<u64> {
        Ok(self.map.lock().len() as u64)
    }
}
