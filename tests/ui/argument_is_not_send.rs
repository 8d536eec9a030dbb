use serde::{Deserialize, Serialize};
use walr::WalState;

#[derive(Clone, Debug)]
pub struct Shared(std::rc::Rc<u64>);

impl Serialize for Shared {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.as_ref().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Shared {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u64::deserialize(deserializer).map(|value| Shared(value.into()))
    }
}

#[derive(Default, Serialize, Deserialize, WalState)]
pub struct Cache<T> {
    entries: Vec<T>,
}

#[walr::mutations]
impl<T> Cache<T> {
    #[mutation]
    pub fn push(&mut self, entry: T, shared: Shared) {
        drop(shared);
        self.entries.push(entry);
    }
}

fn main() {}
