use serde::{Deserialize, Serialize};
use std::sync::MutexGuard;
use walr::WalState;

#[derive(Default, Serialize, Deserialize, WalState)]
pub struct Cache {
    entries: Vec<u64>,
}

#[walr::mutations]
impl Cache {
    #[mutation]
    pub fn push(&mut self, entry: u64) -> Option<MutexGuard<'static, u64>> {
        self.entries.push(entry);
        None
    }
}

fn main() {}
