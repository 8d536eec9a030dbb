//! How a store is opened: on a thread of its own, which then becomes the writer.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::commit::{Committer, Front, run};
use crate::error::{Error, Result};
use crate::fs::{Disk, Folder, Lock, spawn};
use crate::log::layout::{Dir, LOCK};
use crate::options::Options;
use crate::options::progress::Watch;
use crate::panic;
use crate::recovery::{self, DryRun};
use crate::schema::Schema;
use crate::schema::state::{Begins, WalState};
use crate::store::durable::{Durable, Guard};

impl<S: WalState> Options<S> {
    /// Opens the store in the folder `path`, and recovers what was there; a new store begins with `S::default()`. Missing
    /// folders are created. Each `Default` state is `Begins`.
    ///
    /// # Errors
    ///
    /// As [`Durable::open`], and [`Error::Option`] for a value that makes no sense.
    ///
    /// # Cancel safety
    ///
    /// As [`Durable::open`].
    pub async fn open(self, path: impl AsRef<Path>) -> Result<Durable<S>>
    where
        S: Begins,
    {
        self.open_with(path, S::begin).await
    }

    /// Opens the store in the folder `path`; a new store begins with what `first` returns. `first` isn't called when there
    /// is a store already. What it returns is written as the checkpoint of LSN 0, and served as decoded from that.
    ///
    /// # Errors
    ///
    /// As [`open`](Options::open), and [`Error::Codec`] if the first state doesn't survive being encoded and decoded.
    ///
    /// # Cancel safety
    ///
    /// As [`Durable::open`].
    pub async fn open_with(self, path: impl AsRef<Path>, first: impl FnOnce() -> S) -> Result<Durable<S>> {
        let place = Place::Path(path.as_ref().to_path_buf());
        Ok(Durable::new(self.start(place, || Ok(first())).await?))
    }

    /// Opens the store in a folder that is held open already: the real one ([`Disk`]), or the simulated one of
    /// `walr::testing` in tests that crash. Like [`open_with`](Options::open_with) otherwise.
    ///
    /// # Errors
    ///
    /// As [`open_with`](Options::open_with).
    pub async fn open_on(self, folder: impl Folder + 'static, first: impl FnOnce() -> S) -> Result<Durable<S>> {
        Ok(Durable::new(self.start(Place::Folder(Arc::new(folder)), || Ok(first())).await?))
    }

    /// Says what an open of the store in `path` would do: whether it would create it, what it would load, migrate, cut off and
    /// replay, and why it would be refused. It goes through the whole open, the replay included, up to the first change on disk, and
    /// takes its time and memory. Nothing in the folder is changed, so that it works on a file system that is mounted read-only; an open
    /// doesn't, because it takes the lock for writing.
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
    /// [`Error::Locked`] if the store is open, [`Error::Io`] if the folder can't be read, and [`Error::Option`]. What an
    /// open would return otherwise is in [`DryRun::refused`].
    ///
    /// # Cancel safety
    ///
    /// The folder stays locked until the thread that looks has ended.
    pub async fn dry_run(self, path: impl AsRef<Path>) -> Result<DryRun> {
        self.config.validate()?;
        let path = path.as_ref().to_path_buf();
        let (answer, answered) = oneshot::channel();
        let failed = |reason: String| Error::Thread { reason };
        let work = move || {
            let looked = panic::catch(|| look(&path, &self));
            let looked = looked.unwrap_or_else(|message| Err(failed(format!("the recovery panicked: {message}"))));
            // Nobody may be waiting any more.
            let _ = answer.send(looked);
        };
        spawn("walr-dry-run", Box::new(work))?;
        answered.await.unwrap_or_else(|_| Err(failed("it ended without an answer".to_string())))
    }

