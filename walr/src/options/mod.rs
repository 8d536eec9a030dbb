//! How a store is opened: every option, its unit and its default.

mod checkpoints;
mod manual;
pub(crate) mod progress;

pub use checkpoints::CheckpointPolicy;
pub use manual::{WALOptions, WALOptionsBuilder};
pub use progress::{Phase, Progress};

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use self::progress::Listener;
use crate::error::{Error, Result};

/// When a mutation is acknowledged, and so what it survives.
///
/// | an acknowledged mutation survives | [`Sync`](Durability::Sync) | [`Os`](Durability::Os) | [`Periodic(d)`](Durability::Periodic) |
/// |---|---|---|---|
/// | a panic, an error, a dropped future | yes | yes | yes |
/// | the process being killed | yes | yes | but for the last `d` |
/// | a crash of the operating system, a power cut | yes | but for what the system had not yet written | but for the last `d` |
/// | `close`, or the drop of the last handle | yes | yes | yes |
/// | the loss of the disk | no | no | no |
///
/// What is lost is always the end of the order: a mutation is never missing while a later one is there, and a batch is
/// there whole or not at all. In every mode [`sync`](crate::Durable::sync) makes all that was acknowledged durable.
///
/// A call that was answered [`Panicked`](Error::Panicked) stays away as an acknowledged one stays: the abort is synced before the
/// answer under `Sync`, and handed to the operating system under `Os` and `Periodic`. Under these two a power cut before
/// the next sync can take the abort and leave the call's record, which the next open then replays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Durability {
    /// On stable storage when acknowledged: written and synced. Calls that are made at once share one sync.
    #[default]
    Sync,
    /// Handed to the operating system when acknowledged. It is synced when a segment is full, on a checkpoint, on
    /// `sync` and on close.
    Os,
    /// Acknowledged at once and kept in the process; a write and a sync of all that came in begin at most this much later.
    Periodic(Duration),
}

/// What an open does when it must replay records that other code of the same mutations made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChangedCode {
    /// Replays them with this program's code, and counts them in
    /// [`Recovery::records_of_other_code`](crate::Recovery::records_of_other_code). The default.
    #[default]
    Replay,
    /// Refuses the open with [`Error::ChangedCode`].
    Refuse,
}

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

/// How a store of the state `S` is opened; made by [`Durable::options`](crate::Durable::options).
///
/// ```
/// # use serde::{Deserialize, Serialize};
/// # #[derive(Default, Serialize, Deserialize, walr::WalState)]
/// # struct Cache { hits: u64 }
/// # #[walr::mutations]
/// # impl Cache { #[mutation] fn hit(&mut self) { self.hits += 1 } }
/// # #[tokio::main] async fn main() -> walr::Result<()> {
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path();
/// use std::time::Duration;
/// use walr::{CheckpointPolicy, Durability, Durable};
///
/// let state = Durable::<Cache>::options()
///     .durability(Durability::Periodic(Duration::from_millis(200)))
///     .segment_size(16 << 20)
///     .checkpoint(CheckpointPolicy::Manual)
///     .open(path)
///     .await?;
/// # state.close().await
/// # }
/// ```
pub struct Options<S> {
    pub(crate) config: Config,
    /// Clones the state, where the user says that this is cheap.
    pub(crate) copy: Option<fn(&S) -> S>,
    /// Who wants to know how far the open is.
    pub(crate) listener: Option<Listener>,
    state: PhantomData<fn() -> S>,
}

/// The options' values, without the state's type.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) durability: Durability,
    pub(crate) segment_size: u64,
    pub(crate) checkpoint: CheckpointPolicy,
    /// A checkpoint encodes a state under the read lock if its size is guessed to be at most this; others are built from disk.
    pub(crate) small_state: u64,
    pub(crate) checkpoint_on_close: bool,
    pub(crate) max_record_size: u64,
    pub(crate) queue_size: u32,
    /// How many records a batch may hold: as many as a frame can count, but in tests.
    pub(crate) batch_records: u32,
    pub(crate) idle_mark: Duration,
    pub(crate) commit_on_caller: bool,
    pub(crate) power_safe_overwrite: bool,
    pub(crate) changed_code: ChangedCode,
    /// Whether checkpoints and the next segment are made on threads of their own, beside the writer. Crash tests make them
    /// on the writer's thread, so that a run makes the same calls to the file system each time.
    pub(crate) in_background: bool,
    /// Segments get their space reserved, and never written ahead, whatever the groups' size.
    #[cfg(test)]
    pub(crate) only_reserve: bool,
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
            changed_code: ChangedCode::default(),
            in_background: true,
            #[cfg(test)]
            only_reserve: false,
        }
    }
}

