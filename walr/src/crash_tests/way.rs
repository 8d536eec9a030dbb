//! The ways in which a store writes.

use std::fmt;

use crate::sim::Medium;

/// The source of the state in a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StateSource {
    Live,
    Copy,
    Replay,
}

/// The way in which the store of a workload writes, and its medium.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way {
    pub(super) medium: Medium,
    /// `true` for a store with `power_safe_overwrite` off.
    pub(super) padded: bool,
    pub(super) source: StateSource,
    /// `true` if checkpoints are throttled, and synced chunk by chunk. A throttled checkpoint of the live state is encoded before it is
    /// written; at full speed it is written under the read lock.
    pub(super) throttled: bool,
    /// `true` if new segments are only reserved, as for large groups, and not filled with zeros ahead.
    pub(super) only_reserved: bool,
}

impl Way {
    /// The number of combinations of writes and media.
    pub(super) const WRITES: u64 = 4;
    /// The number of combinations with the sources and speeds of checkpoints.
    pub(super) const CHECKPOINTS: u64 = 24;
    /// The number of all combinations. Only under `Sync` the last one, the space of segments, makes a difference.
    pub(super) const ALL: u64 = 48;

    /// Returns the combination of a write and a checkpoint. Both numbers wrap around.
    pub(super) fn new(writes: u64, checkpoint: u64) -> Way {
        let medium = Medium { direct: writes.is_multiple_of(2), overwrite_safe: (writes / 2).is_multiple_of(2) };
        let throttled = (checkpoint / 3).is_multiple_of(2);
        let source = [StateSource::Live, StateSource::Copy, StateSource::Replay][(checkpoint % 3) as usize];
        Way { medium, padded: !medium.overwrite_safe, source, throttled, only_reserved: false }
    }

    /// Returns one of all combinations. The number wraps around.
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
        let speed = if self.throttled { "throttled" } else { "at full speed" };
        write!(f, "{writes}, {medium} medium, {padded}, {space}, checkpoints by {:?} {speed}", self.source)
    }
}
