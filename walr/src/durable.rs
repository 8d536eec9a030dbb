//! The handle of an open store.

use std::fmt;
use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use parking_lot::Mutex;

use crate::commit::{Front, Request, Stats};
use crate::error::Result;
use crate::lsn::Lsn;
use crate::options::Options;
use crate::recovery::Recovery;
use crate::state::{Begins, Handle, Mutations, Recorded, WalState};
use crate::verify::{Verified, verify};

/// A state that survives: the handle of an open store.
///
/// It dereferences to the state's mutations and queries, so that `state.insert(key, value).await` records the call, makes
/// it as durable as [`Durability`](crate::Durability) says, applies it, and returns what the method returned. Clones are
/// handles of the same store. The last one that is dropped writes what is outstanding, marks the close and unlocks the
/// folder, before the drop returns; it writes no checkpoint, which [`close`](Durable::close) does, and reports no error.
///
/// Every method works on any executor. No mutation may be awaited inside [`read`](Durable::read) or inside a mutation's
/// body: that is an error ([`Error::Reentrant`](crate::Error::Reentrant)), and never a wait.
///
/// # What it holds
///
/// The state, one thread, two to four open files, and buffers as large as the last groups needed: some tens of KiB where
/// calls are small, at most 4 MiB for a group's frame, as much for what is written of it, and twice that for whole blocks.
/// Calls that wait hold at most [`queue_size`](crate::Options::queue_size) bytes. A thread that calls keeps up to 2 MiB to
/// encode into. While a checkpoint of a large state is written there is a second state. On disk, a store that is written much
/// has two segments of [`segment_size`](crate::Options::segment_size) ahead; one that is written little has 64 KiB.
///
/// A caller that is alone, under `Sync` and on a fast disk, asks for its answer again and again instead of going to sleep, and
/// lets its executor's other tasks run in between. That takes processor time, for at most 0.4 ms a call.
///
/// # Cancel safety
///
/// A call is recorded at its first poll, or when it has found room in the queue. Dropped before that, it is not begun;
/// dropped after it, it is done all the same, and only its result is lost.
pub struct Durable<S: Recorded> {
    mutations: S::Mutations,
}

impl<S: Recorded> Durable<S> {
    /// Opens the store in the folder `path` with the default options, and recovers what was there; a new store begins with
    /// `S::default()`. Missing folders are created. Each `Default` state is `Begins`; for others there is
    /// [`Options::open_with`](Options::open_with).
    ///
    /// An open store has one thread, and two to four open files.
    ///
    /// # Errors
    ///
    /// [`Locked`](crate::Error::Locked) if it is open already, here or in another process;
    /// [`Corrupt`](crate::Error::Corrupt) and [`Missing`](crate::Error::Missing) if durable data is damaged or gone;
    /// [`Schema`](crate::Error::Schema), [`Newer`](crate::Error::Newer) and
    /// [`ReplayPanicked`](crate::Error::ReplayPanicked) if this program can't replay what is there;
    /// [`Codec`](crate::Error::Codec) if a type in the state or in an argument can't be read back, or would come back as another value;
    /// [`Io`](crate::Error::Io) and [`Full`](crate::Error::Full). Nothing on disk is changed by a refusal.
    ///
    /// # Cancel safety
    ///
    /// A dropped open leaves the store as it was; the folder stays locked until the recovery has ended.
    pub async fn open(path: impl AsRef<Path>) -> Result<Durable<S>>
    where
        S: WalState + Begins,
    {
        Options::new().open(path).await
    }

    /// Options to open a store with, like [`File::options`](std::fs::File::options).
    pub fn options() -> Options<S>
    where
        S: WalState,
    {
        Options::new()
    }

    pub(crate) fn new(guard: Guard<S>) -> Durable<S>
    where
        S: WalState,
    {
        Durable { mutations: S::Mutations::new(Handle::new(Arc::new(guard))) }
    }
}

impl<S: WalState> Durable<S> {
    fn front(&self) -> &Front<S> {
        front(self.mutations.handle())
    }

