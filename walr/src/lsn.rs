//! The numbers that order records: the LSN, and the position in an outer order.

use std::fmt;

/// A log sequence number: the number of a record.
///
/// A store's first record has the number 1, and each later record the next one, in the order of application. 0 comes before the first
/// record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lsn(u64);

impl Lsn {
    /// Creates the LSN with this number.
    pub const fn new(number: u64) -> Lsn {
        Lsn(number)
    }

    /// Returns the number.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<Lsn> for u64 {
    fn from(lsn: Lsn) -> u64 {
        lsn.0
    }
}

/// The place in an outer order that a state or a group of records comes from, such as the term and the index of a Raft entry.
///
/// Both numbers are 0 in a store that isn't part of another order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    pub(crate) epoch: u64,
    pub(crate) position: u64,
}
