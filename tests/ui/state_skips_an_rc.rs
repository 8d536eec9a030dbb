use serde::{Deserialize, Serialize};
use std::rc::Rc;
use walr::WalState;

#[derive(Default, Serialize, Deserialize, WalState)]
pub struct Cache<T> {
    entries: Vec<T>,
    #[serde(skip)]
    #[wal(not_rebuilt)]
    index: Rc<Vec<usize>>,
}

#[walr::mutations]
impl<T> Cache<T> {
    #[mutation]
    pub fn push(&mut self, entry: T) {
        self.entries.push(entry);
    }
}

fn main() {}
