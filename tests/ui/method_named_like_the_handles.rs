use serde::{Deserialize, Serialize};
use walr::WalState;

#[derive(Default, Serialize, Deserialize, WalState)]
pub struct Cache {
    entries: Vec<String>,
}

#[walr::mutations]
impl Cache {
    #[mutation]
    pub fn apply(&mut self, entry: String) {
        self.entries.push(entry);
    }

    #[mutation]
    pub fn clone(&mut self) {}

    #[query]
    pub fn read(&self) -> usize {
        self.entries.len()
    }

    #[mutation(handle = "close")]
    pub fn shut(&mut self) {}
}

fn main() {}
