use serde::{Deserialize, Serialize};
use walr::WalState;

#[derive(Default, Serialize, Deserialize, WalState)]
pub struct Cache {
    entries: Vec<String>,
}

impl Cache {
    pub fn push(&mut self, entry: String) {
        self.entries.push(entry);
    }
}

fn main() {}
