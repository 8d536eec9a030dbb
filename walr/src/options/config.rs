//! The values of the options.

use std::time::Duration;

use super::{ChangedResults, CheckpointPolicy, Durability};
use crate::error::{Error, Result};

const KIB: u64 = 1024;
pub(super) const MIB: u64 = 1024 * KIB;

/// The values of the options, without the type of the state.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) durability: Durability,
    pub(crate) segment_size: u64,
    pub(crate) checkpoint: CheckpointPolicy,
    /// The largest state, in bytes, that a checkpoint encodes under the read lock. A larger one is built from disk.
    pub(crate) small_state: u64,
    pub(crate) checkpoint_on_close: bool,
    pub(crate) max_record_size: u64,
    pub(crate) queue_size: u32,
    /// The most records of a batch. Outside of tests, as many as a frame can count.
    pub(crate) batch_records: u32,
    pub(crate) idle_mark: Duration,
    pub(crate) commit_on_caller: bool,
    pub(crate) power_safe_overwrite: bool,
    pub(crate) changed_results: ChangedResults,
    /// Makes checkpoints and the next segment on threads of their own. Crash tests make them on the log thread, so that each
    /// run makes the same calls to the file system.
    pub(crate) in_background: bool,
    /// Reserves the space of segments and never fills it with zeros, for groups of any size. For crash tests.
    pub(crate) only_reserve: bool,
    /// The time for which reads wait at most, about, while a group is applied. Crash tests answer each call in a slice of its own.
    pub(crate) slice: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            durability: Durability::Sync,
            segment_size: 64 * MIB,
            checkpoint: CheckpointPolicy::default(),
            small_state: MIB,
            checkpoint_on_close: true,
            max_record_size: 256 * MIB,
            queue_size: (8 * MIB) as u32,
            batch_records: u32::MAX,
            idle_mark: Duration::from_secs(1),
            commit_on_caller: false,
            power_safe_overwrite: true,
            changed_results: ChangedResults::default(),
            in_background: true,
            only_reserve: false,
            slice: Duration::from_micros(500),
        }
    }
}

impl Config {
    pub(crate) fn validate(&self) -> Result<()> {
        let least = |option, value: u64, least: u64, reason| {
            if value < least { Err(Error::Option { option, value: value.to_string(), reason }) } else { Ok(()) }
        };
        least("segment_size", self.segment_size, 4 * KIB, "a segment takes at least 4096 bytes")?;
        least("queue_size", self.queue_size.into(), 4 * KIB, "the queue takes at least 4096 bytes")?;
        least("max_record_size", self.max_record_size, 1, "a record takes at least one byte")?;
        if let CheckpointPolicy::LogBytes { ratio, .. } = self.checkpoint
            && !(ratio >= 0.0 && ratio.is_finite())
        {
            let reason = "a ratio is a finite number, zero or above";
            return Err(Error::Option { option: "checkpoint", value: format!("a ratio of {ratio}"), reason });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_is_not_allowed_is_refused_by_name() {
        let bad = |config: Config| config.validate().unwrap_err().to_string();
        assert!(bad(Config { segment_size: 4095, ..Config::default() }).contains("segment_size"));
        assert!(bad(Config { queue_size: 0, ..Config::default() }).contains("queue_size"));
        let nan = CheckpointPolicy::LogBytes { ratio: f64::NAN, floor: 0 };
        assert!(bad(Config { checkpoint: nan, ..Config::default() }).contains("NaN"));
        assert!(Config::default().validate().is_ok());
    }
}
