//! The handle of an open store.

use std::fmt;
use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

use crate::commit::{Front, Request, Stats};
use crate::error::Result;
use crate::lsn::Lsn;
use crate::options::Options;
use crate::schema::state::{FirstState, Handle, Mutations, Recorded, WalState};
use crate::store::shared::{Local, OpenStore};
use crate::store::view::Store;

/// A handle of an open store, whose state survives crashes.
///
/// The handle dereferences to the state's mutations and queries: `state.insert(key, value).await` records the call, makes the record
/// as durable as [`Durability`](crate::Durability) says, applies the call, and returns what the method returned. Clones are handles of
/// the same store. All methods work on any executor.
///
/// The drop of the last handle writes what is pending, marks the log as closed and unlocks the folder before it returns. It writes no
/// checkpoint and reports no error; [`close`](Durable::close) does both.
///
/// A call can't be awaited inside [`read`](Durable::read) or inside the body of a mutation: it would wait for itself, and fails with
/// [`Reentrant`](crate::Error::Reentrant) instead.
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use walr::{Durable, WalState};
///
/// #[derive(Default, Serialize, Deserialize, WalState)]
/// struct Visits {
///     count: u64,
/// }
///
/// #[walr::mutations]
/// impl Visits {
///     #[mutation]
///     fn visit(&mut self) -> u64 {
///         self.count += 1;
///         self.count
///     }
/// }
///
/// # #[tokio::main] async fn main() -> walr::Result<()> {
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path();
/// let visits: Durable<Visits> = Durable::open(path).await?;
/// assert_eq!(visits.visit().await?, 1); // durable when it returns
/// assert_eq!(visits.read(|visits| visits.count), 1);
/// visits.close().await
/// # }
/// ```
///
/// # Resources
///
/// | | while the store is open |
/// |---|---|
/// | memory | the state; a second state while a checkpoint is written, and after a panic until the state is rebuilt; buffers for the largest of the last groups of calls, from some tens of KiB to about 20 MiB; at most [`queue_size`](crate::Options::queue_size) bytes of waiting calls; at most 2 MiB for each thread that calls |
/// | threads | one, and another one once many tasks call; another one while a segment is prepared, and one or two while a checkpoint is written |
/// | open files | two before the first mutation; then four, six once the next segment is prepared, and three more while a checkpoint is written. Some steps open two more for a moment |
/// | disk | the two newest checkpoints, and the log since the older one; two segments of reserved space, from 64 KiB each up to [`segment_size`](crate::Options::segment_size) |
///
/// Under [`Durability::Sync`](crate::Durability::Sync) on a fast disk, a lone caller polls for its answer for at most 0.4 ms before it
/// sleeps, and yields to the other tasks of its executor in between.
///
/// # Cancel safety
///
/// A call enters the queue at its first poll, or later if it waits for capacity in the queue. A future that is dropped before that has
/// no effect. A future that is dropped after that loses its result, and the mutation happens.
pub struct Durable<S: Recorded> {
    store: Arc<dyn Local<S>>,
    mutations: S::Mutations,
}

impl<S: Recorded> Durable<S> {
    /// Opens the store in the folder `path` with the default options, and recovers its state.
    ///
    /// If there is no store, it is created with the state `S::default()`; missing folders are created too. Every type with `Default`
    /// implements `FirstState`. For other types there is [`Options::open_with`].
    ///
    /// # Errors
    ///
    /// After an error the data on disk is as it was.
    ///
    /// - [`Locked`](crate::Error::Locked) if the store is open already, in this process or in another
    /// - [`Corrupt`](crate::Error::Corrupt) and [`Missing`](crate::Error::Missing) if durable data is corrupt or missing
    /// - [`Schema`](crate::Error::Schema), [`Migration`](crate::Error::Migration), [`Newer`](crate::Error::Newer) and
    ///   [`ReplayPanicked`](crate::Error::ReplayPanicked) if this program can't read or replay the data
    /// - [`Codec`](crate::Error::Codec) if a type of the state or of an argument can't be read back, or would be read back as another
    ///   value
    /// - [`Io`](crate::Error::Io), [`Full`](crate::Error::Full) and [`Thread`](crate::Error::Thread)
    ///
    /// # Cancel safety
    ///
    /// A dropped open leaves the data as it was. The folder stays locked until the recovery has ended.
    pub async fn open(path: impl AsRef<Path>) -> Result<Durable<S>>
    where
        S: WalState + FirstState,
    {
        Options::new().open(path).await
    }

    /// Returns the default options, to change them and open the store, like [`File::options`](std::fs::File::options).
    pub fn options() -> Options<S>
    where
        S: WalState,
    {
        Options::new()
    }