    /// Starts the store's thread, which opens the store and stays to write.
    pub(crate) async fn start(self, place: Place, first: impl FnOnce() -> Result<S>) -> Result<Guard<S>> {
        self.config.validate()?;
        let (ask_first, first_asked) = oneshot::channel();
        let (tell_opened, opened) = oneshot::channel();
        let writer = spawn("walr", Box::new(move || open_and_run(place, self, ask_first, tell_opened)))?;
        // A waker that panics must not end the thread that wakes, and with it the store.
        let asked = panic::woken_quietly(first_asked).await;
        // Not asked for where there is a store already, or where the open has failed.
        let refused = asked.ok().and_then(|answer: oneshot::Sender<S>| match first() {
            Ok(first) => {
                drop(answer.send(first));
                None
            }
            Err(error) => Some(error),
        });
        let ended = |_| Error::Thread { reason: "the opening thread ended without an answer".to_string() };
        // Also where the first state was refused: until then the folder is locked.
        let opened = panic::woken_quietly(opened).await.map_err(ended)?;
        let guard = refused.map_or(opened, Err)?;
        guard.watch(writer);
        Ok(guard)
    }
}

/// Where the store is.
pub(crate) enum Place {
    Path(PathBuf),
    Folder(Arc<dyn Folder>),
}

fn open_and_run<S: WalState>(
    place: Place,
    options: Options<S>,
    ask_first: oneshot::Sender<oneshot::Sender<S>>,
    tell: oneshot::Sender<Result<Guard<S>>>,
) {
    let opened = panic::catch(|| prepare(place, options, ask_first))
        .unwrap_or_else(|message| Err(Error::Thread { reason: format!("the recovery panicked: {message}") }));
    match opened {
        Err(error) => drop(tell.send(Err(error))),
        Ok((committer, lock)) => {
            let core = committer.core.clone();
            let committer = Arc::new(Mutex::new(committer));
            let guard = Guard::new(Front::new(core.clone(), committer.clone()));
            // A guard that can't be delivered is dropped, and so closes what was just opened.
            drop(tell.send(Ok(guard)));
            run(&core, &committer, lock);
        }
    }
}

fn look<S: WalState>(path: &Path, options: &Options<S>) -> Result<DryRun> {
    let disk = match Disk::open(path) {
        Ok(disk) => disk,
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            return Ok(DryRun { creates: true, refused: Schema::check::<S>().err(), ..DryRun::default() });
        }
        Err(e) => return Err(Error::io("open", path, e)),
    };
    look_in(&Dir::of(Arc::new(disk)), options)
}

/// Says what an open of the store in `dir` would do. No call is made that a read-only file system refuses.
pub(crate) fn look_in<S: WalState>(dir: &Dir, options: &Options<S>) -> Result<DryRun> {
    // Where there is no file to lock, nobody holds the lock.
    let lock = match dir.folder.lock_if_there(LOCK) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => None,
        tried => Some(held(dir, tried)?),
    };
    let looked = recovery::preview::<S>(dir, options.config.changed_code, &Watch::new(options.listener.clone()));
    if let Some(lock) = lock {
        // It ends with this thread at the latest.
        let _ = lock.unlock();
    }
    looked
}

/// The lock, if it could be taken.
fn held(dir: &Dir, tried: io::Result<Option<Box<dyn Lock>>>) -> Result<Box<dyn Lock>> {
    let lock = tried.map_err(|e| Error::io("lock", dir.file_path(LOCK), e))?;
    lock.ok_or_else(|| Error::Locked { path: dir.path.clone() })
}

fn prepare<S: WalState>(
    place: Place,
    mut options: Options<S>,
    ask_first: oneshot::Sender<oneshot::Sender<S>>,
) -> Result<(Committer<S>, Box<dyn Lock>)> {
    // Before there is as much as a folder.
    Schema::check::<S>()?;
    let dir = match place {
        Place::Path(path) => Dir::of(Arc::new(Disk::create(&path).map_err(|e| Error::io("open", &path, e))?)),
        Place::Folder(folder) => Dir::of(folder),
    };
    let lock = held(&dir, dir.folder.lock(LOCK))?;
    let first = || {
        let (answer, answered) = oneshot::channel();
        // An open that nobody waits for any more creates nothing.
        ask_first.send(answer).map_err(|_| Error::Closed)?;
        answered.blocking_recv().map_err(|_| Error::Closed)
    };
    let watch = Watch::new(options.listener.take());
    let ahead = options.config.in_background;
    let opened = recovery::open(&dir, options.config.changed_code, &watch, first)
        .and_then(|opened| Committer::new(dir.clone(), options, opened, ahead));
    match opened {
        Ok(committer) => Ok((committer, lock)),
        Err(error) => {
            // The refusal is what matters; the lock ends with this thread at the latest.
            let _ = lock.unlock();
            Err(error)
        }
    }
}
