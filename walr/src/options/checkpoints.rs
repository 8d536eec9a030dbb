//! When checkpoints are written, and from which state.

use super::MIB;

/// When a checkpoint is written by itself.
///
/// A checkpoint is the whole state in one file. The log before it is no longer needed, so that checkpoints bound both the
/// size of the folder and the time of the next open. They are written by a thread of their own. A `close` writes one
/// too if the log holds records above the newest one, unless the policy is [`Manual`](CheckpointPolicy::Manual) or
/// [`checkpoint_on_close`](crate::Options::checkpoint_on_close) is `false`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum CheckpointPolicy {
    /// When the log since the last checkpoint takes at least `floor` bytes (a log file counts as a 64th of
    /// the floor at least), and at least `ratio` times the bytes of that
    /// checkpoint: so that the work of writing the state is spread over a log of its own size. The default is a ratio of
    /// 1 and a floor of 64 MiB.
    LogBytes {
        /// How many times the checkpoint's size the log may reach.
        ratio: f64,
        /// Below this many bytes of log no checkpoint is written.
        floor: u64,
    },
    /// Only when [`checkpoint`](crate::Durable::checkpoint) is called; not on close either.
    Manual,
}

impl Default for CheckpointPolicy {
    fn default() -> Self {
        CheckpointPolicy::LogBytes { ratio: 1.0, floor: 64 * MIB }
    }
}

impl CheckpointPolicy {
    /// What a segment counts as in bytes of log, at least.
    pub(crate) fn segment_counts(&self) -> u64 {
        match *self {
            CheckpointPolicy::LogBytes { floor, .. } => floor / 64,
            CheckpointPolicy::Manual => 0,
        }
    }

    /// Whether a checkpoint is due after `log` bytes of log, when the newest checkpoint takes `checkpoint` bytes.
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
