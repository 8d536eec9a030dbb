use serde::{Deserialize, Serialize};
use walr::WalState;

#[derive(Default, Serialize, Deserialize, WalState)]
struct Cache {
    hits: u64,
    #[wal(skip)]
    index: u64,
}

#[walr::mutations]
impl Cache {
    #[mutation]
    fn hit(&mut self) {
        self.hits += 1;
    }
}

fn main() {}
