use serde::{Deserialize, Serialize};
use walr::WalState;

#[derive(Default, Serialize, Deserialize, WalState)]
pub struct Cache {
    entries: Vec<String>,
}

#[walr::mutations]
impl Cache {
    pub fn push(&mut self, entry: String) {
        self.entries.push(entry);
    }
}

pub async fn uses_it() -> walr::Result<()> {
    let state: walr::Durable<Cache> = walr::Durable::open("cache").await?;
    state.close().await
}

fn main() {}
