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
    pub fn push_into(&mut self, entry: impl Into<String>) {
        self.entries.push(entry.into());
    }
}

pub async fn uses_it(state: walr::Durable<Cache>) -> walr::Result<()> {
    state.push_into("a").await?;
    state.apply(CacheLog::Push { entry: String::new() }).await?;
    Ok(())
}

fn main() {}
