use serde::{Deserialize, Serialize};
use walr::WalState;

#[derive(Serialize, Deserialize, WalState)]
pub struct Name<'a> {
    name: &'a str,
}

#[walr::mutations]
impl<'a> Name<'a> {
    #[mutation]
    pub fn rename(&mut self, name: &'a str) {
        self.name = name;
    }
}

fn main() {}
