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
    pub fn push(&mut self, entry: u64) -> Rc<u64> {
        Rc::new(entry)
    }
}

fn main() {}
