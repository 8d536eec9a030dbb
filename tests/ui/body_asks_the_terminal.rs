use serde::{Deserialize, Serialize};
use walr::WalState;

#[derive(Default, Serialize, Deserialize, WalState)]
pub struct Cache {
    entries: Vec<String>,
}

#[walr::mutations]
impl Cache {
    #[mutation]
    pub fn push(&mut self, mut entry: String) {
        drop(std::io::stdin().read_line(&mut entry));
        self.entries.push(entry);
    }
}

pub async fn uses_it(state: walr::Durable<Cache>) -> walr::Result<()> {
    state.push(String::new()).await?;
    Ok(())
}

fn main() {}
