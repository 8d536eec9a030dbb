//! How a store is opened: on a thread of its own, which then becomes the writer.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};

use parking_lot::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

use crate::commit::{Committer, Front, run};
use crate::durable::{Durable, Guard};
use crate::error::{Error, Result};
use crate::fs::{Disk, Folder, Lock};
use crate::layout::{Dir, LOCK};
use crate::options::Options;
use crate::options::progress::Watch;
use crate::panic;
use crate::recovery::{self, DryRun};
use crate::schema::Schema;
use crate::state::{Begins, WalState};

/// What the opening thread tells the one who waits.
enum News<S: WalState> {
    /// There is no store yet: which state does it begin with?
    First(mpsc::SyncSender<S>),
    /// It is done. A guard that nobody takes closes the store again.
    Opened(Result<Guard<S>>),
}

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

    /// Opens the store in a folder that is held open already: the real one ([`Disk`]), or a simulated one
    /// ([`Sim`](crate::fs::Sim)) in tests that crash. Like [`open_with`](Options::open_with) otherwise.
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
        let thread = std::thread::Builder::new().name("walr-dry-run".into()).spawn(move || {
            let looked = panic::catch(|| look(&path, &self));
            let looked = looked.unwrap_or_else(|message| Err(failed(format!("the recovery panicked: {message}"))));
            // Nobody may be waiting any more.
            let _ = answer.send(looked);
        });
        thread.map_err(|e| failed(format!("the thread can't be started: {e}")))?;
        answered.await.unwrap_or_else(|_| Err(failed("it ended without an answer".to_string())))
    }

    /// Starts the store's thread, which opens the store and stays to write.
    pub(crate) async fn start(self, place: Place, first: impl FnOnce() -> Result<S>) -> Result<Guard<S>> {
        self.config.validate()?;
        let (tell, mut news) = unbounded_channel();
        let thread = std::thread::Builder::new().name("walr".into());
        let thread = thread.spawn(move || open_and_run(place, self, &tell));
        let failed = |reason: String| Error::Thread { reason };
        let writer = thread.map_err(|e| failed(format!("the writer's thread can't be started: {e}")))?;
        let guard = match hear(&mut news).await? {
            News::Opened(guard) => guard?,
            News::First(answer) => {
                // The thread waits for it, or has ended, and then the next news says so.
                match first() {
                    Ok(first) => drop(answer.send(first)),
                    Err(error) => {
                        drop(answer);
                        // Until it has unlocked the folder.
                        let _ = hear(&mut news).await;
                        return Err(error);
                    }
                }
                match hear(&mut news).await? {
                    News::Opened(guard) => guard?,
                    News::First(_) => return Err(failed("the first state was asked for twice".to_string())),
                }
            }
        };
        guard.watch(writer);
        Ok(guard)
    }
}

/// Where the store is.
pub(crate) enum Place {
    Path(PathBuf),
    Folder(Arc<dyn Folder>),
}

async fn hear<S: WalState>(news: &mut UnboundedReceiver<News<S>>) -> Result<News<S>> {
    let ended = || Error::Thread { reason: "the opening thread ended without an answer".to_string() };
    // Else a waker that panics would end the thread that wakes, and with it the store.
    panic::woken_quietly(news.recv()).await.ok_or_else(ended)
}

fn open_and_run<S: WalState>(place: Place, options: Options<S>, tell: &UnboundedSender<News<S>>) {
    let opened = panic::catch(|| prepare(place, options, tell))
        .unwrap_or_else(|message| Err(Error::Thread { reason: format!("the recovery panicked: {message}") }));
    match opened {
        Err(error) => drop(tell.send(News::Opened(Err(error)))),
        Ok((committer, lock)) => {
            let core = committer.core.clone();
            let committer = Arc::new(Mutex::new(committer));
            let guard = Guard::new(Front::new(core.clone(), committer.clone()));
            // A guard that can't be delivered is dropped, and so closes what was just opened.
            drop(tell.send(News::Opened(Ok(guard))));
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
    look_in(&Dir { path: disk.path().to_path_buf(), folder: Arc::new(disk) }, options)
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
    tell: &UnboundedSender<News<S>>,
) -> Result<(Committer<S>, Box<dyn Lock>)> {
    // Before there is as much as a folder.
    Schema::check::<S>()?;
    let dir = match place {
        Place::Path(path) => {
            let disk = Disk::create(&path).map_err(|e| Error::io("open", &path, e))?;
            Dir { path: disk.path().to_path_buf(), folder: Arc::new(disk) }
        }
        Place::Folder(folder) => Dir { folder, path: PathBuf::new() },
    };
    let lock = held(&dir, dir.folder.lock(LOCK))?;
    let first = || {
        let (answer, answered) = mpsc::sync_channel(1);
        // An open that nobody waits for any more creates nothing.
        tell.send(News::First(answer)).map_err(|_| Error::Closed)?;
        answered.recv().map_err(|_| Error::Closed)
    };
    let watch = Watch::new(options.listener.take());
    let opened = recovery::open(&dir, options.config.changed_code, &watch, first)
        .and_then(|opened| Committer::new(dir.clone(), options, opened, true));
    match opened {
        Ok(committer) => Ok((committer, lock)),
        Err(error) => {
            // The refusal is what matters; the lock ends with this thread at the latest.
            let _ = lock.unlock();
            Err(error)
        }
    }
}
