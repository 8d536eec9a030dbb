use serde::{Deserialize, Serialize};
use walr::WalState;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Entry(String);

#[derive(Default, Serialize, Deserialize, WalState)]
pub struct Cache {
    entries: Vec<Entry>,
}

#[walr::mutations]
impl Cache {
    #[mutation]
    pub fn push(&mut self, entry: Option<&Entry>) {
        self.entries.extend(entry.cloned());
    }
}

fn main() {}
