//! walr: a derived handle.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::Result;
use serde::{Deserialize, Serialize};
use walr::{Durability, Durable, WalState};

use crate::engine::{Engine, Opts};

#[derive(Default, Serialize, Deserialize, WalState)]
pub struct Cache {
    entries: HashMap<String, String>,
}

#[walr::mutations]
impl Cache {
    #[mutation]
    pub fn insert(&mut self, key: String, value: String) -> Option<String> {
        self.entries.insert(key, value)
    }

    #[query]
    pub fn get(&self, key: &str) -> Option<String> {
        self.entries.get(key).cloned()
    }

    #[query]
    pub fn count(&self) -> u64 {
        self.entries.iter().filter(|(key, value)| key.len() + value.len() > 0).count() as u64
    }
}

/// A store. "Buffered" means `Os` if `OS` is true, and `Periodic` otherwise.
pub struct Walr<const OS: bool> {
    state: Durable<Cache>,
    runtime: tokio::runtime::Handle,
}

impl<const OS: bool> Engine for Walr<OS> {
    const ASYNC: bool = true;
    const SYNC: Option<&'static str> = if OS { None } else { Some("`Durability::Sync`") };
    const BUFFERED: Option<&'static str> =
        Some(if OS { "`Durability::Os`" } else { "`Durability::Periodic(1 s)`: in the process for up to a second" });

    fn open(opts: &Opts) -> Result<Self> {
        let durability = match (opts.sync, OS) {
            (true, _) => Durability::Sync,
            (false, true) => Durability::Os,
            (false, false) => Durability::Periodic(Duration::from_secs(1)),
        };
        let open = Durable::<Cache>::options().durability(durability).open(opts.dir.clone());
        Ok(Walr { state: opts.runtime.block_on(open)?, runtime: opts.runtime.clone() })
    }

    async fn insert(&self, key: String, value: String) -> Result<()> {
        self.state.insert(key, value).await?;
        Ok(())
    }

    async fn batch(&self, items: Vec<(String, String)>) -> Result<()> {
        let calls = items.into_iter().map(|(key, value)| CacheLog::Insert { key, value });
        self.state.apply_batch(calls).await?;
        Ok(())
    }

    async fn checkpoint(&self) -> Result<()> {
        self.state.checkpoint().await?;
        Ok(())
    }

    fn get(&self, key: &str) -> Result<Option<String>> {
        Ok(self.state.get(key))
    }

    fn load(&self) -> Result<u64> {
        Ok(self.state.count())
    }

    fn close(self) -> Result<()> {
        Ok(self.runtime.block_on(self.state.close())?)
    }
}
