//! The checkpoint and the records above it, handed over one by one: for who builds a state elsewhere.

use super::aborted::Aborted;
use super::decode::{Panic, Source, Stopped};
use super::replay::replay_into;
use super::{Snapshot, load_newest};
use crate::error::{Error, Result};
use crate::layout::{Dir, StoreId};
use crate::lsn::Lsn;
use crate::pace::Pace;
use crate::state::WalState;

/// Reads a snapshot without building a state: `begin` gets what its checkpoint holds, then `each` every record above that,
/// in order. The pace ends it early.
pub(crate) fn read<S: WalState>(
    dir: &Dir,
    store: &StoreId,
    snapshot: &Snapshot,
    pace: &Pace<'_>,
    begin: impl FnOnce(S),
    each: &mut dyn FnMut(Lsn, S::Log) -> S::Outcome,
) -> Result<()> {
    let Snapshot { checkpoint, extents, aborts, up_to } = snapshot;
    let loaded = load_newest::<S>(dir, store, &[*checkpoint], &mut Vec::new(), pace)?;
    let (aborted, above) = (Aborted::new(aborts), loaded.lsn);
    begin(loaded.state);
    let source = Source { dir, store, extents, aborted: &aborted, above, up_to: *up_to };
    match replay_into::<S>(&source, pace, each) {
        Ok(_) => Ok(()),
        Err(Stopped::Failed(error)) => Err(error),
        Err(Stopped::Panicked(Panic { lsn, message, .. })) => {
            Err(Error::Thread { reason: format!("handing over lsn {lsn} panicked: {message}") })
        }
    }
}
