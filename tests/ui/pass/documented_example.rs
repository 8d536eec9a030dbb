#![deny(warnings, missing_docs)]
#![forbid(unsafe_code)]
//! The example of the docs, with docs of its own.

use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use walr::{Durable, WalState};

/// A cache that survives.
#[derive(Default, Serialize, Deserialize, WalState)]
pub struct Cache {
    entries: HashMap<String, String>,
}

#[walr::mutations]
impl Cache {
    /// Stores `value` under `key` and returns the value it replaces.
    #[mutation]
    pub fn insert(&mut self, key: String, value: String) -> Option<String> {
        self.entries.insert(key, value)
    }

    /// Removes the entry of `key` and returns its value.
    #[mutation]
    pub fn remove(&mut self, key: &str) -> Option<String> {
        self.entries.remove(key)
    }

    /// Returns the value of `key`.
    #[query]
    #[must_use]
    pub fn get(&self, key: &str) -> Option<String> {
        self.entries.get(key).cloned()
    }

    /// Returns the number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }
}

async fn example() -> walr::Result<()> {
    let state: Durable<Cache> = Durable::open("cache").await?;
    state.insert("some id".into(), "some data".into()).await?;
    assert_eq!(state.get("some id"), Some("some data".into()));
    assert_eq!(state.read(|cache| cache.len()), 1);
    state.remove("some id").await?;
    state.apply(CacheLog::Remove { key: "some id".into() }).await?;
    state.close().await
}

fn main() {
    drop(example());
}
