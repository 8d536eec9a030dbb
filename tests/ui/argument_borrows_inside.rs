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
    pub fn push_some(&mut self, entry: Option<&str>, more: &[&str]) {
        self.entries.extend(entry.into_iter().chain(more.iter().copied()).map(str::to_string));
    }

    #[mutation]
    pub fn push_cow(&mut self, entry: std::borrow::Cow<'_, str>) {
        self.entries.push(entry.into_owned());
    }
}

pub async fn uses_it(state: walr::Durable<Cache>) -> walr::Result<()> {
    state.push_some(Some("a"), &["b"]).await?;
    state.apply(CacheLog::Push { entry: String::new() }).await?;
    Ok(())
}

fn main() {}
