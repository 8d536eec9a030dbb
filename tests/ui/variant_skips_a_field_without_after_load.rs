use serde::{Deserialize, Serialize};
use walr::WalState;

#[derive(Default, Serialize, Deserialize, WalState)]
pub enum Door {
    #[default]
    Closed,
    Open(u64, #[serde(skip_serializing, skip_deserializing)] u32),
}

#[walr::mutations]
impl Door {
    #[mutation]
    pub fn open(&mut self, since: u64) {
        *self = Door::Open(since, 1);
    }
}

fn main() {}
