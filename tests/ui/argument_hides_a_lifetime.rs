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
    pub fn push(&mut self, entry: Cow<str>) {
        self.entries.push(entry.into_owned());
    }

    #[mutation]
    pub fn extend(&mut self, entries: std::slice::Iter<'_, String>) {
        self.entries.extend(entries.cloned());
    }
}

fn main() {}
