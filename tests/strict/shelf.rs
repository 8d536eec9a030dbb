//! A state with each kind of parameter, result and attribute.

use std::collections::BTreeMap;
use std::mem;
use std::path::Path;

use journal::WalState;
use serde::{Deserialize, Serialize};

use crate::Door;

/// The things on a shelf.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize, WalState)]
#[wal(crate = journal, after_load = Self::count)]
pub struct Shelf {
    /// The number of things of each name.
    things: BTreeMap<String, u64>,
    /// The number of all things, which `count` sets after a load.
    #[serde(skip)]
    total: u64,
}

/// The reason why nothing was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refused {
    /// The shelf holds only this many things of the name.
    TooFew(u64),
}

#[journal::mutations(crate = journal)]
impl Shelf {
    /// Adds `count` things called `name`, and returns their number.
    #[mutation]
    pub fn put(&mut self, name: &str, count: u64, _from: &Path, _through: Option<Door>) -> u64 {
        let left = self.things.entry(name.to_owned()).or_default();
        *left += count;
        self.total += count;
        *left
    }

    /// Takes `count` things called `name` away, which [`Self::put`] has added.
    ///
    /// # Errors
    ///
    /// Returns an error if the shelf holds fewer.
    #[mutation]
    #[must_use = "it may be refused"]
    pub fn take(&mut self, name: &str, count: u64, #[record(name.len())] _length: usize) -> Result<u64, Refused> {
        let before = self.things.get(name).copied().unwrap_or_default();
        let left = before.checked_sub(count).ok_or(Refused::TooFew(before))?;
        self.total -= count;
        _ = self.things.insert(name.to_owned(), left);
        Ok(left)
    }

    /// Adds a thing of each name: an old form of [`Self::put`].
    #[mutation(name = "add", replay_only)]
    #[deprecated = "use `put`"]
    pub fn add(&mut self, names: &[String]) {
        self.total += names.len() as u64;
        for name in names {
            *self.things.entry(name.clone()).or_default() += 1;
        }
    }

    /// Adds to the total, with more arguments than clippy accepts.
    #[mutation]
    #[expect(clippy::too_many_arguments, reason = "a test of `expect`")]
    pub fn measure(&mut self, one: u8, two: u8, three: u8, four: u8, five: u8, six: u8, seven: u8) -> u64 {
        self.total += [one, two, three, four, five, six, seven].into_iter().map(u64::from).sum::<u64>();
        self.total
    }

    /// Removes everything, and returns it.
    #[mutation]
    #[cfg(not(any()))]
    pub(crate) fn clear(&mut self) -> BTreeMap<String, u64> {
        self.total = 0;
        mem::take(&mut self.things)
    }

    /// Removes everything, in builds that are never made.
    #[mutation]
    #[cfg(any())]
    pub(crate) fn clear(&mut self, _everything: bool) {}

    /// Returns the number of things called `name`.
    #[query]
    #[must_use]
    pub fn left(&self, name: &str) -> Option<u64> {
        self.things.get(name).copied()
    }

    /// Returns the number of all things.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// Sets the total.
    fn count(&mut self) {
        self.total = self.things.values().sum();
    }
}

/// Empties the shelf.
///
/// # Errors
///
/// Returns the errors of the store.
pub async fn clear(shelf: &journal::Durable<Shelf>) -> journal::Result<u64> {
    Ok(shelf.clear().await?.len() as u64)
}
