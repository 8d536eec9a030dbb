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
    pub fn pop(&mut self) -> Option<String> {
        self.entries.pop()
    }

    #[query]
    pub fn new() -> usize {
        0
    }
}

pub async fn uses_it(state: walr::Durable<Cache>) -> walr::Result<()> {
    let _last = state.pop();
    state.apply(CacheLog::Push { entry: String::new() }).await?;
    Ok(())
}

fn main() {}
