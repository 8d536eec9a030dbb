use serde::{Deserialize, Serialize};
use walr::WalState;

#[derive(Default, Serialize, Deserialize, WalState)]
pub struct Cache {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    first: Option<String>,
    entries: Vec<String>,
}

#[walr::mutations]
impl Cache {
    #[mutation]
    pub fn touch(&mut self) {}
}

fn main() {}
