use serde::{Deserialize, Serialize};
use walr::WalState;

#[derive(Deserialize)]
pub struct CacheV1(Vec<String>);

#[derive(Deserialize)]
pub struct CacheV2(Vec<String>);

#[derive(Default, Serialize, Deserialize, WalState)]
#[wal(version = 2, migrate_from = [CacheV1, CacheV2])]
pub struct Cache {
    entries: Vec<String>,
}

#[walr::mutations]
impl Cache {
    #[mutation]
    pub fn push(&mut self, entry: String) {
        self.entries.push(entry);
    }
}

fn main() {}
