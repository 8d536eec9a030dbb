use serde::{Deserialize, Serialize};
use walr::WalState;

mod other {
    pub struct CacheOutcome(pub u8);
    pub struct CacheMutations;
}

use other::{CacheMutations as Unrelated, CacheOutcome};

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

pub async fn uses_it(state: walr::Durable<Cache>, outcome: CacheOutcome, _: Unrelated) -> walr::Result<()> {
    state.push(outcome.0.to_string()).await?;
    Ok(())
}

fn main() {}
