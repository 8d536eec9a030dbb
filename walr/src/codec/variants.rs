//! The variants that a value is written with, compared with the lists of names that the types pass when they read it.
//!
//! serde's derives number all variants when they write, and only those that aren't skipped when they read. After a
//! `#[serde(skip)]` variant each variant is read back as the next one, and no token shows it. A serializer gets a variant's
//! number and name, and a deserializer the names in their order. The list also has the aliases of variants. So a variant's index
//! in the list may be greater than its number, and never less.

use std::cell::{Cell, RefCell};

use super::refusal::Reason;

/// A variant as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct WrittenVariant {
    /// The enum's name.
    pub(crate) name: &'static str,
    pub(crate) number: u32,
    pub(crate) variant: &'static str,
}

/// An enum as its type reads it: its name, and the names of its variants.
pub(super) type ReadEnum = (&'static str, &'static [&'static str]);

/// Items with their keys, each key once.
pub(super) struct Distinct<T> {
    /// The last key of each slot. Most items are added many times in a row.
    recent: [Cell<usize>; 4],
    all: RefCell<Vec<(usize, T)>>,
}

impl<T> Default for Distinct<T> {
    fn default() -> Self {
        Distinct { recent: Default::default(), all: RefCell::default() }
    }
}

impl<T: Copy> Distinct<T> {
    /// Adds the item of this key, unless the key is known.
    #[inline]
    fn add(&self, key: usize, item: T) {
        let slot = &self.recent[key >> 4 & 3];
        if slot.replace(key) != key {
            self.keep(key, item);
        }
    }

    #[cold]
    fn keep(&self, key: usize, item: T) {
        let mut all = self.all.borrow_mut();
        if all.iter().all(|(known, _)| *known != key) {
            all.push((key, item));
        }
    }

    pub(super) fn all(&self) -> Vec<T> {
        self.all.borrow().iter().map(|(_, item)| *item).collect()
    }
}

impl Distinct<WrittenVariant> {
    #[inline]
    pub(super) fn write(&self, name: &'static str, number: u32, variant: &'static str) {
        // The addresses tell the names apart. Equal names may have several addresses.
        let key = (name.as_ptr() as usize).rotate_left(32) ^ variant.as_ptr() as usize;
        self.add(key.wrapping_add((number as usize).wrapping_mul(0x1_0001)), WrittenVariant { name, number, variant });
    }
}

impl Distinct<ReadEnum> {
    #[inline]
    pub(super) fn read(&self, name: &'static str, variants: &'static [&'static str]) {
        // Two enums with equal lists may share one list.
        let key = (name.as_ptr() as usize).rotate_left(32) ^ variants.as_ptr() as usize;
        self.add(key, (name, variants));
    }
}

/// Returns the first variant that was read as another one. Two enums may have the same name, so one list that agrees is enough.
pub(super) fn misread(written: &[WrittenVariant], read: &[ReadEnum]) -> Option<Reason> {
    let misread = written.iter().find(|written| {
        let lists = read.iter().filter(|(name, _)| *name == written.name);
        let mut indexes =
            lists.filter_map(|(_, list)| list.iter().position(|name| *name == written.variant)).peekable();
        indexes.peek().is_some() && indexes.all(|index| index < written.number as usize)
    })?;
    let WrittenVariant { name, number, variant } = *misread;
    Some(Reason::Misread { name, number, variant })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_misread(number: u32, variant: &'static str, lists: &[ReadEnum]) -> bool {
        misread(&[WrittenVariant { name: "Door", number, variant }], lists).is_some()
    }

    #[test]
    fn a_variant_listed_before_its_number_is_misread() {
        let door: ReadEnum = ("Door", &["Open", "Shut", "Broken"]);
        assert!(!is_misread(1, "Shut", &[door]));
        assert!(is_misread(2, "Shut", &[door]));
        assert!(!is_misread(1, "Shut", &[("Door", &["Ajar", "Open", "Shut"])]), "an alias of `Open`");
        assert!(!is_misread(2, "Shut", &[door, ("Door", &["A", "B", "Shut"])]), "another enum of that name");
        assert!(!is_misread(2, "Shut", &[]) && !is_misread(2, "Shut", &[("Gate", &["Shut"])]));
    }

    #[test]
    fn each_variant_is_kept_once() {
        let distinct = Distinct::default();
        for round in 0..3 {
            for number in 0..100 {
                distinct.write("Door", number, "Shut");
            }
            assert_eq!(distinct.all().len(), 100, "round {round}");
        }
    }
}
