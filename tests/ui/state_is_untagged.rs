use serde::{Deserialize, Serialize};
use walr::WalState;

#[derive(Serialize, Deserialize, WalState)]
#[serde(untagged)]
pub enum Cache {
    One(String),
    Many(Vec<String>),
}

#[walr::mutations]
impl Cache {
    #[mutation]
    pub fn touch(&mut self) {}
}

fn main() {}
