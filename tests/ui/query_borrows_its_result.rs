use serde::{Deserialize, Serialize};
use walr::WalState;

#[derive(Default, Serialize, Deserialize, WalState)]
pub struct Cache {
    entries: Vec<String>,
}

#[walr::mutations]
impl Cache {
    #[mutation]
    pub fn push(&mut self, entry: String) {
        self.entries.push(entry);
    }

    #[query]
    pub fn first(&self) -> Option<&String> {
        self.entries.first()
    }

    #[query]
    pub fn iter(&self) -> impl Iterator<Item = &String> {
        self.entries.iter()
    }
}

pub async fn uses_it(state: walr::Durable<Cache>) -> walr::Result<()> {
    let _first = state.first();
    state.apply(CacheLog::Push { entry: String::new() }).await?;
    Ok(())
}

fn main() {}
