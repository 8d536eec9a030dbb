#![deny(warnings)]

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use walr::WalState;

#[derive(Default, Serialize, Deserialize, WalState)]
pub struct Cache {
    entries: Vec<String>,
    #[serde(skip)]
    #[wal(not_rebuilt)]
    spent: Duration,
}

#[walr::mutations]
impl Cache {
    #[mutation(allow_nondeterminism)]
    pub fn push(&mut self, entry: String) {
        let begun = Instant::now();
        self.entries.push(entry);
        self.spent += begun.elapsed();
    }
}

fn main() {}
