//! A small journal: entries in the order in which they were logged, and not only values that replace each other, so that one
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

/// What a replay of this simulated folder gives.
pub(crate) async fn replayed(sim: &Sim) -> walr::Result<Journal> {
    open_sim(sim).await?.replay().await
}

/// What a replay of this folder gives.
pub(crate) async fn replayed_at(folder: &Path) -> walr::Result<Journal> {
    open(folder).await?.replay().await
}
