use serde::{Deserialize, Serialize};
use walr::WalState;

#[derive(Default, Serialize, Deserialize, WalState)]
#[wal(after_load)]
#[wal(version)]
#[wal(migrate_from)]
struct Cache {
    entries: Vec<String>,
}

#[walr::mutations]
impl Cache {
    #[mutation(name)]
    fn push(&mut self, entry: String) {
        self.entries.push(entry);
    }

    #[mutation(name = 5)]
    fn pop(&mut self) {
        self.entries.pop();
    }

    #[mutation(replay_only = true)]
    fn clear(&mut self) {
        self.entries.clear();
    }
}

fn main() {}
