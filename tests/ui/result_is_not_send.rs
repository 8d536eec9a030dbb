use serde::{Deserialize, Serialize};
use walr::WalState;

pub struct Shared(std::rc::Rc<u64>);

#[derive(Default, Serialize, Deserialize, WalState)]
pub struct Cache<T> {
    entries: Vec<T>,
}

#[walr::mutations]
impl<T: Clone> Cache<T> {
    #[mutation]
    pub fn push(&mut self, entry: T) -> Option<Shared> {
        self.entries.push(entry);
        None
    }
}

fn main() {}
