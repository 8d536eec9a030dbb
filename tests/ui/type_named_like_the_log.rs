use serde::{Deserialize, Serialize};
use walr::WalState;

pub struct CacheLog(pub u8);

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
}

pub async fn uses_it(state: walr::Durable<Cache>, log: CacheLog) -> walr::Result<()> {
    state.push(log.0.to_string()).await?;
    Ok(())
}

fn main() {}
