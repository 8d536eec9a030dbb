use serde::{Deserialize, Serialize};
use walr::WalState;
use std::time::Instant;

#[derive(Default, Serialize, Deserialize, WalState)]
pub struct Cache {
    entries: Vec<String>,
}

#[walr::mutations]
impl Cache {
    #[mutation]
    pub fn push(&mut self, entry: String) {
        let at = std::time::SystemTime::now();
        self.entries.push(format!("{entry} {at:?} {:?}", Instant::now()));
    }
}

pub async fn uses_it(state: walr::Durable<Cache>) -> walr::Result<()> {
    state.push(String::new()).await?;
    Ok(())
}

fn main() {}
