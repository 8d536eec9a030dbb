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
    pub fn push_shown(&mut self, entry: &dyn std::fmt::Display) {
        self.entries.push(entry.to_string());
    }
}

pub async fn uses_it(state: walr::Durable<Cache>) -> walr::Result<()> {
    state.push_shown(&1).await?;
    state.apply(CacheLog::Push { entry: String::new() }).await?;
    Ok(())
}

fn main() {}
