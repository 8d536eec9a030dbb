//! A small journal as the state of the tests. Its entries are appended in the order of their logs, so that an entry that is
//! applied twice shows.

use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use walr::options::WALOptions;
use walr::testing::Sim;
use walr::{ReplayHandlerResult, WAL};

pub(crate) type Journal = Vec<String>;

#[derive(Serialize, Deserialize)]
pub(crate) enum Change {
    Append(String),
    Clear,
}

pub(crate) type Wal = WAL<Change, Journal>;

pub(crate) fn handler(changes: Vec<Change>, journal: Arc<Mutex<Journal>>) -> ReplayHandlerResult {
    Box::pin(async move {
        let mut journal = journal.lock().await;
        for change in changes {
            match change {
                Change::Append(entry) => journal.push(entry),
                Change::Clear => journal.clear(),
            }
        }
        Ok(())
    })
}

pub(crate) async fn open(folder: &Path) -> walr::Result<Wal> {
    WAL::open(folder, Box::new(handler), None).await
}

pub(crate) async fn open_sim(sim: &Sim) -> walr::Result<Wal> {
    open_sim_with(sim, WALOptions::default()).await
}

pub(crate) async fn open_sim_with(sim: &Sim, options: WALOptions) -> walr::Result<Wal> {
    WAL::open_on(sim.clone(), Box::new(handler), Some(options)).await
}

pub(crate) fn append(entry: impl Into<String>) -> Change {
    Change::Append(entry.into())
}

/// Returns `entry 0`, `entry 1`, and so on.
pub(crate) fn numbered(count: usize) -> Journal {
    (0..count).map(|number| format!("entry {number}")).collect()
}

/// Returns the changes that append `entries`.
pub(crate) fn append_all(entries: &[String]) -> Vec<Change> {
    entries.iter().map(append).collect()
}

/// Opens a simulated disk, and returns the journal that a replay builds.
pub(crate) async fn replayed(sim: &Sim) -> walr::Result<Journal> {
    open_sim(sim).await?.replay().await
}

/// Opens a folder, and returns the journal that a replay builds.
pub(crate) async fn replayed_at(folder: &Path) -> walr::Result<Journal> {
    open(folder).await?.replay().await
}
