use serde::{Deserialize, Serialize};
use walr::WalState;

#[derive(Clone, Debug, Serialize)]
pub struct Custom(u64);

#[derive(Default, Serialize, Deserialize, WalState)]
pub struct Cache {
    entries: Vec<u64>,
}

#[walr::mutations]
impl Cache {
    #[mutation]
    pub fn push(&mut self, entry: Custom) {
        self.entries.push(entry.0);
    }
}

fn main() {}
