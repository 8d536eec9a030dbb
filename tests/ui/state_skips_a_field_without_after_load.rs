use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use walr::WalState;

#[derive(Default, Serialize, Deserialize, WalState)]
pub struct Cache {
    entries: Vec<String>,
    #[serde(skip)]
    index: HashMap<String, usize>,
}

#[walr::mutations]
impl Cache {
    #[mutation]
    pub fn push(&mut self, entry: String) {
        self.index.insert(entry.clone(), self.entries.len());
        self.entries.push(entry);
    }
}

fn main() {}
