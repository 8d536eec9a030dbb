use serde::{Deserialize, Serialize};
use walr::WalState;

#[derive(Default, Serialize, Deserialize, WalState)]
#[wal(version = 0)]
#[wal(name = "")]
#[wal(after_load = "Cache::index")]
pub struct Cache {
    entries: Vec<String>,
}

#[walr::mutations]
impl Cache {
    #[mutation(handle = "not a name")]
    pub fn push(&mut self, entry: String) {
        self.entries.push(entry);
    }
}

fn main() {}
