use serde::{Deserialize, Serialize};
use walr::WalState;

#[derive(Debug, Serialize, Deserialize)]
struct Custom(u8);

#[derive(Default, Serialize, Deserialize, WalState)]
struct Cache {
    entries: Vec<u8>,
}

#[walr::mutations]
impl Cache {
    #[mutation]
    fn push(&mut self, entries: &[Custom]) {
        self.entries.extend(entries.iter().map(|entry| entry.0));
    }
}

fn main() {}
