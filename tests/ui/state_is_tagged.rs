use serde::{Deserialize, Serialize};
use walr::WalState;

#[derive(Serialize, Deserialize, WalState)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Cache {
    One { entry: String },
    Many { entries: Vec<String> },
}

#[walr::mutations]
impl Cache {
    #[mutation]
    pub fn touch(&mut self) {}
}

fn main() {}
