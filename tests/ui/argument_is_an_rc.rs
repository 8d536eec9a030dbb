use serde::{Deserialize, Serialize};
use std::rc::Rc;
use walr::WalState;

#[derive(Default, Serialize, Deserialize, WalState)]
pub struct Cache {
    entries: Vec<u64>,
}

#[walr::mutations]
impl Cache {
    #[mutation]
    pub fn push(&mut self, entry: Option<Rc<u64>>) {
        drop(entry);
    }
}

fn main() {}
