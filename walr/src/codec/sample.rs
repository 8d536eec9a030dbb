//! The names that the samples of a type are written with: of variants with their numbers, and of fields in their order.
//!
//! No token shows a variant's number or a field's name. A trace compares them with the names that the type reads.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

use super::variants::WrittenVariant;

/// The most parts of all samples together, the deepest part, and the most bytes of a sample: what a hand-written `Serialize`
/// makes of a sample may have no end.
const MOST_PARTS: usize = 1 << 20;
const MOST_DEPTH: usize = 256;
const MOST_BYTES: usize = 1 << 20;

/// A struct, or a variant with fields, as it was written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct WrittenStruct {
    /// The name of the struct, or of the enum.
    pub(crate) name: &'static str,
    pub(crate) variant: Option<&'static str>,
    pub(crate) fields: Vec<&'static str>,
}

/// Collects the names of all samples of a type.
#[derive(Debug, Default)]
pub(crate) struct SampleNames {
    variants: RefCell<BTreeSet<WrittenVariant>>,
    structs: RefCell<BTreeSet<WrittenStruct>>,
    /// The fields so far of the structs that are being written, by their depth.
    open: RefCell<Vec<Vec<&'static str>>>,
    parts: Cell<usize>,
    depth: Cell<usize>,
}

impl SampleNames {
    /// Begins a sample. The one before may have panicked, and so left its depth behind.
    pub(super) fn begin(&self) {
        self.depth.set(0);
    }

    /// Counts a part that begins after so many `written` bytes. Returns false if the sample is too large.
    pub(super) fn enter(&self, written: usize) -> bool {
        self.parts.set(self.parts.get() + 1);
        self.depth.set(self.depth.get() + 1);
        self.parts.get() <= MOST_PARTS && self.depth.get() <= MOST_DEPTH && written <= MOST_BYTES
    }

    pub(super) fn leave(&self) {
        self.depth.set(self.depth.get() - 1);
    }

    #[cold]
    pub(super) fn add_variant(&self, name: &'static str, number: u32, variant: &'static str) {
        self.variants.borrow_mut().insert(WrittenVariant { name, number, variant });
    }

    /// Adds a field to the struct at this depth.
    #[cold]
    pub(super) fn add_field(&self, index: usize, name: Option<&'static str>) {
        let (mut open, depth) = (self.open.borrow_mut(), self.depth.get());
        if open.len() <= depth {
            open.resize(depth + 1, Vec::new());
        }
        if index == 0 {
            open[depth].clear();
        }
        open[depth].extend(name);
    }

    /// Adds the struct at this depth, whose fields were all added.
    #[cold]
    pub(super) fn add_struct(&self, name: &'static str, variant: Option<&'static str>) {
        let fields = self.open.borrow_mut().get_mut(self.depth.get()).map(std::mem::take).unwrap_or_default();
        self.structs.borrow_mut().insert(WrittenStruct { name, variant, fields });
    }

    pub(crate) fn variants(&self) -> Vec<WrittenVariant> {
        self.variants.borrow().iter().copied().collect()
    }

    pub(crate) fn structs(&self) -> Vec<WrittenStruct> {
        self.structs.borrow().iter().cloned().collect()
    }
}
