//! A generic state.

use std::collections::BTreeMap;

use journal::WalState;
use serde::{Deserialize, Serialize};

/// At most `N` rows under keys.
#[derive(Clone, Debug, Serialize, Deserialize, WalState)]
#[wal(crate = journal, after_load = Self::index)]
pub struct Table<K: Ord, V = u64, const N: usize = 2>
where
    V: PartialEq,
{
    /// The rows.
    rows: BTreeMap<K, V>,
    /// The number of rows, which checkpoints leave out.
    #[serde(skip)]
    count: usize,
}

impl<K: Ord, V: PartialEq, const N: usize> Default for Table<K, V, N> {
    fn default() -> Self {
        Self { rows: BTreeMap::new(), count: 0 }
    }
}

impl<K: Ord, V: PartialEq, const N: usize> Table<K, V, N> {
    /// Sets the number of rows.
    fn index(&mut self) {
        self.count = self.rows.len();
    }
}

#[journal::mutations(crate = journal)]
impl<K, V, const N: usize> Table<K, V, N>
where
    K: Ord + Clone,
    V: PartialEq + Clone,
{
    /// Stores a row under `key`, and returns the row that it replaces. Returns `row` if the table is full.
    #[mutation]
    pub fn put(&mut self, key: &K, row: V) -> Option<V> {
        if self.count == N && !self.rows.contains_key(key) {
            return Some(row);
        }
        let before = self.rows.insert(key.clone(), row);
        self.index();
        before
    }

    /// Removes the rows of `keys`.
    #[mutation]
    pub fn remove(&mut self, keys: &[K]) {
        self.rows.retain(|key, _| !keys.contains(key));
        self.index();
    }

    /// Returns the number of rows.
    #[query]
    #[must_use]
    pub const fn count(&self) -> usize {
        self.count
    }
}
