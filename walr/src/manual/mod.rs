//! The manual layer: a log with the program's own log type and replay, in a store like any other.
//!
//! The store sees a state and a log value as bytes ([`encoded`]). The caller's thread encodes and decodes them, so that they need
//! not be `Send`. The live state of the store is nothing, and applying a record does nothing.

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

pub(crate) use self::encoded::{EncodedLog, EncodedState};
use crate::codec;
use crate::commit::{Front, Request};
use crate::error::{Error, Result};
use crate::fs::Folder;
use crate::lsn::Lsn;
use crate::options::{CheckpointPolicy, Config, Options, WALOptions};
use crate::recovery::Recovery;
use crate::store::open::StoreLocation;
use crate::store::shared::OpenStore;

/// A function that applies logs to a state on replay. It gets the logs in order, some at a time.
pub type ReplayHandler<Log, State> = Box<dyn Fn(Vec<Log>, Arc<Mutex<State>>) -> ReplayHandlerResult + Send + Sync>;

/// The future that a [`ReplayHandler`] returns.
pub type ReplayHandlerResult =
    Pin<Box<dyn Future<Output = Result<(), Box<dyn std::error::Error + Send>>> + Send + Sync>>;

/// A write-ahead log with a log type and a replay of your own. It has the API of walr 0.1.
///
/// Call [`replay`](WAL::replay) to get the state. Then [`log`](WAL::log) each change before you make it; if the change fails,
/// [`undo`](WAL::undo) removes the log again. When [`should_checkpoint`](WAL::should_checkpoint) returns `true`, pass the state to
/// [`checkpoint`](WAL::checkpoint), so that the log before it can be removed.
///
/// The state is yours: walr sees it only in `replay` and `checkpoint`. A checkpoint must contain exactly the state that a replay of
/// everything logged so far would give, because an older checkpoint and the log replace a corrupt one.
///
/// The drop writes what is pending, marks the log as closed and unlocks the folder before it returns. It writes no checkpoint and
/// reports no error.
///
/// States that derive [`WalState`](macro@crate::WalState) need none of this: see [`Durable`](crate::Durable).
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
/// A call whose future is dropped happens or has no effect. The next call finds out first: if the dropped call was recorded, it counts
/// as the last call, which `undo` removes.
pub struct WAL<Log, State>
where
    Log: Serialize + DeserializeOwned,
    State: Default + Serialize + DeserializeOwned,
{
    /// The bytes of log since the last checkpoint, without the logs that were undone.
    pub size: usize,
    /// The options of the open. A change of `durability` has no effect.
    pub options: WALOptions,
    /// The folder, as it was passed to the open.
    pub data_path: PathBuf,
    replay_handler: ReplayHandler<Log, State>,
    /// The call that `undo` aborts.
    last: Option<LoggedCall>,
    /// A call that has begun, and whose answer isn't known. It stays here if the future is dropped.
    pending: Option<Pending>,
    store: OpenStore<EncodedState>,
}

/// The records of one call.
#[derive(Clone, Copy, Debug)]
struct LoggedCall {
    /// The last LSN of the log before the call.
    before: Lsn,
    bytes: usize,
}

/// A call whose answer isn't known.
#[derive(Clone, Copy, Debug)]
enum Pending {
    Log(LoggedCall),
    /// A log that isn't the last call any more.
    LogBefore(LoggedCall),
    Undo(LoggedCall),
    /// A checkpoint with this LSN.
    Checkpoint(Lsn),
}