    pub(crate) fn new(store: OpenStore<S>) -> Durable<S>
    where
        S: WalState,
    {
        Durable::of(Arc::new(store))
    }

    fn of(store: Arc<dyn Local<S>>) -> Durable<S> {
        Durable { mutations: S::Mutations::new(Handle::new(store.clone())), store }
    }
}

impl<S: WalState> Durable<S> {
    pub(crate) fn front(&self) -> &Front<S> {
        self.store.front()
    }

    /// Calls `look` with the state, and returns its result.
    ///
    /// A read does no I/O. It sees only mutations that are as durable as [`Durability`](crate::Durability) asks. Reads run in parallel.
    /// A read inside a read works, also on another thread that the outer read waits for. Keep reads short, because mutations are
    /// applied between them.
    ///
    /// The closure can't wait for a mutation, because the mutation would wait for the closure. On the thread of the closure such a
    /// call fails with [`Reentrant`](crate::Error::Reentrant), also if its future began outside. On another thread the store can't
    /// see it, and the two wait for each other for ever:
    ///
    /// ```no_run
    /// # use serde::{Deserialize, Serialize};
    /// # use walr::{Durable, WalState};
    /// # #[derive(Default, Serialize, Deserialize, WalState)]
    /// # struct Cache { hits: u64 }
    /// # #[walr::mutations]
    /// # impl Cache { #[mutation] fn hit(&mut self) -> u64 { self.hits += 1; self.hits } }
    /// # fn block_on<T>(_: impl Future<Output = T>) -> T { loop {} }
    /// # fn example(cache: &Durable<Cache>) {
    /// cache.read(|_| {
    ///     std::thread::scope(|scope| {
    ///         // Never do this: the read waits for the thread, and the call waits for the read.
    ///         scope.spawn(|| block_on(cache.hit()));
    ///     });
    /// });
    /// # }
    /// ```
    ///
    /// # Panics
    ///
    /// Panics inside the body of a mutation, where the state is `self`. Also panics if a mutation panicked and the state can't be
    /// rebuilt from disk; if the reason may pass, such as too many open files, the next call or read tries again.
    pub fn read<R>(&self, look: impl FnOnce(&S) -> R) -> R {
        look(&self.front().core.read())
    }

    /// Records and applies one log value, like the method that the value stands for.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use walr::{Durable, WalState};
    /// # #[derive(Default, Serialize, Deserialize, WalState)]
    /// # struct Cache { hits: u64 }
    /// # #[walr::mutations]
    /// # impl Cache { #[mutation] fn hit(&mut self, times: u64) -> u64 { self.hits += times; self.hits } }
    /// # #[tokio::main] async fn main() -> walr::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let cache = Durable::<Cache>::open(folder.path()).await?;
    /// let outcome = cache.apply(CacheLog::Hit { times: 2 }).await?;
    /// assert!(matches!(outcome, CacheOutcome::Hit(2)));
    /// # cache.close().await
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// These are the errors of every mutation. [`Error::fate`](crate::Error::fate) tells whether the call may be recorded.
    ///
    /// - [`Codec`](crate::Error::Codec) and [`TooLarge`](crate::Error::TooLarge) if the arguments can't be recorded
    /// - [`Panicked`](crate::Error::Panicked) if the method panicked
    /// - [`Closed`](crate::Error::Closed), and [`Failed`](crate::Error::Failed) after an earlier failure
    /// - [`Full`](crate::Error::Full) and [`Io`](crate::Error::Io) if the log can't take the record
    /// - [`Commit`](crate::Error::Commit) and [`Thread`](crate::Error::Thread) if the write or the sync failed
    /// - [`Reentrant`](crate::Error::Reentrant) and [`Forked`](crate::Error::Forked)
    ///
    /// # Cancel safety
    ///
    /// The call happens or has no effect; see [`Durable`](Durable#cancel-safety).
    pub async fn apply(&self, log: S::Log) -> Result<S::Outcome> {
        self.front().mutate(log).await
    }

    /// Records and applies log values as one batch: after a crash or a panic all of it is there, or none.
    ///
    /// A mutation that returns `Err` doesn't roll back the others, and the outcomes show it; to avoid that, write one mutation. An
    /// empty batch writes nothing.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`apply`](Durable::apply) for the whole batch, and [`TooMany`](crate::Error::TooMany) for a batch of more
    /// than 4,294,967,295 records.
    ///
    /// # Cancel safety
    ///
    /// The whole batch happens or has no effect; see [`Durable`](Durable#cancel-safety).
    pub async fn apply_batch(&self, logs: impl IntoIterator<Item = S::Log>) -> Result<Vec<S::Outcome>> {
        self.front().mutate_all(logs.into_iter().collect()).await
    }

