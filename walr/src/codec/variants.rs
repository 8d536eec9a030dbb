//! Which variants a value was written with, held to the lists of those that read it.
//!
//! serde's derives number all variants when they write, and those that aren't skipped when they read. Behind a
//! `#[serde(skip)]` variant each one is read back as the next, and no token shows it. A serializer is told a variant's number
//! and name, and a deserializer the names in their order. The list holds other names of variants too (`alias`), so that a
//! variant may stand behind its number, and never before it.

use std::cell::{Cell, RefCell};

use super::refusal::Reason;

/// A variant as it was written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Written {
    /// The enum's name.
    pub(super) name: &'static str,
    pub(super) number: u32,
    pub(super) variant: &'static str,
}

/// An enum as it was asked for: its name, and its variants' names.
pub(super) type Read = (&'static str, &'static [&'static str]);

/// What was met, each once.
pub(super) struct Distinct<T> {
    /// The last of each slot: most values are met many times in a row.
    recent: [Cell<usize>; 4],
    all: RefCell<Vec<(usize, T)>>,
}

impl<T> Default for Distinct<T> {
    fn default() -> Self {
        Distinct { recent: Default::default(), all: RefCell::default() }
    }
}

impl<T: Copy> Distinct<T> {
    /// Keeps what has this key, if it isn't kept yet.
    #[inline]
    pub(super) fn meet(&self, key: usize, met: T) {
        let slot = &self.recent[key >> 4 & 3];
        if slot.replace(key) != key {
            self.keep(key, met);
        }
    }

    #[cold]
    fn keep(&self, key: usize, met: T) {
        let mut all = self.all.borrow_mut();
        if all.iter().all(|(known, _)| *known != key) {
            all.push((key, met));
        }
    }

    pub(super) fn all(&self) -> Vec<T> {
        self.all.borrow().iter().map(|(_, met)| *met).collect()
    }
}

impl Distinct<Written> {
    #[inline]
    pub(super) fn write(&self, name: &'static str, number: u32, variant: &'static str) {
        // The addresses tell the names apart; of equal ones there may be several.
        let place = (name.as_ptr() as usize).rotate_left(32) ^ variant.as_ptr() as usize;
        self.meet(place.wrapping_add((number as usize).wrapping_mul(0x1_0001)), Written { name, number, variant });
    }
}

impl Distinct<Read> {
    #[inline]
    pub(super) fn read(&self, name: &'static str, variants: &'static [&'static str]) {
        self.meet(variants.as_ptr() as usize, (name, variants));
    }
}

/// The first variant that was read as another one. Two enums may share a name: a list that agrees is enough.
pub(super) fn misread(written: &[Written], read: &[Read]) -> Option<Reason> {
    let misread = written.iter().find(|written| {
        let lists = read.iter().filter(|(name, _)| *name == written.name);
        let mut places = lists.filter_map(|(_, list)| list.iter().position(|name| *name == written.variant)).peekable();
        places.peek().is_some() && places.all(|place| place < written.number as usize)
    })?;
    let Written { name, number, variant } = *misread;
    Some(Reason::Misread { name, number, variant })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_misread(number: u32, variant: &'static str, lists: &[Read]) -> bool {
        misread(&[Written { name: "Door", number, variant }], lists).is_some()
    }

    #[test]
    fn a_variant_before_its_number_is_misread() {
        let door: Read = ("Door", &["Open", "Shut", "Broken"]);
        assert!(!is_misread(1, "Shut", &[door]));
        assert!(is_misread(2, "Shut", &[door]));
        assert!(!is_misread(1, "Shut", &[("Door", &["Ajar", "Open", "Shut"])]), "another name of `Open`");
        assert!(!is_misread(2, "Shut", &[door, ("Door", &["A", "B", "Shut"])]), "of another enum");
        assert!(!is_misread(2, "Shut", &[]) && !is_misread(2, "Shut", &[("Gate", &["Shut"])]));
    }

    #[test]
    fn each_is_kept_once() {
        let distinct = Distinct::default();
        for round in 0..3 {
            for number in 0..100 {
                distinct.write("Door", number, "Shut");
            }
            assert_eq!(distinct.all().len(), 100, "round {round}");
        }
    }
}
