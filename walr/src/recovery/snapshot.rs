//! Where the log stood at some moment, and the state as of then.

use super::aborted::Aborted;
use super::decode::{Panic, Source, Stopped};
use super::load_newest;
use super::replay::replay;
use crate::error::{Error, Result};
use crate::frame::Range;
use crate::journal::Extent;
use crate::layout::{Dir, StoreId};
use crate::lsn::Lsn;
use crate::pace::Pace;
use crate::panic::drop_quietly;
use crate::state::WalState;

/// What a part of the log, and the checkpoints below it, hold.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    /// The newest checkpoint that counts.
    pub(crate) checkpoint: Lsn,
    pub(crate) extents: Vec<Extent>,
    /// What is taken back above it.
    pub(crate) aborts: Vec<Range>,
    /// Records above this LSN are left out.
    pub(crate) up_to: Lsn,
}

/// Builds the state as of a snapshot again.
///
/// There is no falling back on an older checkpoint here: what is taken back below the newest one isn't known.
pub(crate) fn rebuild<S: WalState>(dir: &Dir, store: &StoreId, snapshot: &Snapshot, pace: &Pace<'_>) -> Result<S> {
    let Snapshot { checkpoint, extents, aborts, up_to } = snapshot;
    let mut loaded = load_newest::<S>(dir, store, &[*checkpoint], &mut Vec::new(), pace)?;
    let aborted = Aborted::new(aborts);
    let source = Source { dir, store, extents, aborted: &aborted, above: loaded.lsn, up_to: *up_to };
    match replay(&mut loaded.state, &source, pace) {
        Ok(_) => Ok(loaded.state),
        Err(Stopped::Failed(error)) => {
            drop_quietly(loaded);
            Err(error)
        }
        Err(Stopped::Panicked(Panic { lsn, mutation, message, .. })) => {
            drop_quietly(loaded);
            let advice = "it succeeded a moment ago, so that the mutation isn't deterministic: mend it";
            Err(Error::ReplayPanicked { path: dir.path.clone(), mutation, lsn, message, advice })
        }
    }
}
