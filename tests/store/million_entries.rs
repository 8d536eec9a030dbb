//! A state of a million entries, recovered from the log and from a checkpoint.

use std::collections::HashMap;

use crate::common::{Result, run};
use serde::{Deserialize, Serialize};
use walr::{CheckpointPolicy, Durable, Lsn, WalState};

const ENTRIES: u64 = 1_000_000;
const BATCH: u64 = 10_000;

#[derive(Default, Serialize, Deserialize, WalState)]
pub(crate) struct Cache {
    entries: HashMap<u64, String>,
}

#[walr::mutations]
impl Cache {
    #[mutation]
    pub(crate) fn insert(&mut self, key: u64, value: String) {
        self.entries.insert(key, value);
    }
}

/// Asserts that the state holds every entry.
fn assert_complete(state: &Durable<Cache>) {
    state.read(|cache| {
        assert_eq!(cache.entries.len() as u64, ENTRIES);
        assert!(cache.entries.iter().all(|(key, value)| *value == format!("value {key}")));
    });
}

#[test]
fn a_million_entries_are_recovered_from_the_log_and_from_a_checkpoint() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let options = || Durable::<Cache>::options().checkpoint(CheckpointPolicy::Manual);
        let cache = options().open(folder.path()).await?;
        for first in (0..ENTRIES).step_by(BATCH as usize) {
            let keys = first..first + BATCH;
            let batch = keys.map(|key| CacheLog::Insert { key, value: format!("value {key}") });
            cache.apply_batch(batch).await?;
        }
        drop(cache);

        let cache = options().open(folder.path()).await?;
        assert_eq!(cache.store().recovery().records, ENTRIES);
        assert_complete(&cache);
        assert_eq!(cache.checkpoint().await?, Lsn::new(ENTRIES));
        drop(cache);

        let cache = options().open(folder.path()).await?;
        assert_eq!(cache.store().recovery().records, 0);
        assert_complete(&cache);
        cache.insert(0, "value 0".to_string()).await?;
        assert_complete(&cache);
        Ok(())
    })
}
