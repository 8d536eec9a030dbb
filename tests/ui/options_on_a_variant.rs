use serde::{Deserialize, Serialize};
use walr::WalState;

#[derive(Default, Serialize, Deserialize, WalState)]
enum Door {
    #[default]
    Closed,
    #[wal(name = "Opened")]
    Open,
}

#[walr::mutations]
impl Door {
    #[mutation]
    fn open(&mut self) {
        *self = Door::Open;
    }
}

fn main() {}
