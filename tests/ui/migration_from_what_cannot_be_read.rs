use serde::{Deserialize, Serialize};
use walr::WalState;

pub struct OldCache {
    entries: Vec<u32>,
}

impl From<OldCache> for Cache {
    fn from(old: OldCache) -> Self {
        Cache { entries: old.entries.into_iter().map(u64::from).collect() }
    }
}

#[derive(Default, Serialize, Deserialize, WalState)]
#[wal(version = 2, migrate_from = OldCache)]
pub struct Cache {
    entries: Vec<u64>,
}

#[walr::mutations]
impl Cache {
    #[mutation]
    pub fn push(&mut self, entry: u64) {
        self.entries.push(entry);
    }
}

fn main() {}
