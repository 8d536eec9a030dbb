use serde::{Deserialize, Serialize};
use walr::WalState;

pub struct Uuid(u128);

impl Uuid {
    pub fn new_v4() -> Uuid {
        Uuid(1)
    }

    pub fn now_v7() -> Uuid {
        Uuid(2)
    }
}

pub struct Ulid(u128);

impl Ulid {
    pub fn new() -> Ulid {
        Ulid(3)
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
        let (first, second, third) = (Uuid::new_v4(), Uuid::now_v7(), Ulid::new());
        self.entries.push(format!("{entry} {} {} {}", first.0, second.0, third.0));
    }
}

pub async fn uses_it(state: walr::Durable<Cache>) -> walr::Result<()> {
    state.push(String::new()).await?;
    Ok(())
}

fn main() {}
