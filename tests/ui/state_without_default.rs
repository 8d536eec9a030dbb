use serde::{Deserialize, Serialize};
use walr::{Durable, WalState};

#[derive(Serialize, Deserialize, WalState)]
pub struct Cache {
    entries: Vec<u64>,
}

#[walr::mutations]
impl Cache {
    #[mutation]
    pub fn push(&mut self, entry: u64) {
        self.entries.push(entry);
    }
}

fn main() {
    let _open = Durable::<Cache>::open("cache");
}
