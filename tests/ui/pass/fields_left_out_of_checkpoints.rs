#![deny(warnings)]

use std::collections::HashMap;
use std::marker::PhantomData;

use serde::{Deserialize, Serialize};
use walr::WalState;

/// A state with a type parameter that no field uses, and a count that only the current process needs.
#[derive(Default, Serialize, Deserialize, WalState)]
pub struct Cache<T> {
    entries: Vec<String>,
    #[serde(skip)]
    of: PhantomData<fn() -> T>,
    #[serde(skip)]
    #[wal(not_rebuilt)]
    pub reads: u64,
}

#[walr::mutations]
impl<T> Cache<T> {
    #[mutation]
    pub fn push(&mut self, entry: String) {
        self.entries.push(entry);
    }
}

/// A state whose `after_load` leaves one of the fields at its default.
#[derive(Default, Serialize, Deserialize, WalState)]
#[wal(after_load = Self::index)]
pub enum Words {
    #[default]
    None,
    Some {
        words: Vec<String>,
        #[serde(skip)]
        places: HashMap<String, usize>,
        #[serde(skip)]
        #[wal(not_rebuilt)]
        reads: u64,
    },
    #[serde(skip)]
    Never(u8),
}

#[walr::mutations]
impl Words {
    #[mutation]
    pub fn forget(&mut self) {
        *self = Words::None;
    }

    fn index(&mut self) {
        if let Words::Some { words, places, .. } = self {
            *places = words.iter().cloned().zip(0..).collect();
        }
    }
}

/// A state that is read as another type, from which `From` builds each field.
#[derive(Clone, Default, Serialize, Deserialize, WalState)]
#[serde(from = "Vec<String>", into = "Vec<String>")]
pub struct Listed {
    entries: Vec<String>,
    #[serde(skip)]
    length: usize,
}

impl From<Vec<String>> for Listed {
    fn from(entries: Vec<String>) -> Self {
        Listed { length: entries.len(), entries }
    }
}

impl From<Listed> for Vec<String> {
    fn from(listed: Listed) -> Self {
        listed.entries
    }
}

#[walr::mutations]
impl Listed {
    #[mutation]
    pub fn push(&mut self, entry: String) {
        self.entries.push(entry);
        self.length += 1;
    }
}

fn main() {}
