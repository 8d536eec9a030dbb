use serde::{Deserialize, Serialize};
use walr::WalState;

#[derive(Deserialize)]
pub struct CacheV1 {
    entries: Vec<u16>,
}

#[derive(Deserialize)]
pub struct CacheV2 {
    entries: Vec<u32>,
}

impl From<CacheV2> for Cache {
    fn from(old: CacheV2) -> Self {
        Cache { entries: old.entries.into_iter().map(u64::from).collect() }
    }
}

#[derive(Default, Serialize, Deserialize, WalState)]
#[wal(version = 3, migrate_from = [CacheV1, CacheV2])]
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
