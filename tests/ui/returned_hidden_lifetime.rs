use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use walr::WalState;

#[derive(Default, Serialize, Deserialize, WalState)]
pub struct Cache {
    entries: Vec<String>,
}

#[walr::mutations]
impl Cache {
    #[mutation]
    pub fn push(&mut self, entry: String) -> std::slice::Iter<String> {
        self.entries.push(entry);
        self.entries.iter()
    }

    #[query]
    pub fn first(&self) -> Option<Cow<str>> {
        self.entries.first().map(Cow::from)
    }
}

fn main() {}
