use serde::{Deserialize, Serialize};
use std::error::Error;
use walr::WalState;

#[derive(Default, Serialize, Deserialize, WalState)]
pub struct Cache {
    entries: Vec<u64>,
}

#[walr::mutations]
impl Cache {
    #[mutation]
    pub fn push(&mut self, entry: u64) -> Result<(), Box<dyn Error>> {
        self.entries.push(entry);
        Ok(())
    }
}

fn main() {}
