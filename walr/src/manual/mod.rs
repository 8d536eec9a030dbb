//! The manual layer: a log type and a replay of the program's own, on the journal that derived states have.
//!
//! To the journal a log value and a state are bytes ([`encoded`]): they are encoded and decoded on the caller's side, so that
//! they need not be `Send`. The store's live state is nothing; records are committed as any, and applying them does nothing.

mod encoded;
mod pages;
mod replay;

use std::fmt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;

pub(crate) use self::encoded::{Encoded, Entry};
use crate::codec;
use crate::commit::{Front, Request};
use crate::error::{Error, Result};
use crate::fs::Folder;
use crate::lsn::Lsn;
use crate::options::{CheckpointPolicy, Config, Options, WALOptions};
use crate::recovery::Recovery;
use crate::store::open::StoreLocation;
use crate::store::shared::OpenStore;

/// What applies logs to a state on replay: it gets them in order, some at a time, and the state that they belong to.
pub type ReplayHandler<Log, State> = Box<dyn Fn(Vec<Log>, Arc<Mutex<State>>) -> ReplayHandlerResult + Send + Sync>;

/// What a [`ReplayHandler`] returns.
pub type ReplayHandlerResult =
    Pin<Box<dyn Future<Output = Result<(), Box<dyn std::error::Error + Send>>> + Send + Sync>>;

/// A write-ahead log with a log type and a replay of your own: the manual layer under what
/// [`#[derive(WalState)]`](macro@crate::WalState) generates, with the API of walr 0.1.
///
/// Open it, [`replay`](WAL::replay) to get the state, and from then on [`log`](WAL::log) each change before you make it. Where
/// the change then fails, [`undo`](WAL::undo) takes the log back. When [`should_checkpoint`](WAL::should_checkpoint) says
/// so, pass the state to [`checkpoint`](WAL::checkpoint), so that the log before it can go.
///
/// The state is yours: walr never sees it but in `replay` and `checkpoint`. What you pass to `checkpoint` must be what a
/// replay of everything logged so far would give, because an older checkpoint and the log stand in for one that is damaged.
///
/// Drop it to close it: what is outstanding is written, the close is marked and the folder unlocked before the drop
/// returns. It writes no checkpoint and reports no error.
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use std::{collections::HashMap, sync::Arc};
/// use tokio::sync::Mutex;
/// use walr::{ReplayHandlerResult, WAL};
///
/// type Cache = HashMap<String, String>;
///
/// #[derive(Serialize, Deserialize)]
/// enum CacheLog {
///     Insert { key: String, value: String },
///     Remove(String),
/// }
///
/// fn replay_handler(logs: Vec<CacheLog>, cache: Arc<Mutex<Cache>>) -> ReplayHandlerResult {
///     Box::pin(async move {
///         let mut cache = cache.lock().await;
///         for log in logs {
///             match log {
///                 CacheLog::Insert { key, value } => cache.insert(key, value),
///                 CacheLog::Remove(key) => cache.remove(&key),
///             };
///         }
///         Ok(())
///     })
/// }
///
/// # #[tokio::main] async fn main() -> Result<(), walr::Error> {
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("cache");
/// let mut wal: WAL<CacheLog, Cache> = WAL::open(&path, Box::new(replay_handler), None).await?;
/// let mut cache = wal.replay().await?;
///
/// wal.log(&CacheLog::Insert { key: "some id".into(), value: "some data".into() }).await?; // durable when it returns
/// cache.insert("some id".into(), "some data".into());
/// wal.checkpoint(&cache).await
/// # }
/// ```
///
/// # Cancel safety
///
/// A call whose future is dropped is done or not begun, never half. The next call waits for what became of it: it counts as
/// the last call if it was recorded, so that `undo` takes it back.
pub struct WAL<Log, State>
where
    Log: Serialize + DeserializeOwned,
    State: Default + Serialize + DeserializeOwned,
{
    /// Bytes of log since the last checkpoint, without what was taken back.
    pub size: usize,
    /// As it was opened with. A change of `durability` has no effect.
    pub options: WALOptions,
    /// The folder, as it was given.
    pub data_path: PathBuf,
    replay_handler: ReplayHandler<Log, State>,
    /// What `undo` takes back.
    last: Option<Recording>,
    /// What was begun, and not yet answered when its future was dropped.
    pending: Option<Pending>,
    store: OpenStore<Encoded>,
}

/// One call's records.
#[derive(Clone, Copy, Debug)]
struct Recording {
    /// The LSN that the log ended in before it.
    before: Lsn,
    bytes: usize,
}

#[derive(Clone, Copy, Debug)]
enum Pending {
    Log(Recording),
    /// The same, and another call came after it.
    LogBefore(Recording),
    Undo(Recording),
    /// As of this LSN.
    Checkpoint(Lsn),
}

