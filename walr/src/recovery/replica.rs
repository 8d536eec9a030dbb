//! A state that is built from disk, in addition to the live one or in its place.

use super::decode::{RecordPanic, ReplayError};
use super::load_newest;
use super::replay::{ReplayCounts, replay};
use super::results::ResultCheck;
use crate::checkpoint::LoadedCheckpoint;
use crate::error::{Error, Result};
use crate::fs::Throttle;
use crate::log::frame::LsnRange;
use crate::log::journal::SegmentExtent;
use crate::log::layout::{StoreDir, StoreId};
use crate::log::view::{AbortedRanges, Span, View};
use crate::lsn::Lsn;
use crate::options::progress::Watch;
use crate::panic::drop_quietly;
use crate::schema::state::WalState;

/// The advice for a record that panics on replay, and succeeded when it was recorded.
pub(super) const NOT_DETERMINISTIC: &str =
    "it succeeded when it was recorded, so that the mutation isn't deterministic; fix the mutation";

/// The log above a checkpoint of an open store.
#[derive(Clone, Debug)]
pub(crate) struct LogSnapshot {
    /// The LSN of the checkpoint.
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
    /// Loads the checkpoint of this LSN. An older one can't replace it, because an open store doesn't know the aborts below.
    pub(crate) fn load(dir: &StoreDir, store: &StoreId, checkpoint: Lsn, throttle: &Throttle<'_>) -> Result<Self> {
        load_newest::<S>(dir, store, &[checkpoint], &mut Vec::new(), throttle, &Watch::none()).map(Replica::from)
    }

    /// Replays the records up to `up_to` in the foreground, and compares their results with those of the calls.
    pub(super) fn advance(
        &mut self,
        view: &View,
        up_to: Lsn,
        watch: &Watch,
        results: &mut ResultCheck,
    ) -> Result<ReplayCounts, ReplayError> {
        let span = Span { above: self.lsn, up_to };
        let state = &mut self.state;
        let replayed =
            replay::<S>(view, span, (&Throttle::off(), watch), Some(results), &mut |_, log| state.apply(log))?;
        self.lsn = up_to;
        Ok(replayed)
    }

    /// Replays the records up to `up_to`, which all succeeded when they were recorded.
    pub(crate) fn follow(&mut self, view: &View, up_to: Lsn, throttle: &Throttle<'_>) -> Result<()> {
        let span = Span { above: self.lsn, up_to };
        replay_again::<S>(view, span, throttle, &mut |_, log| self.state.apply(log))?;
        self.lsn = up_to;
        Ok(())
    }
}

/// Calls `apply` with records that all succeeded when they were recorded. A panic is an error.
pub(crate) fn replay_again<S: WalState>(
    view: &View,
    span: Span,
    throttle: &Throttle<'_>,
    apply: &mut dyn FnMut(Lsn, S::Log) -> S::Outcome,
) -> Result<()> {
    match replay::<S>(view, span, (throttle, &Watch::none()), None, apply) {
        Ok(_) => Ok(()),
        Err(ReplayError::Failed(error)) => Err(error),
        Err(ReplayError::Panicked(RecordPanic { lsn, mutation, message, .. })) => Err(Error::ReplayPanicked {
            path: view.dir.path.clone(),
            mutation,
            lsn,
            message,
            advice: NOT_DETERMINISTIC,
        }),
    }
}

/// Builds the state as of a snapshot, from its checkpoint or from a newer `base`.
pub(crate) fn rebuild<S: WalState>(
    dir: &StoreDir,
    store: &StoreId,
    snapshot: &LogSnapshot,
    base: Option<Replica<S>>,
    throttle: &Throttle<'_>,
) -> Result<S> {
    let mut replica = match base {
        Some(base) if base.lsn == snapshot.up_to => return Ok(base.state),
        Some(base) => base,
        None => Replica::load(dir, store, snapshot.checkpoint, throttle)?,
    };
    match replica.follow(&snapshot.view(dir, store), snapshot.up_to, throttle) {
        Ok(()) => Ok(replica.state),
        Err(error) => {
            // A panic may have left the state half changed.
            drop_quietly(replica);
            Err(error)
        }
    }
}

/// Reads a snapshot without a replay: calls `begin` with the state of the checkpoint, and then `each` with every record above it, in
/// order.
pub(crate) fn read<S: WalState>(
    dir: &StoreDir,
    store: &StoreId,
    snapshot: &LogSnapshot,
    throttle: &Throttle<'_>,
    begin: impl FnOnce(S),
    each: &mut dyn FnMut(Lsn, S::Log) -> S::Outcome,
) -> Result<()> {
    let Replica { state, lsn } = Replica::load(dir, store, snapshot.checkpoint, throttle)?;
    begin(state);
    let span = Span { above: lsn, up_to: snapshot.up_to };
    match replay::<S>(&snapshot.view(dir, store), span, (throttle, &Watch::none()), None, each) {
        Ok(_) => Ok(()),
        Err(ReplayError::Failed(error)) => Err(error),
        Err(ReplayError::Panicked(RecordPanic { lsn, message, .. })) => {
            Err(Error::Thread { reason: format!("the reader of lsn {lsn} panicked: {message}") })
        }
    }
}
