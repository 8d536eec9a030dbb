//! The options that a store is opened with.

mod changed_results;
mod checkpoints;
mod config;
mod durability;
mod manual;
pub(crate) mod progress;

pub use changed_results::ChangedResults;
pub use checkpoints::CheckpointPolicy;
pub(crate) use config::Config;
pub use durability::Durability;
pub use manual::{WALOptions, WALOptionsBuilder};
pub use progress::{Phase, Progress};

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use self::progress::Listener;

/// Options to open a store of the state `S` with.
///
/// [`Durable::options`](crate::Durable::options) returns the defaults. Each method sets one option; [`open`](Options::open),
/// [`open_with`](Options::open_with) and [`open_on`](Options::open_on) open the store. No option is stored on disk: each may
/// differ from one open to the next.
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
    /// Clones the state; `None` unless the user declared that cheap.
    pub(crate) copy: Option<fn(&S) -> S>,
    pub(crate) listener: Option<Listener>,
    state: PhantomData<fn() -> S>,
}

impl<S> Options<S> {
    pub(crate) fn new() -> Options<S> {
        Options::with(Config::default())
    }

    pub(crate) fn with(config: Config) -> Options<S> {
        Options { config, copy: None, listener: None, state: PhantomData }
    }

    /// Sets the moment at which a mutation is acknowledged. Default: [`Durability::Sync`].
    #[must_use]
    pub fn durability(mut self, durability: Durability) -> Self {
        self.config.durability = durability;
        self
    }

    /// Sets the size of the log's files in bytes. At least 4 KiB; default: 64 MiB.
    ///
    /// The size is a target: a group of calls that is larger gets a file of its own size. Under [`Durability::Sync`] with small
    /// calls a file takes at most 16 MiB, because the store fills it with zeros ahead of need, which makes syncs faster.
    ///
    /// The first file after an open reserves 64 KiB, and each later one up to four times as much as the one before; files are
    /// larger where calls are. The next file is created once half of the current one is used. The store cuts a file's unused end
    /// off when it finishes or closes the file, and after a crash at the first write of the next open.
    #[must_use]
    pub fn segment_size(mut self, bytes: u64) -> Self {
        self.config.segment_size = bytes;
        self
    }

    /// Sets when the store writes a checkpoint by itself. Default: [`CheckpointPolicy::LogBytes`] with a ratio of 1 and a floor of
    /// 64 MiB.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # #[derive(Default, Serialize, Deserialize, walr::WalState)]
    /// # struct Cache { hits: u64 }
    /// # #[walr::mutations]
    /// # impl Cache { #[mutation] fn hit(&mut self) { self.hits += 1 } }
    /// use walr::{CheckpointPolicy, Durable};
    ///
    /// // A checkpoint once the log takes 1 MiB, and twice as much as the newest checkpoint.
    /// let policy = CheckpointPolicy::LogBytes { ratio: 2.0, floor: 1 << 20 };
    /// let options = Durable::<Cache>::options().checkpoint(policy);
    /// ```
    #[must_use]
    pub fn checkpoint(mut self, policy: CheckpointPolicy) -> Self {
        self.config.checkpoint = policy;
        self
    }

    /// Declares that a clone of the state costs next to nothing, as with the maps of the crate `imbl`, whose clones share their
    /// structure. Default: off.
    ///
    /// The store then writes each checkpoint from a clone, and rolls a mutation that panics back to a clone, instead of building a
    /// second state from disk. It makes a clone before it applies calls, and again after every 0.5 ms of their work, so that a
    /// state whose clone copies everything slows each call down.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use walr::{Durable, WalState};
    /// #[derive(Clone, Default, Serialize, Deserialize, WalState)]
    /// struct Totals {
    ///     calls: u64,
    ///     bytes: u64,
    /// }
    /// # #[walr::mutations]
    /// # impl Totals { #[mutation] fn count(&mut self, bytes: u64) { self.calls += 1; self.bytes += bytes } }
    ///
    /// let options = Durable::<Totals>::options().cheap_clone();
    /// ```
    #[must_use]
    pub fn cheap_clone(mut self) -> Self
    where
        S: Clone,
    {
        self.copy = Some(S::clone);
        self
    }

    /// Sets the largest state, in bytes, that a checkpoint encodes under the read lock; 0 builds every state from disk. For tests.
    #[cfg(any(test, feature = "testing"))]
    #[doc(hidden)]
    #[must_use]
    pub fn small_state(mut self, bytes: u64) -> Self {
        self.config.small_state = bytes;
        self
    }

    /// Sets whether [`close`](crate::Durable::close) writes a checkpoint. Default: `true`.
    ///
    /// The checkpoint writes the whole state and reads it back, so that the close of a large state takes seconds. With `false` a
    /// close only marks the end of the log, and the next open replays the log instead. Nothing is lost either way. A close always
    /// waits for a checkpoint in flight. Under [`CheckpointPolicy::Manual`] a close never writes one.
    ///
    /// An upgrade of the program needs `true`: see [`on_changed_results`](Options::on_changed_results).
    #[must_use]
    pub fn checkpoint_on_close(mut self, on: bool) -> Self {
        self.config.checkpoint_on_close = on;
        self
    }

