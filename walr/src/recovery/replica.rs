//! A state that is built from disk, beside the live one or in its place.

use super::decode::{RecordPanic, ReplayError};
use super::load_newest;
use super::replay::{ReplayCounts, replay};
use crate::checkpoint::LoadedCheckpoint;
use crate::error::{Error, Result};
use crate::log::frame::LsnRange;
use crate::log::journal::SegmentExtent;
use crate::log::layout::{StoreDir, StoreId};
use crate::log::view::{AbortedRanges, Span, View};
use crate::lsn::Lsn;
use crate::pace::Pace;
use crate::panic::drop_quietly;
use crate::schema::state::WalState;

/// The log above a checkpoint, as the owner of an open store sees it.
#[derive(Clone, Debug)]
pub(crate) struct LogSnapshot {
    /// The newest checkpoint that counts.
    pub(crate) checkpoint: Lsn,
    pub(crate) extents: Vec<SegmentExtent>,
    /// The aborted LSN ranges above the checkpoint.
    pub(crate) aborts: Vec<LsnRange>,
    /// The last LSN of the snapshot.
    pub(crate) up_to: Lsn,
}

impl LogSnapshot {
    pub(crate) fn view(&self, dir: &StoreDir, store: &StoreId) -> View {
        let aborted = AbortedRanges::new(&self.aborts);
        View { dir: dir.clone(), store: *store, extents: self.extents.clone(), aborted }
    }
}

/// A state as of an LSN.
pub(crate) struct Replica<S> {
    pub(crate) state: S,
    pub(crate) lsn: Lsn,
}

impl<S: WalState> From<LoadedCheckpoint<S>> for Replica<S> {
    fn from(loaded: LoadedCheckpoint<S>) -> Self {
        Replica { state: loaded.state, lsn: loaded.lsn }
    }
}

impl<S: WalState> Replica<S> {
    /// Loads the checkpoint of this LSN. No older one stands in for it: the aborts below it aren't known to an open store.
    pub(crate) fn load(dir: &StoreDir, store: &StoreId, checkpoint: Lsn, pace: &Pace<'_>) -> Result<Self> {
        load_newest::<S>(dir, store, &[checkpoint], &mut Vec::new(), pace).map(Replica::from)
    }

    /// Replays the records up to `up_to`.
    pub(crate) fn advance(&mut self, view: &View, up_to: Lsn, pace: &Pace<'_>) -> Result<ReplayCounts, ReplayError> {
        let span = Span { above: self.lsn, up_to };
        let state = &mut self.state;
        let replayed = replay::<S>(view, span, pace, &mut |_, log| state.apply(log))?;
        self.lsn = up_to;
        Ok(replayed)
    }

    /// Replays the records up to `up_to`, which all succeeded when they were recorded.
    pub(crate) fn follow(&mut self, view: &View, up_to: Lsn, pace: &Pace<'_>) -> Result<()> {
        let span = Span { above: self.lsn, up_to };
        replay_again::<S>(view, span, pace, &mut |_, log| self.state.apply(log))?;
        self.lsn = up_to;
        Ok(())
    }
}

/// Hands records to `apply` that all succeeded when they were recorded: a panic is an error.
pub(crate) fn replay_again<S: WalState>(
    view: &View,
    span: Span,
    pace: &Pace<'_>,
    apply: &mut dyn FnMut(Lsn, S::Log) -> S::Outcome,
) -> Result<()> {
    match replay::<S>(view, span, pace, apply) {
        Ok(_) => Ok(()),
        Err(ReplayError::Failed(error)) => Err(error),
        Err(ReplayError::Panicked(RecordPanic { lsn, mutation, message, .. })) => {
            let advice = "it succeeded when it was recorded, so that the mutation isn't deterministic: fix it";
            Err(Error::ReplayPanicked { path: view.dir.path.clone(), mutation, lsn, message, advice })
        }
    }
}

/// Builds the state as of a snapshot from its checkpoint, or from a `base` above that.
pub(crate) fn rebuild<S: WalState>(
    dir: &StoreDir,
    store: &StoreId,
    snapshot: &LogSnapshot,
    base: Option<Replica<S>>,
    pace: &Pace<'_>,
) -> Result<S> {
    let mut replica = match base {
        Some(base) if base.lsn == snapshot.up_to => return Ok(base.state),
        Some(base) => base,
        None => Replica::load(dir, store, snapshot.checkpoint, pace)?,
    };
    match replica.follow(&snapshot.view(dir, store), snapshot.up_to, pace) {
        Ok(()) => Ok(replica.state),
        Err(error) => {
            // A panic may have left it half changed.
            drop_quietly(replica);
            Err(error)
        }
    }
}

/// Reads a snapshot without building a state: `begin` takes what the checkpoint holds, then `each` takes every record
/// above it, in order. The pace can end it early.
pub(crate) fn read<S: WalState>(
    dir: &StoreDir,
    store: &StoreId,
    snapshot: &LogSnapshot,
    pace: &Pace<'_>,
    begin: impl FnOnce(S),
    each: &mut dyn FnMut(Lsn, S::Log) -> S::Outcome,
) -> Result<()> {
    let Replica { state, lsn } = Replica::load(dir, store, snapshot.checkpoint, pace)?;
    begin(state);
    let span = Span { above: lsn, up_to: snapshot.up_to };
    match replay::<S>(&snapshot.view(dir, store), span, pace, each) {
        Ok(_) => Ok(()),
        Err(ReplayError::Failed(error)) => Err(error),
        Err(ReplayError::Panicked(RecordPanic { lsn, message, .. })) => {
            Err(Error::Thread { reason: format!("handing over lsn {lsn} panicked: {message}") })
        }
    }
}
