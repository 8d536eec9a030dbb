use serde::{Deserialize, Serialize};
use walr::WalState;

#[derive(Default, Serialize, Deserialize, WalState)]
pub struct Cache {
    entries: Vec<String>,
}

#[walr::mutations]
impl Cache {
    #[mutation]
    pub fn push(&mut self, entry: String) {
        self.entries.push(entry);
    }

    #[mutation(replay_only, handle = "append")]
    pub fn apply(&mut self, entry: String) {
        self.entries.push(entry);
    }
}

fn main() {}
