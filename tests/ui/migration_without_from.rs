use serde::{Deserialize, Serialize};
use walr::WalState;

#[derive(Deserialize)]
pub struct OldCache {
    entries: Vec<u32>,
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
