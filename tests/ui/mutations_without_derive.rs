use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize)]
pub struct Cache {
    entries: Vec<String>,
}

#[walr::mutations]
impl Cache {
    #[mutation]
    pub fn push(&mut self, entry: String) {
        self.entries.push(entry);
    }

    #[mutation]
    pub fn clear(&mut self) {
        self.entries.clear();
    }

    #[query]
    pub fn count(&self) -> usize {
        self.entries.len()
    }
}

fn main() {}