    /// Calls `look` on the state, under a read lock, and returns what it returns. No I/O and no await: what it sees is
    /// acknowledged, or about to be, and under [`Durability::Sync`](crate::Durability::Sync) durable. Reads run beside
    /// each other, and a read inside a read works. Keep it short: mutations are applied between reads.
    ///
    /// # Panics
    ///
    /// Inside a mutation's body, where the state is `self`; and if a mutation panicked and the state could not be built
    /// again from disk, until the store is reopened.
    pub fn read<R>(&self, look: impl FnOnce(&S) -> R) -> R {
        self.front().core.read(look)
    }

    /// Records and applies one log value, as the method that it stands for would.
    ///
    /// # Errors
    ///
    /// As every mutation: [`Codec`](crate::Error::Codec) and [`TooLarge`](crate::Error::TooLarge) for the value,
    /// [`Panicked`](crate::Error::Panicked) if the method panicked, [`Closed`](crate::Error::Closed),
    /// [`Failed`](crate::Error::Failed) after an earlier failure, [`Full`](crate::Error::Full), and
    /// [`Commit`](crate::Error::Commit) if the write or the sync failed. [`Error::fate`](crate::Error::fate) tells whether
    /// it may be recorded.
    ///
    /// # Cancel safety
    ///
    /// Done or not begun, never half; see [`Durable`].
    pub async fn apply(&self, log: S::Log) -> Result<S::Outcome> {
        self.front().mutate(log).await
    }

    /// Records and applies log values as one batch: after a crash or a panic all of it is there, or none. A domain error
    /// in the middle doesn't undo its neighbours, and the outcomes show it; whoever wants that writes one mutation. An
    /// empty batch writes nothing.
    ///
    /// # Errors
    ///
    /// As [`apply`](Durable::apply), for the whole batch.
    ///
    /// # Cancel safety
    ///
    /// Done or not begun, never half; see [`Durable`].
    pub async fn apply_batch(&self, logs: impl IntoIterator<Item = S::Log>) -> Result<Vec<S::Outcome>> {
        self.front().mutate_all(logs.into_iter().collect()).await
    }

    /// Writes the state as it is now as a checkpoint, unless the newest one has it already, and returns its LSN. The log
    /// below the second newest checkpoint is removed. Where that fails the checkpoint counts all the same:
    /// [`Stats::removal_error`](crate::Stats::removal_error) tells why, and the next checkpoint tries again.
    ///
    /// # Errors
    ///
    /// [`Io`](crate::Error::Io) and [`Full`](crate::Error::Full), after which everything is as before;
    /// [`Codec`](crate::Error::Codec) if the state doesn't survive being encoded and decoded;
    /// [`Closed`](crate::Error::Closed) and [`Failed`](crate::Error::Failed).
    ///
    /// # Cancel safety
    ///
    /// Goes on when it is dropped.
    pub async fn checkpoint(&self) -> Result<Lsn> {
        self.front().ask(Request::Checkpoint).await
    }

    /// Makes everything that was acknowledged durable, whatever the options say, and returns the LSN that it reaches to.
    ///
    /// # Errors
    ///
    /// [`Commit`](crate::Error::Commit) if the write or the sync fails; [`Closed`](crate::Error::Closed) and
    /// [`Failed`](crate::Error::Failed).
    ///
    /// # Cancel safety
    ///
    /// Goes on when it is dropped.
    pub async fn sync(&self) -> Result<Lsn> {
        self.front().ask(Request::Sync).await
    }

    /// Closes the store for all clones: what was called is done, a checkpoint is written if the log holds anything above
    /// the newest one (unless the policy is manual), the log is marked as closed and the folder unlocked. Afterwards reads
    /// go on, and mutations get [`Closed`](crate::Error::Closed). Closing again returns what the first close did.
    ///
    /// # Errors
    ///
    /// [`Commit`](crate::Error::Commit) or [`Failed`](crate::Error::Failed) if the log could not be written, and what
    /// [`checkpoint`](Durable::checkpoint) returns: then nothing is lost, and the next open replays the log. The store is
    /// closed in any case.
    ///
    /// # Cancel safety
    ///
    /// Once polled, it finishes even if it is dropped.
    pub async fn close(&self) -> Result<()> {
        self.front().close().await
    }

    /// Figures since the store was opened.
    pub fn stats(&self) -> Stats {
        self.front().core.stats.lock().clone()
    }

