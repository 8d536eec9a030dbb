use serde::{Deserialize, Serialize};
use walr::WalState;

#[derive(Default, Serialize, Deserialize, WalState)]
pub struct Cache {
    entries: Vec<String>,
    #[serde(skip, default = "one")]
    count: usize,
}

fn one() -> usize {
    1
}

#[walr::mutations]
impl Cache {
    #[mutation]
    pub fn push(&mut self, entry: String) {
        self.entries.push(entry);
        self.count += 1;
    }
}

fn main() {}