    /// Sets the largest record, in bytes, that a mutation may write. At least 1; default: 256 MiB.
    ///
    /// A larger one fails its call with [`Error::TooLarge`](crate::Error::TooLarge). An open reads records of any size.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// use walr::{Durable, Error, WalState};
    ///
    /// #[derive(Default, Serialize, Deserialize, WalState)]
    /// struct Notes {
    ///     lines: Vec<String>,
    /// }
    ///
    /// #[walr::mutations]
    /// impl Notes {
    ///     #[mutation]
    ///     fn add(&mut self, line: &str) {
    ///         self.lines.push(line.to_string());
    ///     }
    /// }
    ///
    /// # #[tokio::main] async fn main() -> walr::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path();
    /// let notes = Durable::<Notes>::options().max_record_size(1024).open(path).await?;
    /// let refused = notes.add(&"long ".repeat(1000)).await;
    /// assert!(matches!(refused, Err(Error::TooLarge { max: 1024, .. })));
    /// # notes.close().await
    /// # }
    /// ```
    #[must_use]
    pub fn max_record_size(mut self, bytes: u64) -> Self {
        self.config.max_record_size = bytes;
        self
    }

    /// Sets the capacity of the queue: the bytes of records that wait to be recorded. At least 4 KiB; default: 8 MiB.
    ///
    /// A call waits until the queue has the capacity for its record. A record that is larger than the queue enters when the queue
    /// is empty.
    #[must_use]
    pub fn queue_size(mut self, bytes: u32) -> Self {
        self.config.queue_size = bytes;
        self
    }

    /// Lets a caller write and sync its own call under [`Durability::Sync`], if no other call is in flight. Default: off.
    ///
    /// That saves a lone caller two switches between threads. The poll of its future then blocks for the time of a sync, so use
    /// this on threads that may block, and not on the workers of a busy runtime. Under [`Os`](Durability::Os) and
    /// [`Periodic`](Durability::Periodic) there is no sync to wait for, and callers always commit their own calls.
    #[must_use]
    pub fn commit_on_caller(mut self, on: bool) -> Self {
        self.config.commit_on_caller = on;
        self
    }

    /// Sets whether a write that a power cut interrupts leaves the bytes next to it intact: SQLite's *power-safe overwrite*.
    /// Default: `true`, as disks and solid-state drives promise for each sector.
    ///
    /// Use `false` for raw flash, and for media that can lose a whole block during a write. The store then never writes again
    /// to a block of 4096 bytes that holds synced records: what follows a sync begins on the next block. Under
    /// [`Durability::Sync`] each group of calls takes at least 4 KiB of the log; the other modes sync seldom, and pay little. The
    /// option protects what is written while it is `false`.
    #[must_use]
    pub fn power_safe_overwrite(mut self, medium: bool) -> Self {
        self.config.power_safe_overwrite = medium;
        self
    }

    /// Sets what an open does if a replay returns other results than the calls did. Default: [`ChangedResults::Refuse`].
    ///
    /// The log holds digests of the results that mutations returned. If those of a replay differ, the replay leads to another state
    /// than the one that was served: a method or a function that it calls was changed, or a mutation isn't deterministic.
    ///
    /// A result counts if its type is `Serialize`, without the order of its sequences and maps. Of a `Result` whose error isn't, the
    /// `Ok` value counts, and otherwise that it failed. Nothing compares `()`, other results, results of more than 256 values inside
    /// each other, and those of mutations with `allow_nondeterminism`. In a generic impl block, only its bounds tell that a type is
    /// `Serialize`: `Option<V>` counts if the block says `V: Serialize`.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # #[derive(Default, Serialize, Deserialize, walr::WalState)]
    /// # struct Cache { hits: u64 }
    /// # #[walr::mutations]
    /// # impl Cache { #[mutation] fn hit(&mut self) { self.hits += 1 } }
    /// use walr::{ChangedResults, Durable};
    ///
    /// let options = Durable::<Cache>::options().on_changed_results(ChangedResults::Accept);
    /// ```
    #[must_use]
    pub fn on_changed_results(mut self, then: ChangedResults) -> Self {
        self.config.changed_results = then;
        self
    }

    /// Sets a callback that reports the progress of an open, or of a [`dry_run`](Options::dry_run).
    ///
    /// The callback is called at the beginning and at the end of each [`Phase`], and in between about once per MiB. The creation of
    /// a store has no phases. The thread that recovers the store calls it, and waits for it. If it panics, it isn't called again, and
    /// the open goes on.
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

    /// Sets the time without mutations after which the store writes a mark at the end of the log. At least 10 ms; default: one
    /// second. [`Duration::MAX`] turns marks off.
    ///
    /// A mark proves that everything before it was synced. After a power cut, a corrupt record before a mark is therefore reported,
    /// and not mistaken for a torn write.
    #[must_use]
    pub fn idle_mark(mut self, after: Duration) -> Self {
        self.config.idle_mark = after;
        self
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
