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
    pub fn push_here(&mut self, #[record(self.entries.len())] place: usize) {
        self.entries.push(place.to_string());
    }

    #[mutation]
    pub fn push_parsed(&mut self, text: &str, #[record(text.parse()?)] number: u32) {
        self.entries.push(format!("{text}{number}"));
    }

    #[mutation]
    pub fn push_fetched(&mut self, #[record(std::future::ready(1).await)] number: u32, #[record] other: u32) {
        self.entries.push(format!("{number}{other}"));
    }

    pub fn look(&self, #[record(1)] number: u32) -> usize {
        self.entries.len() + number as usize
    }
}

pub async fn uses_it(state: walr::Durable<Cache>) -> walr::Result<()> {
    state.push_parsed("1").await?;
    state.apply(CacheLog::Push { entry: String::new() }).await?;
    Ok(())
}

fn main() {}
