//! The parts of an open store that don't depend on the state's type.

use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;

use super::stats::Stats;
use crate::error::{Error, Result};
use crate::fs::WorkSignals;
use crate::log::layout::{StoreDir, StoreId};
use crate::lsn::Lsn;
use crate::options::Config;
use crate::recovery::Recovery;
use crate::schema::results::ResultDigest;

/// The parts of an open store that don't depend on the state's type.
pub(crate) struct StoreBase {
    pub(crate) dir: StoreDir,
    pub(crate) store: StoreId,
    pub(crate) config: Config,
    pub(crate) recovery: Recovery,
    /// The first failure of a write or a sync. Once it is set, nothing is written any more.
    pub(crate) latch: OnceLock<Arc<Error>>,
    pub(crate) stats: Mutex<Stats>,
    pub(super) progress: Mutex<Progress>,
    /// Signals a checkpoint in progress: to stop when the last handle is dropped, to run unthrottled when a close waits for it.
    pub(crate) checkpoint: WorkSignals,
    /// The number of readers of old checkpoints and the log above them, which must not be removed meanwhile.
    pub(crate) pins: AtomicUsize,
}

impl StoreBase {
    /// Returns an error if a write or a sync has failed.
    pub(crate) fn failed(&self) -> Result<()> {
        match self.latch.get() {
            Some(cause) => Err(Error::Failed { cause: cause.clone() }),
            None => Ok(()),
        }
    }

    /// Sets the first failure, and returns it.
    pub(crate) fn latch(&self, error: Error) -> Arc<Error> {
        self.latch.get_or_init(|| Arc::new(error)).clone()
    }
}

/// The progress of the state, which the log's frames carry.
#[derive(Debug)]
pub(super) struct Progress {
    /// The newest LSN that was applied, or aborted durably.
    pub(super) applied: Lsn,
    /// The digest of the results since the last frame; `None` if it lacks some, because recovery has replayed their records.
    pub(super) digest: Option<ResultDigest>,
    /// The space in the log for the aborts of the groups that aren't applied yet.
    pub(super) abort_space: u64,
}

impl Progress {
    /// Takes the applied LSN and the digest of the results up to there. They change together.
    pub(super) fn take(&mut self) -> (Lsn, Option<u64>) {
        (self.applied, self.digest.replace(ResultDigest::default()).map(ResultDigest::get))
    }
}
