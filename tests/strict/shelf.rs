//! A state with each kind of parameter, result and attribute.

use std::collections::BTreeMap;
use std::mem;
use std::path::Path;

use journal::WalState;
use serde::{Deserialize, Serialize};

use crate::Door;

/// What lies on a shelf.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize, WalState)]
#[wal(crate = journal, after_load = Self::count)]
pub struct Shelf {
    /// How many of each thing.
    things: BTreeMap<String, u64>,
    /// How many in all; counted anew when the shelf is loaded.
    #[serde(skip)]
    total: u64,
}

/// Why nothing was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refused {
    /// There are only so many.
    TooFew(u64),
}

#[journal::mutations(crate = journal)]
impl Shelf {
    /// Puts `count` of `name` there.
    #[mutation]
    pub fn put(&mut self, name: &str, count: u64, _from: &Path, _through: Option<Door>) -> u64 {
        let there = self.things.entry(name.to_owned()).or_default();
        *there += count;
        self.total += count;
        *there
    }

    /// Takes `count` of `name` away; see [`Self::put`].
    ///
    /// # Errors
    ///
    /// If there are fewer.
    #[mutation]
    #[must_use = "it may be refused"]
    pub fn take(&mut self, name: &str, count: u64, #[record(name.len())] _length: usize) -> Result<u64, Refused> {
        let there = self.things.get(name).copied().unwrap_or_default();
        let left = there.checked_sub(count).ok_or(Refused::TooFew(there))?;
        self.total -= count;
        _ = self.things.insert(name.to_owned(), left);
        Ok(left)
    }

    /// An old form.
    #[mutation(name = "add", replay_only)]
    #[deprecated = "use `put`"]
    pub fn add(&mut self, names: &[String]) {
        self.total += names.len() as u64;
        for name in names {
            *self.things.entry(name.clone()).or_default() += 1;
        }
    }

    /// More arguments than clippy likes.
    #[mutation]
    #[expect(clippy::too_many_arguments, reason = "a test of `expect`")]
    pub fn measure(&mut self, one: u8, two: u8, three: u8, four: u8, five: u8, six: u8, seven: u8) -> u64 {
        self.total += [one, two, three, four, five, six, seven].into_iter().map(u64::from).sum::<u64>();
        self.total
    }

    /// Only there in some builds.
    #[mutation]
    #[cfg(not(any()))]
    pub(crate) fn clear(&mut self) -> BTreeMap<String, u64> {
        self.total = 0;
        mem::take(&mut self.things)
    }

    /// The other builds' form.
    #[mutation]
    #[cfg(any())]
    pub(crate) fn clear(&mut self, _everything: bool) {}

    /// How many of `name` there are.
    #[query]
    #[must_use]
    pub fn left(&self, name: &str) -> Option<u64> {
        self.things.get(name).copied()
    }

    /// How many things there are.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// Counts them.
    fn count(&mut self) {
        self.total = self.things.values().sum();
    }
}

/// Empties the shelf.
///
/// # Errors
///
/// Those of the store.
pub async fn clear(shelf: &journal::Durable<Shelf>) -> journal::Result<u64> {
    Ok(shelf.clear().await?.len() as u64)
}
