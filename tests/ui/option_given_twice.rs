use serde::{Deserialize, Serialize};
use walr::WalState;

#[derive(Default, Serialize, Deserialize, WalState)]
#[wal(version = 2)]
#[wal(version = 3)]
struct Cache {
    hits: u64,
}

#[walr::mutations]
impl Cache {
    #[mutation(name = "hit", name = "count")]
    fn hit(&mut self) {
        self.hits += 1;
    }
}

fn main() {}
