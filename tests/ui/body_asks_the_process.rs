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
        self.entries.push(format!("{entry} {}", std::process::id()));
    }
}

pub async fn uses_it(state: walr::Durable<Cache>) -> walr::Result<()> {
    state.push(String::new()).await?;
    Ok(())
}

fn main() {}
