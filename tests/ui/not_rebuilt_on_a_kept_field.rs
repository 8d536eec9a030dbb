use serde::{Deserialize, Serialize};
use walr::WalState;

#[derive(Default, Serialize, Deserialize, WalState)]
pub struct Cache {
    #[wal(not_rebuilt)]
    hits: u64,
}

#[walr::mutations]
impl Cache {
    #[mutation]
    pub fn hit(&mut self) {
        self.hits += 1;
    }
}

fn main() {}
