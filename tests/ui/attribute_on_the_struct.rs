use serde::{Deserialize, Serialize};

#[walr::mutations]
#[derive(Default, Serialize, Deserialize)]
pub struct Cache {
    entries: Vec<String>,
}

fn main() {}
