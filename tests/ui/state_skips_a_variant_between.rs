use serde::{Deserialize, Serialize};
use walr::WalState;

#[derive(Serialize, Deserialize, WalState)]
pub enum Cache {
    One(String),
    #[serde(skip)]
    Unknown,
    Many(Vec<String>),
}

#[walr::mutations]
impl Cache {
    #[mutation]
    pub fn touch(&mut self) {}
}

fn main() {}