    /// Writes a checkpoint of the state, unless the newest checkpoint already has it, and returns the checkpoint's LSN.
    ///
    /// The store then removes the log that only older checkpoints than the last two need. If that fails, the checkpoint still counts:
    /// [`Stats::removal_error`](crate::Stats::removal_error) has the reason, and the next checkpoint tries again.
    ///
    /// # Errors
    ///
    /// After an error no data is lost, and the older checkpoints are still there.
    ///
    /// - [`Io`](crate::Error::Io) and [`Full`](crate::Error::Full) if the file can't be written
    /// - [`Codec`](crate::Error::Codec) if the state can't be read back
    /// - [`Corrupt`](crate::Error::Corrupt) if the disk returns other bytes than were written
    /// - [`Closed`](crate::Error::Closed), [`Failed`](crate::Error::Failed), [`Commit`](crate::Error::Commit),
    ///   [`Thread`](crate::Error::Thread), [`Reentrant`](crate::Error::Reentrant) and [`Forked`](crate::Error::Forked)
    ///
    /// # Cancel safety
    ///
    /// Once polled, the checkpoint is written even if the future is dropped.
    pub async fn checkpoint(&self) -> Result<Lsn> {
        self.front().ask(Request::Checkpoint).await
    }

    /// Makes every acknowledged mutation durable, under any [`Durability`](crate::Durability), and returns the LSN of the last record.
    ///
    /// # Errors
    ///
    /// - [`Commit`](crate::Error::Commit) if the write or the sync fails
    /// - [`Closed`](crate::Error::Closed), [`Failed`](crate::Error::Failed), [`Thread`](crate::Error::Thread),
    ///   [`Reentrant`](crate::Error::Reentrant) and [`Forked`](crate::Error::Forked)
    ///
    /// # Cancel safety
    ///
    /// Once polled, the sync happens even if the future is dropped.
    pub async fn sync(&self) -> Result<Lsn> {
        self.front().ask(Request::Sync).await
    }

    /// Closes the store for all clones of the handle.
    ///
    /// The store finishes the calls in the queue, writes a checkpoint if the log holds records that the newest one doesn't have, marks
    /// the log as closed and unlocks the folder. Afterwards reads go on, and mutations return [`Closed`](crate::Error::Closed). A
    /// further close returns the result of the first one.
    ///
    /// The checkpoint contains the whole state, so that the close of a large state takes seconds. There is none if the policy is
    /// [`Manual`](crate::CheckpointPolicy::Manual) or [`checkpoint_on_close`](crate::Options::checkpoint_on_close) is `false`.
    ///
    /// # Errors
    ///
    /// The store is closed after any of the first three.
    ///
    /// - [`NoCheckpoint`](crate::Error::NoCheckpoint) if the checkpoint failed: nothing is lost, and the next open replays the log
    /// - [`Commit`](crate::Error::Commit) and [`Failed`](crate::Error::Failed) if the log can't be written
    /// - [`Io`](crate::Error::Io) if the folder can't be unlocked, and [`Thread`](crate::Error::Thread)
    /// - [`Reentrant`](crate::Error::Reentrant) and [`Forked`](crate::Error::Forked)
    ///
    /// # Cancel safety
    ///
    /// Once polled, the close finishes even if the future is dropped.
    pub async fn close(&self) -> Result<()> {
        self.front().close().await
    }

    /// Returns the handle once its reads show all that was acknowledged before; for a local store at once.
    ///
    /// Every handle has this method, so that a program can change to another one.
    ///
    /// # Errors
    ///
    /// Returns no error for a local store.
    pub async fn linearizable(&self) -> Result<&Self> {
        Ok(self)
    }

    /// Returns counts and sizes since the store was opened.
    pub fn stats(&self) -> Stats {
        self.front().core.stats.lock().clone()
    }

    /// Returns a view of the store itself: its folder, its recovery, its verification.
    pub fn store(&self) -> Store<'_, S> {
        Store { front: self.front() }
    }
}

impl<S: Recorded> Clone for Durable<S> {
    fn clone(&self) -> Self {
        Durable::of(self.store.clone())
    }
}

impl<S: Recorded> Deref for Durable<S> {
    type Target = S::Mutations;

    fn deref(&self) -> &S::Mutations {
        &self.mutations
    }
}

impl<S: Recorded> fmt::Debug for Durable<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Durable").field("state", &std::any::type_name::<S>()).finish_non_exhaustive()
    }
}