impl<Log, State> WAL<Log, State>
where
    Log: Serialize + DeserializeOwned,
    State: Default + Serialize + DeserializeOwned,
{
    /// Opens the log in the folder `data_path`; missing folders are created, and a new log begins with `State::default()`.
    /// What is there is recovered, and kept: it shows in [`replay`](WAL::replay), and calls go behind it also if `replay` is
    /// never called.
    ///
    /// # Errors
    ///
    /// Those of [`Durable::open`](crate::Durable::open) that are not about mutations; [`Older`](Error::Older) for a folder of
    /// walr 0.1, [`Schema`](Error::Schema) for one with a derived state, and [`Option`](Error::Option) for a value that makes
    /// no sense. Nothing on disk is changed by a refusal.
    ///
    /// # Cancel safety
    ///
    /// As [`Durable::open`](crate::Durable::open).
    pub async fn open<P: AsRef<Path>>(
        data_path: P,
        replay_handler: ReplayHandler<Log, State>,
        options: Option<WALOptions>,
    ) -> Result<WAL<Log, State>, Error> {
        let data_path = data_path.as_ref().to_path_buf();
        WAL::start(StoreLocation::Path(data_path.clone()), data_path, replay_handler, options).await
    }

    /// Opens the log in a folder that is held open already: the simulated one of `walr::testing` in tests that
    /// crash. Like [`open`](WAL::open) otherwise.
    ///
    /// # Errors
    ///
    /// As [`open`](WAL::open).
    pub async fn open_on(
        folder: impl Folder + 'static,
        replay_handler: ReplayHandler<Log, State>,
        options: Option<WALOptions>,
    ) -> Result<WAL<Log, State>, Error> {
        let data_path = folder.path();
        WAL::start(StoreLocation::Folder(Arc::new(folder)), data_path, replay_handler, options).await
    }

    async fn start(
        location: StoreLocation,
        data_path: PathBuf,
        replay_handler: ReplayHandler<Log, State>,
        options: Option<WALOptions>,
    ) -> Result<WAL<Log, State>> {
        let options = options.unwrap_or_default();
        let journal = Options::with(config(&options)?);
        let store = journal.start(location, || encode(&State::default()).map(Encoded::new)).await?;
        let core = &store.front.core;
        // What the checkpoint holds is read again when it is wanted.
        core.live.write().state = Ok(Encoded::nothing());
        let size = core.recovery.bytes as usize;
        Ok(WAL { size, options, data_path, replay_handler, last: None, pending: None, store })
    }

    /// Records one log. It is durable when this returns, as [`WALOptions::durability`] says.
    ///
    /// # Errors
    ///
    /// [`Codec`](Error::Codec) if it doesn't survive being encoded and decoded, [`Full`](Error::Full),
    /// [`Commit`](Error::Commit) if the write or the sync failed, and [`Failed`](Error::Failed) after that.
    /// [`Error::fate`] tells whether it may be recorded.
    ///
    /// # Cancel safety
    ///
    /// See [`WAL`].
    pub async fn log(&mut self, log: &Log) -> Result<(), Error> {
        let logs = std::slice::from_ref(log);
        self.log_many(logs).await
    }

    /// Records logs as one batch: after a crash all of them are there, or none. An empty batch writes nothing.
    ///
    /// # Errors
    ///
    /// As [`log`](WAL::log), for the whole batch.
    ///
    /// # Cancel safety
    ///
    /// See [`WAL`].
    pub async fn log_many(&mut self, logs: &[Log]) -> Result<(), Error> {
        // Whatever becomes of this call, `undo` is about it from now on, and not about the one before.
        if let Some(Pending::Log(recording)) = self.pending {
            self.pending = Some(Pending::LogBefore(recording));
        }
        self.settle().await?;
        self.last = None;
        let mut entries = logs.iter().map(|log| encode(log).map(Entry::new)).collect::<Result<Vec<_>>>()?;
        if entries.is_empty() {
            return Ok(());
        }
        let bytes = entries.iter().map(Entry::size).sum();
        let recording = Recording { before: self.end(), bytes };
        self.pending = Some(Pending::Log(recording));
        let done = match entries.pop() {
            Some(entry) if entries.is_empty() => self.front().mutate(entry).await,
            last => {
                entries.extend(last);
                self.front().mutate_all(entries).await.map(drop)
            }
        };
        self.pending = None;
        done?;
        self.recorded(recording);
        Ok(())
    }

    /// Takes back the last [`log`](WAL::log) or [`log_many`](WAL::log_many), durably, by one note in the log. Does nothing if
    /// it is taken back already, if it failed, or if a checkpoint or a replay came after it.
    ///
    /// # Errors
    ///
    /// [`Full`](Error::Full) and [`Io`](Error::Io), after which it can be called again; [`Commit`](Error::Commit) if the
    /// write or the sync failed, after which only a reopen can tell, and [`Failed`](Error::Failed) after that.
    ///
    /// # Cancel safety
    ///
    /// If it was begun it is done, by the next call at the latest.
    pub async fn undo(&mut self) -> Result<(), Error> {
        self.settle().await?;
        match self.last {
            Some(recording) => self.take_back(recording).await,
            None => Ok(()),
        }
    }

    async fn take_back(&mut self, recording: Recording) -> Result<()> {
        self.pending = Some(Pending::Undo(recording));
        let done = self.front().ask(|answer| Request::TakeBack(recording.before, answer)).await;
        self.pending = None;
        done?;
        self.last = None;
        self.size = self.size.saturating_sub(recording.bytes);
        Ok(())
    }

    /// Whether the log since the last checkpoint has reached [`WALOptions::max_size`], so that it is time for a
    /// [`checkpoint`](WAL::checkpoint).
    pub fn should_checkpoint(&self) -> bool {
        self.size >= self.options.max_size
    }

    /// Makes `state` what the next replay begins with, durably. The log of before the second newest checkpoint is removed.
    ///
    /// # Errors
    ///
    /// [`Codec`](Error::Codec) if it doesn't survive being encoded and decoded; [`Io`](Error::Io) and
    /// [`Full`](Error::Full), after which everything is as before; [`Failed`](Error::Failed).
    ///
    /// # Cancel safety
    ///
    /// Goes on when it is dropped.
    pub async fn checkpoint(&mut self, state: &State) -> Result<(), Error> {
        let state = Encoded::new(encode(state)?);
        self.settle().await?;
        // Nothing is under way: the state is as of the log's end.
        let lsn = self.end();
        self.pending = Some(Pending::Checkpoint(lsn));
        let done = self.front().ask(|answer| Request::CheckpointOf(state, lsn, answer)).await;
        self.pending = None;
        done?;
        self.checkpointed();
        Ok(())
    }

    /// What the open found and did: what was cut off the log's end, and which damaged checkpoint an older one stood in for.
    pub fn recovery(&self) -> &Recovery {
        &self.front().core.recovery
    }

    fn front(&self) -> &Front<Encoded> {
        &self.store.front
    }

    /// The log's last LSN.
    fn end(&self) -> Lsn {
        self.front().core.stats.lock().last
    }

    fn recorded(&mut self, recording: Recording) {
        self.last = Some(recording);
        self.size += recording.bytes;
    }

    fn checkpointed(&mut self) {
        self.last = None;
        self.size = 0;
    }

    /// Waits for what became of a call whose future was dropped.
    async fn settle(&mut self) -> Result<()> {
        let Some(pending) = self.pending else { return Ok(()) };
        if let Pending::Undo(recording) = pending {
            // Taken back twice is as taken back once.
            let done = self.take_back(recording).await;
            if let Err(Error::Full { .. } | Error::Io { .. }) = done {
                // Nothing goes on top of what is still to be taken back: the next call tries again.
                self.pending = Some(pending);
            }
            return done;
        }
        // The writer answers in order: what came before this is done.
        self.front().ask(Request::Sync).await?;
        self.pending = None;
        match pending {
            Pending::Log(recording) if self.end() > recording.before => self.recorded(recording),
            Pending::LogBefore(recording) if self.end() > recording.before => self.size += recording.bytes,
            Pending::Checkpoint(lsn) if self.front().core.stats.lock().checkpoint >= lsn => self.checkpointed(),
            _ => {}
        }
        Ok(())
    }
}

