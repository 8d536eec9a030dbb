//! The ways that a store may go about its writing: all of them must hold what was acknowledged.

use std::fmt;

use crate::sim::Medium;

/// Where a workload's checkpoints take the state from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Live,
    Copy,
    Replay,
}

/// How a workload's store writes, and on what.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way {
    pub(super) medium: Medium,
    /// Whether the store is told that the medium's overwrites are not safe.
    pub(super) padded: bool,
    pub(super) source: Source,
    /// Whether a checkpoint beside the writer is written gently, in chunks that are synced one by one, or in a hurry. One of
    /// the live state is encoded first, or written under the read lock.
    pub(super) gentle: bool,
    /// Whether new segments are only reserved, as they are for large groups, and not written ahead.
    pub(super) only_reserved: bool,
}

impl Way {
    /// How many ways of writing there are.
    pub(super) const WRITES: u64 = 4;
    /// How many there are with the checkpoints' sources, and their paces.
    pub(super) const CHECKPOINTS: u64 = 24;
    /// How many with the segments' spaces too, which differ under `Sync` alone.
    pub(super) const ALL: u64 = 48;

    /// A way of writing and a source, each by its number: both go round.
    pub(super) fn new(writes: u64, source: u64) -> Way {
        let medium = Medium { direct: writes.is_multiple_of(2), overwrite_safe: (writes / 2).is_multiple_of(2) };
        let gentle = (source / 3).is_multiple_of(2);
        let source = [Source::Live, Source::Copy, Source::Replay][(source % 3) as usize];
        Way { medium, padded: !medium.overwrite_safe, source, gentle, only_reserved: false }
    }

    /// One of all ways; they go round.
    pub(super) fn nth(number: u64) -> Way {
        let only_reserved = !(number / Way::CHECKPOINTS).is_multiple_of(2);
        Way { only_reserved, ..Way::new(number, number / Way::WRITES) }
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let writes = if self.medium.direct { "direct" } else { "plain" };
        let medium = if self.medium.overwrite_safe { "safe" } else { "unsafe" };
        let padded = if self.padded { "padded" } else { "unpadded" };
        let space = if self.only_reserved { "reserved" } else { "written ahead" };
        let pace = if self.gentle { "gently" } else { "in a hurry" };
        write!(f, "{writes}, {medium} medium, {padded}, {space}, checkpoints by {:?} {pace}", self.source)
    }
}
