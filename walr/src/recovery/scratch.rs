//! A second state that is built from disk step by step, to hold the live one to.

use super::aborted::Aborted;
use super::decode::{Panic, Source, Stopped};
use super::load_newest;
use super::replay::replay;
use crate::codec;
use crate::error::{Error, Result};
use crate::frame::{self, Header, Kind, Range, Records};
use crate::journal::Extent;
use crate::layout::{Dir, StoreId};
use crate::lsn::Lsn;
use crate::pace::Pace;
use crate::schema::Schema;
use crate::state::WalState;

/// A state as of an LSN.
pub(crate) struct Scratch<S> {
    pub(crate) state: S,
    pub(crate) lsn: Lsn,
}

impl<S: WalState> Scratch<S> {
    /// The state in a checkpoint.
    pub(crate) fn load(dir: &Dir, store: &StoreId, checkpoint: Lsn, pace: &Pace<'_>) -> Result<Self> {
        let loaded = load_newest::<S>(dir, store, &[checkpoint], &mut Vec::new(), pace)?;
        Ok(Scratch { state: loaded.state, lsn: loaded.lsn })
    }

    /// Replays the records up to `up_to`.
    pub(crate) fn advance(
        &mut self,
        dir: &Dir,
        store: &StoreId,
        log: (&[Extent], &[Range]),
        up_to: Lsn,
        pace: &Pace<'_>,
    ) -> Result<()> {
        let (extents, aborts) = log;
        let aborted = Aborted::new(aborts);
        let source = Source { dir, store, extents, aborted: &aborted, above: self.lsn, up_to };
        match replay(&mut self.state, &source, pace) {
            Ok(_) => {
                self.lsn = up_to;
                Ok(())
            }
            Err(Stopped::Failed(error)) => Err(error),
            Err(Stopped::Panicked(Panic { lsn, mutation, message, .. })) => {
                let advice = "it succeeded when it was recorded, so that the mutation isn't deterministic: mend it";
                Err(Error::ReplayPanicked { path: dir.path.clone(), mutation, lsn, message, advice })
            }
        }
    }
}

/// What a part of the log holds.
#[derive(Debug, Default)]
pub(crate) struct Survey {
    /// What is taken back in it.
    pub(crate) aborts: Vec<Range>,
    /// Whether all of its records were made by the same code of the same mutations as this program's.
    pub(crate) is_ours: bool,
}

/// Reads the log between two LSNs without applying it.
pub(crate) fn survey<S: WalState>(
    dir: &Dir,
    store: &StoreId,
    extents: &[Extent],
    (above, up_to): (Lsn, Lsn),
) -> Result<Survey> {
    let now = Schema::of::<S>();
    let mut survey = Survey { aborts: Vec::new(), is_ours: true };
    let mut ours = false;
    frames(dir, store, extents, (above, up_to), &mut |header, body| match header.kind {
        Kind::Schema => ours = Schema::decode(header.count, body).is_some_and(|schema| schema == *now),
        Kind::Batch => {
            let mut lsns = Records::new(header, body).flatten().map(|record| record.lsn);
            survey.is_ours &= ours || !lsns.any(|lsn| lsn > above && lsn <= up_to);
        }
        Kind::Abort => survey.aborts.extend(frame::parse_abort(header.count, body).unwrap_or_default()),
        _ => {}
    })?;
    Ok(survey)
}

/// The name of the mutation that the record of `lsn` calls.
pub(crate) fn mutation_at(dir: &Dir, store: &StoreId, extents: &[Extent], lsn: Lsn) -> Result<Option<String>> {
    let (mut schema, mut found) = (None, None);
    let before = Lsn::new(lsn.get().saturating_sub(1));
    frames(dir, store, extents, (before, lsn), &mut |header, body| match header.kind {
        Kind::Schema => schema = Schema::decode(header.count, body),
        Kind::Batch => {
            let record = Records::new(header, body).flatten().find(|record| record.lsn == lsn);
            let place = record.and_then(|record| codec::decode_front(record.bytes)).map(|(place, _)| place as usize);
            let mutations = schema.as_ref().map_or(&[][..], |schema: &Schema| &schema.mutations);
            let name = place.and_then(|place| mutations.get(place)).map(|signature| signature.name.clone());
            found = name.or(found.take());
        }
        _ => {}
    })?;
    Ok(found)
}

/// Calls `each` with the LSN and the bytes of every record in these segments, those that were aborted included.
#[cfg(any(test, feature = "testing"))]
pub(crate) fn raw_records(
    dir: &Dir,
    store: &StoreId,
    extents: &[Extent],
    each: &mut dyn FnMut(Lsn, &[u8]),
) -> Result<()> {
    let all = (Lsn::default(), Lsn::new(u64::MAX));
    frames(dir, store, extents, all, &mut |header, body| {
        if header.kind == Kind::Batch {
            Records::new(header, body).flatten().for_each(|record| each(record.lsn, record.bytes));
        }
    })
}

/// Calls `look` with each frame of the segments that hold records between two LSNs.
fn frames(
    dir: &Dir,
    store: &StoreId,
    extents: &[Extent],
    (above, up_to): (Lsn, Lsn),
    look: &mut dyn FnMut(&Header, &[u8]),
) -> Result<()> {
    let source = Source { dir, store, extents, aborted: &Aborted::default(), above, up_to };
    source.frames(|header, body, _| {
        look(header, body);
        Ok(())
    })
}
