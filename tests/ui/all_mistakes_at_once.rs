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
    pub async fn fetch<'a>(&'a self, entry: &mut String) -> Option<&'a str> {
        entry.clear();
        self.entries.first().map(String::as_str)
    }

    #[mutation(nmae = "insert")]
    pub fn insert(&mut self, (a, b): (String, String), c: impl Into<String>) {
        self.entries.extend([a, b, c.into()]);
    }

    #[query]
    pub fn read(&mut self) -> usize {
        self.entries.len()
    }
}

pub async fn uses_it(state: walr::Durable<Cache>) -> walr::Result<()> {
    let _first = state.fetch(&mut String::new()).await?;
    state.insert((String::new(), String::new()), "").await?;
    state.apply(CacheLog::Push { entry: String::new() }).await?;
    Ok(())
}

fn main() {}
