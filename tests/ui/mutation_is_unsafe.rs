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
    pub unsafe fn push_unchecked(&mut self, entry: String) {
        self.entries.push(entry);
    }

    #[mutation]
    pub extern "C" fn call(&mut self) {}
}

pub async fn uses_it(state: walr::Durable<Cache>) -> walr::Result<()> {
    state.push_unchecked(String::new()).await?;
    state.apply(CacheLog::Push { entry: String::new() }).await?;
    Ok(())
}

fn main() {}
