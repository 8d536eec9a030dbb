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
    pub fn push_both(&mut self, (a, b): (String, String), _: u32) {
        self.entries.extend([a, b]);
    }
}

pub async fn uses_it(state: walr::Durable<Cache>) -> walr::Result<()> {
    state.push_both((String::new(), String::new()), 1).await?;
    state.apply(CacheLog::Push { entry: String::new() }).await?;
    Ok(())
}

fn main() {}
