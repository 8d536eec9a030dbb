use serde::{Deserialize, Serialize};
use walr::WalState;
use std::sync::Mutex;

#[derive(Default, Serialize, Deserialize, WalState)]
pub struct Cache {
    entries: Vec<String>,
}

#[walr::mutations]
impl Cache {
    #[mutation]
    pub fn push(&mut self, entry: String) {
        static LAST: Mutex<String> = Mutex::new(String::new());
        if let Ok(mut last) = LAST.lock() {
            self.entries.push(std::mem::replace(&mut *last, entry));
        }
    }
}

pub async fn uses_it(state: walr::Durable<Cache>) -> walr::Result<()> {
    state.push(String::new()).await?;
    Ok(())
}

fn main() {}
