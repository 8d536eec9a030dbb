//! sled 0.34: a database that flushes by itself every half second.

use anyhow::Result;

use crate::engine::{Engine, Opts};
use crate::input::Map;

pub struct Sled {
    database: sled::Db,
    sync: bool,
}

impl Sled {
    fn flush(&self) -> Result<()> {
        if self.sync {
            self.database.flush()?;
        }
        Ok(())
    }
}

impl Engine for Sled {
    const DATABASE: bool = true;
    const SYNC: Option<&'static str> =
        Some("`insert` and `flush`: `sync_file_range`, which doesn't flush the disk's cache");
    const BUFFERED: Option<&'static str> = Some("`insert`: in the process for up to 0.5 s");

    fn open(opts: &Opts) -> Result<Self> {
        Ok(Sled { database: sled::open(&opts.dir)?, sync: opts.sync })
    }

    async fn insert(&self, key: String, value: String) -> Result<()> {
        self.database.insert(key.as_bytes(), value.as_bytes())?;
        self.flush()
    }

    async fn batch(&self, items: Vec<(String, String)>) -> Result<()> {
        let mut batch = sled::Batch::default();
        for (key, value) in &items {
            batch.insert(key.as_bytes(), value.as_bytes());
        }
        self.database.apply_batch(batch)?;
        self.flush()
    }

    fn get(&self, key: &str) -> Result<Option<String>> {
        Ok(self.database.get(key)?.map(|value| String::from_utf8_lossy(&value).into_owned()))
    }

    fn load(&self) -> Result<u64> {
        let mut map = Map::default();
        for entry in self.database.iter() {
            let (key, value) = entry?;
            map.insert(String::from_utf8_lossy(&key).into_owned(), String::from_utf8_lossy(&value).into_owned());
        }
        Ok(map.len() as u64)
    }

    fn close(self) -> Result<()> {
        self.database.flush()?;
        Ok(())
    }
}
