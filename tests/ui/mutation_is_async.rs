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

    #[mutation]
    pub async fn fetch(&mut self, entry: String) -> usize {
        self.entries.push(entry);
        self.entries.len()
    }
}

pub async fn uses_it(state: walr::Durable<Cache>) -> walr::Result<()> {
    let _count: usize = state.fetch(String::new()).await?;
    state.apply(CacheLog::Push { entry: String::new() }).await?;
    Ok(())
}

fn main() {}