impl<S> Options<S> {
    pub(crate) fn new() -> Options<S> {
        Options::with(Config::default())
    }

    pub(crate) fn with(config: Config) -> Options<S> {
        Options { config, copy: None, listener: None, state: PhantomData }
    }

    /// When a mutation is acknowledged. Default: [`Durability::Sync`].
    #[must_use]
    pub fn durability(mut self, durability: Durability) -> Self {
        self.config.durability = durability;
        self
    }

    /// The size in bytes that a log file grows to, at least 4 KiB. It is a target: a group of records that is larger gets a
    /// file of its own size. Default: 64 MiB. A file whose space is written ahead, as it is where small groups are synced one
    /// by one, takes 16 MiB at the most.
    ///
    /// The first file after an open reserves 64 KiB, each later one four times as much, up to this size; what was not needed
    /// is given back when the file is finished or closed, or, after an unclean end, when the next open writes.
    #[must_use]
    pub fn segment_size(mut self, bytes: u64) -> Self {
        self.config.segment_size = bytes;
        self
    }

    /// When a checkpoint is written by itself. Default: [`CheckpointPolicy::LogBytes`] with a ratio of 1 and 64 MiB.
    #[must_use]
    pub fn checkpoint(mut self, policy: CheckpointPolicy) -> Self {
        self.config.checkpoint = policy;
        self
    }

    /// Declares that a clone of the state costs next to nothing, as with the maps of the crate `imbl`, whose clones share their
    /// structure. Default: off.
    ///
    /// Each checkpoint is then written from a clone, whatever the state's size, so that it builds no second state from disk. The
    /// store clones the state before it applies a group, too. A mutation that panics is rolled back to that clone: readers don't wait
    /// for a rebuild from disk. With a state whose clone copies everything, each call pays for the copy.
    #[must_use]
    pub fn cheap_clone(mut self) -> Self
    where
        S: Clone,
    {
        self.copy = Some(S::clone);
        self
    }

    /// Sets up to which size, in bytes, a checkpoint takes the live state: 0 builds every state from disk. For tests.
    #[cfg(any(test, feature = "testing"))]
    #[doc(hidden)]
    #[must_use]
    pub fn small_state(mut self, bytes: u64) -> Self {
        self.config.small_state = bytes;
        self
    }

    /// Sets whether a [`close`](crate::Durable::close) writes a checkpoint. Default: `true`.
    ///
    /// That checkpoint writes the whole state and reads it back, so a close of a large state takes seconds. With `false` a
    /// close only marks the end of the log, and the next open replays the log above the newest checkpoint instead. Nothing
    /// is lost either way. A close still waits for a checkpoint that is in flight. Under [`CheckpointPolicy::Manual`] a
    /// close writes no checkpoint, whatever this option says.
    ///
    /// An upgrade of the program's code wants `true`: records that are never replayed can't differ under the new code.
    /// See [`on_changed_code`](Options::on_changed_code).
    #[must_use]
    pub fn checkpoint_on_close(mut self, on: bool) -> Self {
        self.config.checkpoint_on_close = on;
        self
    }

    /// The largest record in bytes that a mutation may write; a larger one is refused with
    /// [`Error::TooLarge`]. What is on disk already is read whatever its size. Default: 256 MiB.
    #[must_use]
    pub fn max_record_size(mut self, bytes: u64) -> Self {
        self.config.max_record_size = bytes;
        self
    }

    /// How many bytes of records may wait for their group, at least 4 KiB. A call that finds no room waits until there
    /// is some; a record that is larger than this enters alone. Default: 8 MiB.
    #[must_use]
    pub fn queue_size(mut self, bytes: u32) -> Self {
        self.config.queue_size = bytes;
        self
    }