fn config(options: &WALOptions) -> Result<Config> {
    for (option, value) in [("iter_batch_size", options.iter_batch_size), ("iter_chunk_size", options.iter_chunk_size)]
    {
        if value == 0 {
            return Err(Error::Option { option, value: "0".to_string(), reason: "it is at least 1" });
        }
    }
    let (durability, checkpoint, max_record_size) = (options.durability, CheckpointPolicy::Manual, u64::MAX);
    Ok(Config { durability, checkpoint, max_record_size, ..Config::default() })
}

/// The encoding of a value that can be read back from it as it is.
fn encode<T: Serialize + DeserializeOwned>(value: &T) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let tokens = codec::encode_noted(value, &mut bytes);
    let decoded = tokens.and_then(|tokens| codec::decode_again(value, &bytes, &tokens));
    match decoded {
        Ok(decoded) => drop(decoded),
        Err(refusal) => return Err(refusal.of_state(std::any::type_name::<T>())),
    }
    Ok(bytes)
}

impl<Log, State> fmt::Debug for WAL<Log, State>
where
    Log: Serialize + DeserializeOwned,
    State: Default + Serialize + DeserializeOwned,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WAL")
            .field("size", &self.size)
            .field("options", &self.options)
            .field("data_path", &self.data_path)
            .field("last", &self.last)
            .finish_non_exhaustive()
    }
}
