use serde::{Deserialize, Serialize};
use std::cell::Cell;
use walr::WalState;

#[derive(Default, Serialize, Deserialize, WalState)]
pub struct Cache<T> {
    entries: Vec<T>,
    hits: Cell<u64>,
}

#[walr::mutations]
impl<T> Cache<T> {
    #[mutation]
    pub fn push(&mut self, entry: T) {
        self.entries.push(entry);
    }
}

fn main() {}
