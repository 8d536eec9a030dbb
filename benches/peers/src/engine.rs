//! The interface of an engine: a durable map of strings.

use std::future::Future;
use std::path::PathBuf;

use anyhow::{Result, bail};

/// The settings of an open.
#[derive(Clone)]
pub struct Opts {
    pub dir: PathBuf,
    /// Makes an insert return when it is durable, as far as the engine can.
    pub sync: bool,
    /// The approximate number of log bytes of the run, for engines that preallocate.
    pub hint: u64,
    /// Makes `raw` keep a map, so that it can write a checkpoint.
    pub keep_map: bool,
    pub runtime: tokio::runtime::Handle,
}

/// A durable map of strings. `open` includes the whole recovery. An engine whose calls block does so inside of its futures, which
/// are then ready at the first poll.
pub trait Engine: Send + Sync + Sized + 'static {
    /// Writers are tasks of tokio if true, and threads otherwise.
    const ASYNC: bool = false;
    /// The meaning of "durable" here, or `None` if the engine has no such mode.
    const SYNC: Option<&'static str>;
    /// The meaning of "buffered" here, or `None` if the engine has no such mode.
    const BUFFERED: Option<&'static str>;
    /// The engine keeps the state on disk if true, and in the memory of the process otherwise.
    const DATABASE: bool = false;

    fn open(opts: &Opts) -> Result<Self>;

    fn insert(&self, key: String, value: String) -> impl Future<Output = Result<()>> + Send;

    /// Inserts all or nothing, durably in the durable mode.
    fn batch(&self, items: Vec<(String, String)>) -> impl Future<Output = Result<()>> + Send;

    /// Writes a checkpoint, or compacts a database.
    fn checkpoint(&self) -> impl Future<Output = Result<()>> + Send {
        async { bail!("no checkpoint") }
    }

    fn get(&self, key: &str) -> Result<Option<String>>;

    /// Returns the number of entries, after a visit to each of them. A database copies all of them into a `HashMap`.
    fn load(&self) -> Result<u64>;

    fn close(self) -> Result<()> {
        Ok(())
    }
}
