use serde::{Deserialize, Serialize};
use walr::WalState;

#[derive(Default, Serialize, Deserialize, WalState)]
pub struct Cache {
    #[serde(skip_serializing, default)]
    first: Option<String>,
    entries: Vec<String>,
    #[serde(skip_deserializing)]
    last: Option<String>,
}

#[walr::mutations]
impl Cache {
    #[mutation]
    pub fn touch(&mut self) {}
}

fn main() {}