    /// Lets a caller under [`Durability::Sync`] write and sync its own call on its own thread when nobody else is at it,
    /// instead of waiting for the writer's thread: a lone writer saves two thread switches. The poll of its future then
    /// blocks for as long as a sync takes, so this is for threads that may block, and not for the workers of a busy runtime.
    /// Default: off. ([`Os`](Durability::Os) and [`Periodic`](Durability::Periodic) always commit on the caller's thread,
    /// where there is no sync to wait for.)
    #[must_use]
    pub fn commit_on_caller(mut self, on: bool) -> Self {
        self.config.commit_on_caller = on;
        self
    }

    /// Whether the medium keeps what stands beside a write when the power fails in the middle of it: SQLite's *power-safe
    /// overwrite*. Default: `true`, as disks and solid-state drives promise that a sector whose bytes don't change comes to
    /// no harm.
    ///
    /// With `false`, for raw flash and for whatever may lose a whole block that it was writing, no block of 4096 bytes that
    /// holds durable records is ever written again: what follows a sync begins on a block of its own. Under
    /// [`Durability::Sync`] each group of calls then takes 4 KiB of the log at least; the other modes sync seldom, and
    /// pay little. It may differ from one open to the next; it protects what is written while it is `false`.
    #[must_use]
    pub fn power_safe_overwrite(mut self, medium: bool) -> Self {
        self.config.power_safe_overwrite = medium;
        self
    }

    /// What to do about records that other code of the same mutations made. Default: [`ChangedCode::Replay`].
    ///
    /// A changed body of a mutation would otherwise give another state than the one that was served, and acknowledged,
    /// before. The rule for an upgrade is: close the store with the old program, open it with the new one. A close writes a
    /// checkpoint by default, so that nothing is left to be replayed. After an end without a close, open
    /// the store with the old program once more, and close it.
    ///
    /// What is compared is a fingerprint of the impl block's code, docs and comments aside. Code that the block calls
    /// isn't seen: other functions, other crates, a macro that is defined elsewhere.
    #[must_use]
    pub fn on_changed_code(mut self, then: ChangedCode) -> Self {
        self.config.changed_code = then;
        self
    }

    /// Calls `callback` while the store is opened, or looked at by [`dry_run`](Options::dry_run), to tell how far that is: at the
    /// begin and the end of each [`Phase`], and between them after each MiB or so. A store that is created has no phases.
    ///
    /// It is called on the thread that recovers, which waits for it. If it panics, it isn't called again, and the open goes on.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # #[derive(Default, Serialize, Deserialize, walr::WalState)]
    /// # struct Cache { hits: u64 }
    /// # #[walr::mutations]
    /// # impl Cache { #[mutation] fn hit(&mut self) { self.hits += 1 } }
    /// # #[tokio::main] async fn main() -> walr::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path();
    /// let options = walr::Durable::<Cache>::options().on_progress(|at| {
    ///     eprintln!("{:?}: {} of {} bytes, {} records", at.phase, at.bytes, at.total, at.records);
    /// });
    /// let state = options.open(path).await?;
    /// # state.close().await
    /// # }
    /// ```
    #[must_use]
    pub fn on_progress(mut self, callback: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        self.listener = Some(Listener::new(callback));
        self
    }

    /// After how long without a mutation a mark is written behind the last record. The mark proves, after a power cut,
    /// that everything before it was durable, so that damage to it can't be taken for a torn write. Default: one second;
    /// [`Duration::MAX`] turns it off.
    #[must_use]
    pub fn idle_mark(mut self, after: Duration) -> Self {
        self.config.idle_mark = after;
        self
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
            let reason = "it is a finite number, zero or above";
            return Err(Error::Option { option: "checkpoint", value: format!("a ratio of {ratio}"), reason });
        }
        Ok(())
    }
}

impl<S> Clone for Options<S> {
    fn clone(&self) -> Self {
        let listener = self.listener.clone();
        Options { config: self.config.clone(), copy: self.copy, listener, state: PhantomData }
    }
}

impl<S> fmt::Debug for Options<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.config.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonsense_is_refused_by_name() {
        let bad = |config: Config| config.validate().unwrap_err().to_string();
        assert!(bad(Config { segment_size: 4095, ..Config::default() }).contains("segment_size"));
        assert!(bad(Config { queue_size: 0, ..Config::default() }).contains("queue_size"));
        let nan = CheckpointPolicy::LogBytes { ratio: f64::NAN, floor: 0 };
        assert!(bad(Config { checkpoint: nan, ..Config::default() }).contains("NaN"));
        assert!(Config::default().validate().is_ok());
    }
}
