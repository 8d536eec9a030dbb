use serde::{Deserialize, Serialize};
use walr::WalState;

#[derive(Default, Serialize, Deserialize, WalState)]
pub struct Cache {
    entries: Vec<String>,
}

pub trait Push {
    fn push(&mut self, entry: String);
}

#[walr::mutations]
impl Push for Cache {
    #[mutation]
    fn push(&mut self, entry: String) {
        self.entries.push(entry);
    }
}

pub async fn uses_it() -> walr::Result<()> {
    let state: walr::Durable<Cache> = walr::Durable::open("cache").await?;
    state.push(String::new()).await
}

fn main() {}
