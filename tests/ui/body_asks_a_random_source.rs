use serde::{Deserialize, Serialize};
use walr::WalState;

mod rand {
    pub fn random<T: Default>() -> T {
        T::default()
    }
}

#[derive(Default, Serialize, Deserialize, WalState)]
pub struct Cache {
    entries: Vec<String>,
}

#[walr::mutations]
impl Cache {
    #[mutation]
    pub fn push(&mut self, entry: String) {
        self.entries.push(format!("{entry} {}", rand::random::<u64>()));
    }
}

pub async fn uses_it(state: walr::Durable<Cache>) -> walr::Result<()> {
    state.push(String::new()).await?;
    Ok(())
}

fn main() {}
