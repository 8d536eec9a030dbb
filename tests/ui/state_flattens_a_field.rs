use serde::{Deserialize, Serialize};
use walr::WalState;

#[derive(Default, Serialize, Deserialize, WalState)]
pub struct Cache {
    entries: Vec<String>,
    #[serde(flatten)]
    more: std::collections::BTreeMap<String, String>,
}

#[walr::mutations]
impl Cache {
    #[mutation]
    pub fn touch(&mut self) {}
}

fn main() {}