impl<Log, State> WAL<Log, State>
where
    Log: Serialize + DeserializeOwned,
    State: Default + Serialize + DeserializeOwned,
{
    /// Opens the log in the folder `data_path`, and recovers it.
    ///
    /// If there is no log, it is created with the state `State::default()`; missing folders are created too. The recovered logs are
    /// kept even if [`replay`](WAL::replay) is never called; new logs go after them.
    ///
    /// # Errors
    ///
    /// After an error the data on disk is as it was.
    ///
    /// - the errors of [`Durable::open`](crate::Durable::open) that don't concern mutations
    /// - [`Older`](Error::Older) for a folder of walr 0.1
    /// - [`Schema`](Error::Schema) for the folder of a derived state
    /// - [`Option`](Error::Option) for an option whose value isn't allowed
    ///
    /// # Cancel safety
    ///
    /// A dropped open leaves the data as it was. The folder stays locked until the recovery has ended.
    pub async fn open<P: AsRef<Path>>(
        data_path: P,
        replay_handler: ReplayHandler<Log, State>,
        options: Option<WALOptions>,
    ) -> Result<WAL<Log, State>, Error> {
        let data_path = data_path.as_ref().to_path_buf();
        WAL::start(StoreLocation::Path(data_path.clone()), data_path, replay_handler, options).await
    }

    /// Opens the log in a folder that is open already, such as the simulated folder of `walr::testing`, like [`open`](WAL::open).
    ///
    /// # Errors
    ///
    /// Returns the errors of [`open`](WAL::open).
    ///
    /// # Cancel safety
    ///
    /// A dropped open leaves the data as it was. The folder stays locked until the recovery has ended.
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
        let journal = Options::with(store_config(&options)?);
        let store = journal.start(location, || encode(&State::default()).map(EncodedState::new)).await?;
        let core = &store.front.core;
        // A replay reads the checkpoint again.
        core.live.write().state = Ok(EncodedState::nothing());
        let size = core.recovery.bytes as usize;
        Ok(WAL { size, options, data_path, replay_handler, last: None, pending: None, store })
    }

    /// Records one log. It is as durable as [`WALOptions::durability`] says when this returns.
    ///
    /// # Errors
    ///
    /// [`Error::fate`] tells whether the log may be recorded.
    ///
    /// - [`Codec`](Error::Codec) if the log can't be read back
    /// - [`Full`](Error::Full) and [`Io`](Error::Io) if the file system refuses
    /// - [`Commit`](Error::Commit) if the write or the sync failed, and [`Failed`](Error::Failed) after that
    ///
    /// # Cancel safety
    ///
    /// The call happens or has no effect; see [`WAL`](WAL#cancel-safety).
    pub async fn log(&mut self, log: &Log) -> Result<(), Error> {
        let logs = std::slice::from_ref(log);
        self.log_many(logs).await
    }

    /// Records logs as one batch: after a crash all of them are there, or none. An empty batch writes nothing.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`log`](WAL::log) for the whole batch, and [`TooMany`](Error::TooMany) for a batch of more than
    /// 4,294,967,295 logs.
    ///
    /// # Cancel safety
    ///
    /// The whole batch happens or has no effect; see [`WAL`](WAL#cancel-safety).
    pub async fn log_many(&mut self, logs: &[Log]) -> Result<(), Error> {
        // From here on, `undo` concerns this call and not the one before, even if this one fails.
        if let Some(Pending::Log(logged)) = self.pending {
            self.pending = Some(Pending::LogBefore(logged));
        }
        self.settle().await?;
        self.last = None;
        let mut entries = logs.iter().map(|log| encode(log).map(EncodedLog::new)).collect::<Result<Vec<_>>>()?;
        if entries.is_empty() {
            return Ok(());
        }
        let bytes = entries.iter().map(EncodedLog::size).sum();
        let logged = LoggedCall { before: self.end(), bytes };
        self.pending = Some(Pending::Log(logged));
        let done = match entries.pop() {
            Some(entry) if entries.is_empty() => self.front().mutate(entry).await,
            last => {
                entries.extend(last);
                self.front().mutate_all(entries).await.map(drop)
            }
        };
        self.pending = None;
        done?;
        self.count_logged(logged);
        Ok(())
    }

    /// Removes the last [`log`](WAL::log) or [`log_many`](WAL::log_many) from every replay, durably, by an abort in the log.
    ///
    /// Does nothing if that call failed or was undone already, or if a checkpoint or a replay came after it.
    ///
    /// # Errors
    ///
    /// - [`Full`](Error::Full) and [`Io`](Error::Io), after which the call can be repeated
    /// - [`Commit`](Error::Commit) if the write or the sync failed, after which only a reopen can tell, and [`Failed`](Error::Failed)
    ///   after that
    ///
    /// # Cancel safety
    ///
    /// Once polled, the undo happens, at the latest in the next call.
    pub async fn undo(&mut self) -> Result<(), Error> {
        self.settle().await?;
        match self.last {
            Some(logged) => self.abort(logged).await,
            None => Ok(()),
        }
    }

    async fn abort(&mut self, logged: LoggedCall) -> Result<()> {
        self.pending = Some(Pending::Undo(logged));
        let done = self.front().ask(|answer| Request::AbortAbove(logged.before, answer)).await;
        self.pending = None;
        done?;
        self.last = None;
        self.size = self.size.saturating_sub(logged.bytes);
        Ok(())
    }

    /// Returns whether the log since the last checkpoint has reached [`WALOptions::max_size`], so that it is time for a
    /// [`checkpoint`](WAL::checkpoint).
    pub fn should_checkpoint(&self) -> bool {
        self.size >= self.options.max_size
    }

    /// Writes `state` as a checkpoint, durably, with which the next replay begins. Then removes the log that only older checkpoints than
    /// the last two need.
    ///
    /// # Errors
    ///
    /// - [`Codec`](Error::Codec) if the state can't be read back
    /// - [`Io`](Error::Io) and [`Full`](Error::Full), after which the log is as it was
    /// - [`Failed`](Error::Failed) after an earlier failure
    ///
    /// # Cancel safety
    ///
    /// Once polled, the checkpoint is written even if the future is dropped.
    pub async fn checkpoint(&mut self, state: &State) -> Result<(), Error> {
        let state = EncodedState::new(encode(state)?);
        self.settle().await?;
        // No call is in flight, so `state` is as of the end of the log.
        let lsn = self.end();
        self.pending = Some(Pending::Checkpoint(lsn));
        let done = self.front().ask(|answer| Request::CheckpointOf(state, lsn, answer)).await;
        self.pending = None;
        done?;
        self.count_checkpoint();
        Ok(())
    }

    /// Returns what the open found and did.
    pub fn recovery(&self) -> &Recovery {
        &self.front().core.recovery
    }

    fn front(&self) -> &Front<EncodedState> {
        &self.store.front
    }

    /// Returns the last LSN of the log.
    fn end(&self) -> Lsn {
        self.front().core.stats.lock().last
    }

    fn count_logged(&mut self, logged: LoggedCall) {
        self.last = Some(logged);
        self.size += logged.bytes;
    }

    fn count_checkpoint(&mut self) {
        self.last = None;
        self.size = 0;
    }

    /// Finds out whether a call whose future was dropped is recorded.
    async fn settle(&mut self) -> Result<()> {
        let Some(pending) = self.pending else { return Ok(()) };
        if let Pending::Undo(logged) = pending {
            // A second abort of the same records changes nothing.
            let done = self.abort(logged).await;
            if let Err(Error::Full { .. } | Error::Io { .. }) = done {
                // No record may follow those that are still to be aborted: the next call tries again.
                self.pending = Some(pending);
            }
            return done;
        }
        // The store answers in order, so the call before this sync has ended.
        self.front().ask(Request::Sync).await?;
        self.pending = None;
        match pending {
            Pending::Log(logged) if self.end() > logged.before => self.count_logged(logged),
            Pending::LogBefore(logged) if self.end() > logged.before => self.size += logged.bytes,
            Pending::Checkpoint(lsn) if self.front().core.stats.lock().checkpoint >= lsn => self.count_checkpoint(),
            _ => {}
        }
        Ok(())
    }
}

/// Returns the options of the store under a `WAL`.
fn store_config(options: &WALOptions) -> Result<Config> {
    for (option, value) in [("iter_batch_size", options.iter_batch_size), ("iter_chunk_size", options.iter_chunk_size)]
    {
        if value == 0 {
            return Err(Error::Option { option, value: "0".to_string(), reason: "it is at least 1" });
        }
    }
    let (durability, checkpoint, max_record_size) = (options.durability, CheckpointPolicy::Manual, u64::MAX);
    Ok(Config { durability, checkpoint, max_record_size, ..Config::default() })
}

/// Encodes a value, and checks that it can be read back.
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
