//! The marks are found by a path, or by the imports that rustc suggests, and explain the mistake themselves.

use serde::{Deserialize, Serialize};
use walr::{WalState, query};

#[derive(Default, Serialize, Deserialize, WalState)]
pub struct Cache {
    entries: Vec<String>,
}

#[walr::mutations]
impl Cache {
    #[walr::mutation]
    pub fn push(&mut self, entry: String, #[walr::record(1)] count: usize) {
        self.entries.extend(vec![entry; count]);
    }
}

impl Cache {
    #[walr::mutation(name = "set")]
    pub fn put(&mut self, entry: String, #[record(1)] count: usize) {
        self.entries = vec![entry; count];
    }

    #[query]
    pub fn count(&self) -> usize {
        self.entries.len()
    }
}

fn main() {}