    /// What there is to know about the store itself.
    pub fn store(&self) -> Store<'_, S> {
        Store { front: self.front() }
    }
}

impl<S: Recorded> Clone for Durable<S> {
    fn clone(&self) -> Self {
        Durable { mutations: S::Mutations::new(self.mutations.handle().clone()) }
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

/// What there is to know about an open store; from [`Durable::store`].
pub struct Store<'a, S: Recorded> {
    front: &'a Front<S>,
}

impl<'a, S: Recorded> Store<'a, S> {
    /// The folder, as an absolute path. A folder that was renamed since is still the store's, under its old path here.
    pub fn path(&self) -> &'a Path {
        &self.front.core.dir.path
    }

    /// What the open found and did.
    pub fn recovery(&self) -> &'a Recovery {
        &self.front.core.recovery
    }

    /// Replays the folder into a second state, and compares it with the one that is served, at one LSN: a mutation that isn't
    /// deterministic shows here, and not at the next open. It begins at the older of the two checkpoints, if this program's code
    /// made all records since, and else at the newest.
    ///
    /// It works on a thread of its own, and takes the memory of a second state, or, to find where two replays differ, of a second
    /// and a third. Mutations go on meanwhile; they wait for the comparison, and, if there are so many that
    /// the replay never catches up, for its last records. No checkpoint is removed before it ends.
    ///
    /// # Errors
    ///
    /// [`Diverged`](crate::Error::Diverged) if the two differ. It names the first record at which two more replays, side by
    /// side, were seen to differ, and its mutation: the order of a `HashMap` can happen to be the same twice, so that
    /// the first one at fault may stand before it. Where all replays agree, and only the state that is served differs, there is no such record to
    /// be found. [`ReplayPanicked`](crate::Error::ReplayPanicked) if a mutation panics;
    /// [`Closed`](crate::Error::Closed), [`Failed`](crate::Error::Failed), and what reading the folder returns.
    ///
    /// # Cancel safety
    ///
    /// Goes on when it is dropped, and changes nothing.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use walr::{Durable, WalState};
    /// #[derive(Default, PartialEq, Serialize, Deserialize, WalState)]
    /// struct Cache {
    ///     hits: u64,
    /// }
    /// # #[walr::mutations]
    /// # impl Cache { #[mutation] fn hit(&mut self) { self.hits += 1 } }
    ///
    /// # #[tokio::main] async fn main() -> walr::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// let cache = Durable::<Cache>::open(folder.path()).await?;
    /// cache.hit().await?;
    /// let verified = cache.store().verify_replay().await?;
    /// assert_eq!(verified.at.get(), 1);
    /// # cache.close().await
    /// # }
    /// ```
    pub async fn verify_replay(&self) -> Result<Verified>
    where
        S: WalState + PartialEq,
    {
        verify(self.front).await
    }
}

impl<S: Recorded> fmt::Debug for Store<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("path", &self.front.core.dir.path).finish_non_exhaustive()
    }
}

/// What the clones of a handle share: its drop is the end of the last one.
pub(crate) struct Guard<S: Recorded> {
    pub(crate) front: Front<S>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl<S: Recorded> Guard<S> {
    pub(crate) fn new(front: Front<S>) -> Self {
        Guard { front, writer: Mutex::new(None) }
    }

    /// Waits for this thread when the last handle is dropped.
    pub(crate) fn watch(&self, writer: JoinHandle<()>) {
        *self.writer.lock() = Some(writer);
    }
}

impl<S: Recorded> Drop for Guard<S> {
    fn drop(&mut self) {
        if self.front.core.is_forked() {
            // Neither the thread nor the lock is this process's.
            return;
        }
        self.front.core.abandon();
        let Some(writer) = self.writer.get_mut().take() else { return };
        // A result that holds the last handle can be dropped on the writer's own thread, which then ends by itself.
        if writer.thread().id() != std::thread::current().id() {
            // It catches its panics, and has told them to whoever waited.
            let _ = writer.join();
        }
    }
}

/// What stands behind a handle.
pub(crate) fn front<S: WalState>(handle: &Handle<S>) -> &Front<S> {
    match handle.core::<Guard<S>>() {
        Some(guard) => &guard.front,
        None => unreachable!("handles are made of guards of their own state alone, in `Durable::new`"),
    }
}
