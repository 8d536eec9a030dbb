use serde::{Deserialize, Serialize};
use walr::WalState;
use std::sync::atomic::{AtomicU64, Ordering};

static NEXT_PLACE: AtomicU64 = AtomicU64::new(1);

#[derive(Default, Serialize, Deserialize, WalState)]
pub struct Cache {
    entries: Vec<String>,
}

#[walr::mutations]
impl Cache {
    #[mutation]
    pub fn push(&mut self, entry: String) {
        let place = NEXT_PLACE.fetch_add(1, Ordering::Relaxed);
        self.entries.push(format!("{entry} {place}"));
    }
}

pub async fn uses_it(state: walr::Durable<Cache>) -> walr::Result<()> {
    state.push(String::new()).await?;
    Ok(())
}

fn main() {}
