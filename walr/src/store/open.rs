//! Opening a store, on a thread that then becomes the log thread.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::oneshot;

use crate::commit::checkpointer::Checkpointer;
use crate::commit::{Core, Front, run};
use crate::error::{Error, Result};
use crate::fs::{Disk, Folder, Lock, spawn};
use crate::log::layout::{LOCK, StoreDir};
use crate::options::Options;
use crate::options::progress::Watch;
use crate::panic;
use crate::recovery::{self, DryRun};
use crate::schema::Schema;
use crate::schema::state::{FirstState, WalState};
use crate::store::durable::Durable;
use crate::store::shared::OpenStore;

impl<S: WalState> Options<S> {
    /// Opens the store in the folder `path` and recovers its state, like [`Durable::open`].
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Durable::open`], and [`Error::Option`] for a value that isn't allowed.
    ///
    /// # Cancel safety
    ///
    /// A dropped open leaves the data as it was. The folder stays locked until the recovery has ended.
    pub async fn open(self, path: impl AsRef<Path>) -> Result<Durable<S>>
    where
        S: FirstState,
    {
        self.open_with(path, S::first_state).await
    }

    /// Opens the store in the folder `path`; a new store begins with the state that `first` returns.
    ///
    /// `first` is only called to create a store. Its state is written as the checkpoint of LSN 0, and the store serves what it decodes
    /// from that.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use walr::{Durable, WalState};
    /// #[derive(Serialize, Deserialize, WalState)]
    /// struct Account {
    ///     cents: u64,
    /// }
    /// # #[walr::mutations]
    /// # impl Account { #[mutation] fn add(&mut self, cents: u64) { self.cents += cents } }
    ///
    /// # #[tokio::main] async fn main() -> walr::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path();
    /// let account = Durable::<Account>::options().open_with(path, || Account { cents: 500 }).await?;
    /// assert_eq!(account.read(|account| account.cents), 500);
    /// # account.close().await
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns the errors of [`open`](Options::open), and [`Error::Codec`] if the first state can't be read back.
    ///
    /// # Cancel safety
    ///
    /// A dropped open leaves the data as it was. The folder stays locked until the recovery has ended.
    pub async fn open_with(self, path: impl AsRef<Path>, first: impl FnOnce() -> S) -> Result<Durable<S>> {
        let location = StoreLocation::Path(path.as_ref().to_path_buf());
        Ok(Durable::new(self.start(location, || Ok(first())).await?))
    }

    /// Opens the store in a folder that is open already: a [`Disk`], or the simulated folder of `walr::testing`. A new store begins
    /// with the state that `first` returns.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`open_with`](Options::open_with).
    ///
    /// # Cancel safety
    ///
    /// A dropped open leaves the data as it was. The folder stays locked until the recovery has ended.
    pub async fn open_on(self, folder: impl Folder + 'static, first: impl FnOnce() -> S) -> Result<Durable<S>> {
        Ok(Durable::new(self.start(StoreLocation::Folder(Arc::new(folder)), || Ok(first())).await?))
    }

    /// Returns what an open of the store in `path` would do: create it, or load, migrate, cut off and replay what is there, or refuse it.
    ///
    /// A dry run performs the whole open, with the replay, up to the first change on disk. It takes the time and the memory of an open.
    /// It also works on a file system that is mounted read-only, where an open can't take the lock.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use walr::{Durable, WalState};
    /// # #[derive(Default, Serialize, Deserialize, WalState)]
    /// # struct Cache { hits: u64 }
    /// # #[walr::mutations]
    /// # impl Cache { #[mutation] fn hit(&mut self) { self.hits += 1 } }
    /// # #[tokio::main] async fn main() -> walr::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path();
    /// # drop(Durable::<Cache>::open(path).await?);
    /// let run = Durable::<Cache>::options().dry_run(path).await?;
    /// match run.refused {
    ///     Some(error) => println!("this program can't open it: {error:?}"),
    ///     None => println!("{} records would be replayed", run.recovery.records),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`Error::Locked`] if the store is open, [`Error::Io`] if the folder can't be read, [`Error::Option`] for a value that isn't
    /// allowed, and [`Error::Thread`]. Other errors of an open are in [`DryRun::refused`].
    ///
    /// # Cancel safety
    ///
    /// The folder stays locked until the dry run has ended.
    pub async fn dry_run(self, path: impl AsRef<Path>) -> Result<DryRun> {
        self.config.validate()?;
        let path = path.as_ref().to_path_buf();
        let (answer, answered) = oneshot::channel();
        let failed = |reason: String| Error::Thread { reason };
        let work = move || {
            let run = panic::catch(|| dry_run_at(&path, &self));
            let run = run.unwrap_or_else(|message| Err(failed(format!("the recovery panicked: {message}"))));
            // The caller may have dropped the future.
            let _ = answer.send(run);
        };
        spawn("walr-dry-run", Box::new(work))?;
        answered.await.unwrap_or_else(|_| Err(failed("the dry run ended without an answer".to_string())))
    }

    /// Starts the thread that opens the store and then becomes its log thread.
    pub(crate) async fn start(
        self,
        location: StoreLocation,
        first: impl FnOnce() -> Result<S>,
    ) -> Result<OpenStore<S>> {
        self.config.validate()?;
        let (ask_first, first_asked) = oneshot::channel();
        let (tell_opened, opened) = oneshot::channel();
        let thread = spawn("walr", Box::new(move || open_and_run(location, self, ask_first, tell_opened)))?;
        // A waker that panics must not end the thread that calls it.
        let asked = panic::woken_quietly(first_asked).await;
        // If a store exists or the open failed, the thread drops its request.
        let refused = asked.ok().and_then(|answer: oneshot::Sender<S>| match first() {
            Ok(first) => {
                drop(answer.send(first));
                None
            }
            Err(error) => Some(error),
        });
        let ended = |_| Error::Thread { reason: "the opening thread ended without an answer".to_string() };
        // If the first state was refused, this waits until the folder is unlocked.
        let opened = panic::woken_quietly(opened).await.map_err(ended)?;
        let store = refused.map_or(opened, Err)?;
        store.set_thread(thread);
        Ok(store)
    }
}

/// The location of a store.
pub(crate) enum StoreLocation {
    Path(PathBuf),
    Folder(Arc<dyn Folder>),
}

fn open_and_run<S: WalState>(
    location: StoreLocation,
    options: Options<S>,
    ask_first: oneshot::Sender<oneshot::Sender<S>>,
    tell: oneshot::Sender<Result<OpenStore<S>>>,
) {
    let opened = panic::catch(|| prepare(location, options, ask_first))
        .unwrap_or_else(|message| Err(Error::Thread { reason: format!("the recovery panicked: {message}") }));
    match opened {
        Err(error) => drop(tell.send(Err(error))),
        Ok((core, lock)) => {
            let store = OpenStore::new(Front::new(core.clone()));
            // If the caller has dropped the future, this drops the store, which closes it.
            drop(tell.send(Ok(store)));
            run(&core, lock);
        }
    }
}

fn dry_run_at<S: WalState>(path: &Path, options: &Options<S>) -> Result<DryRun> {
    let disk = match Disk::open(path) {
        Ok(disk) => disk,
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            return Ok(DryRun { creates: true, refused: Schema::check::<S>().err(), ..DryRun::default() });
        }
        Err(e) => return Err(Error::io("open", path, e)),
    };
    dry_run_in(&StoreDir::of(Arc::new(disk)), options)
}

/// Performs a dry run of the store in `dir`, without a call that a read-only file system refuses.
pub(crate) fn dry_run_in<S: WalState>(dir: &StoreDir, options: &Options<S>) -> Result<DryRun> {
    // Without the file, no process holds the lock.
    let lock = match dir.folder.lock_if_there(LOCK) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => None,
        tried => Some(locked(dir, tried)?),
    };
    let run = recovery::preview::<S>(dir, options.config.changed_results, &Watch::new(options.listener.clone()));
    if let Some(lock) = lock {
        // The lock ends with this thread at the latest.
        let _ = lock.unlock();
    }
    run
}

/// Returns the lock, or an error if it is held already.
fn locked(dir: &StoreDir, tried: io::Result<Option<Box<dyn Lock>>>) -> Result<Box<dyn Lock>> {
    let lock = tried.map_err(|e| Error::io("lock", dir.file_path(LOCK), e))?;
    lock.ok_or_else(|| Error::Locked { path: dir.path.clone() })
}

/// A recovered store, and the lock of its folder.
type OpenedFolder<S> = (Arc<Core<S>>, Box<dyn Lock>);

/// Writes the checkpoint without which the store may not serve.
fn with_needed_checkpoint<S: WalState>(core: Core<S>) -> Result<Arc<Core<S>>> {
    let core = Arc::new(core);
    if core.recovery.needs_checkpoint {
        Checkpointer::new(&core).write_now()?;
    }
    Ok(core)
}

fn prepare<S: WalState>(
    location: StoreLocation,
    mut options: Options<S>,
    ask_first: oneshot::Sender<oneshot::Sender<S>>,
) -> Result<OpenedFolder<S>> {
    // A refusal here creates not even a folder.
    Schema::check::<S>()?;
    let dir = match location {
        StoreLocation::Path(path) => {
            StoreDir::of(Arc::new(Disk::create(&path).map_err(|e| Error::io("open", &path, e))?))
        }
        StoreLocation::Folder(folder) => StoreDir::of(folder),
    };
    let lock = locked(&dir, dir.folder.lock(LOCK))?;
    let first = || {
        let (answer, answered) = oneshot::channel();
        // An open whose future was dropped creates nothing.
        ask_first.send(answer).map_err(|_| Error::Closed)?;
        answered.blocking_recv().map_err(|_| Error::Closed)
    };
    let watch = Watch::new(options.listener.take());
    let ahead = options.config.in_background;
    let opened = recovery::open(&dir, options.config.changed_results, &watch, first)
        .and_then(|opened| Core::new(dir.clone(), options, opened, ahead))
        .and_then(with_needed_checkpoint);
    match opened {
        Ok(core) => Ok((core, lock)),
        Err(error) => {
            // The error of the open counts; the lock ends with this thread at the latest.
            let _ = lock.unlock();
            Err(error)
        }
    }
}
