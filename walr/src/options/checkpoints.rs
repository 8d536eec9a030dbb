//! The policy that says when a checkpoint is due.

use super::config::MIB;

/// The policy that decides when the store writes a checkpoint by itself.
///
/// A checkpoint is the whole state in one file, written by a thread of its own. It replaces the log before it, and so bounds the
/// size of the folder and the time of the next open. [`close`](crate::Durable::close) also writes a checkpoint if the log holds
/// newer records, unless the policy is [`Manual`](CheckpointPolicy::Manual) or
/// [`checkpoint_on_close`](crate::Options::checkpoint_on_close) is `false`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum CheckpointPolicy {
    /// Writes a checkpoint when the log since the newest one takes at least `floor` bytes, and at least `ratio` times as many bytes
    /// as that checkpoint. The default, with a ratio of 1 and a floor of 64 MiB.
    ///
    /// The ratio bounds the work: with 1, the store writes about as many bytes of checkpoints as of log. A file of the log counts as at
    /// least a 64th of the floor.
    LogBytes {
        /// The size of the log, as a multiple of the checkpoint's size.
        ratio: f64,
        /// The size of the log in bytes below which no checkpoint is due.
        floor: u64,
    },
    /// Writes a checkpoint only when [`checkpoint`](crate::Durable::checkpoint) is called, and not on close.
    Manual,
}

impl Default for CheckpointPolicy {
    fn default() -> Self {
        CheckpointPolicy::LogBytes { ratio: 1.0, floor: 64 * MIB }
    }
}

impl CheckpointPolicy {
    /// Returns the least number of bytes of log that a segment counts as.
    pub(crate) fn segment_counts(&self) -> u64 {
        match *self {
            CheckpointPolicy::LogBytes { floor, .. } => floor / 64,
            CheckpointPolicy::Manual => 0,
        }
    }

    /// Returns whether a checkpoint is due after `log` bytes of log, if the newest checkpoint takes `checkpoint` bytes.
    pub(crate) fn is_due(&self, log: u64, checkpoint: u64) -> bool {
        match *self {
            CheckpointPolicy::LogBytes { ratio, floor } => log >= floor && log as f64 >= ratio * checkpoint as f64,
            CheckpointPolicy::Manual => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_is_due_by_floor_and_ratio() {
        let policy = CheckpointPolicy::LogBytes { ratio: 2.0, floor: 100 };
        assert!(!policy.is_due(99, 0));
        assert!(policy.is_due(100, 50));
        assert!(!policy.is_due(199, 100));
        assert!(policy.is_due(200, 100));
        assert!(!CheckpointPolicy::Manual.is_due(u64::MAX, 0));
    }
}
