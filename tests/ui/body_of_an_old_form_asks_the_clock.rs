use serde::{Deserialize, Serialize};
use walr::WalState;
use std::time::SystemTime;

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

    #[mutation(replay_only)]
    pub fn push_with_time(&mut self, entry: String) {
        self.entries.push(format!("{entry} {:?}", SystemTime::now()));
    }
}

pub async fn uses_it(state: walr::Durable<Cache>) -> walr::Result<()> {
    state.push(String::new()).await?;
    Ok(())
}

fn main() {}
