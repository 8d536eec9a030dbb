use serde::{Deserialize, Serialize};
use walr::WalState;

#[derive(Serialize, Deserialize)]
pub struct OldCache(Vec<String>);

#[derive(Default, Serialize, Deserialize, WalState)]
#[wal(migrate_from = OldCache)]
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
