//! The second pass over the log: the records of a view, in order, applied to a state.

use super::decode::{DecodedRecord, RecordPanic, RecordSink, ReplayError, decode};
use super::decode_ahead;
use crate::error::{Error, Result};
use crate::log::frame::{FrameKind, Records};
use crate::log::view::{Span, View};
use crate::lsn::Lsn;
use crate::pace::Pace;
use crate::panic::{self, drop_quietly};
use crate::reentry;
use crate::schema::state::WalState;

/// From this many bytes of log on a second thread is worth its start.
const LONG: u64 = 1 << 20;

/// The extent of a replay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ReplayCounts {
    pub(crate) records: u64,
    pub(crate) bytes: u64,
    pub(crate) of_other_code: u64,
}

/// Hands the records of `span` to `apply`, in order. In the foreground a long log is read and decoded on a thread of its
/// own, ahead of `apply`.
pub(crate) fn replay<S: WalState>(
    view: &View,
    span: Span,
    pace: &Pace<'_>,
    apply: &mut dyn FnMut(Lsn, S::Log) -> S::Outcome,
) -> Result<ReplayCounts, ReplayError> {
    let mut applier = Applier::<S> { apply, view, pace, replayed: ReplayCounts::default() };
    if !pace.is_in_background() && view.bytes(span) >= LONG {
        decode_ahead::decode::<S>(view, span, &mut applier)?;
    } else {
        decode::<S>(view, span, &mut applier)?;
    }
    Ok(applier.replayed)
}

/// Reduces the count of the `held` records of `span` by the aborted ones. The log is read only where there are some.
pub(crate) fn without_aborted(mut held: ReplayCounts, view: &View, span: Span) -> Result<ReplayCounts> {
    let Some((first, last)) = view.aborted.ends().filter(|(_, last)| *last > span.above) else {
        return Ok(held);
    };
    let around = Span { above: span.above.max(Lsn::new(first.get() - 1)), up_to: last };
    view.frames(around, |header, body, _| {
        if header.kind == FrameKind::Batch {
            for record in Records::new(header, body).flatten() {
                if record.lsn > around.above && view.aborted.contain(record.lsn) {
                    held.records = held.records.saturating_sub(1);
                    held.bytes = held.bytes.saturating_sub(record.bytes.len() as u64);
                }
            }
        }
        Ok::<_, Error>(())
    })?;
    Ok(held)
}

/// Applies the records that it takes.
struct Applier<'a, S: WalState> {
    apply: &'a mut dyn FnMut(Lsn, S::Log) -> S::Outcome,
    view: &'a View,
    pace: &'a Pace<'a>,
    replayed: ReplayCounts,
}

impl<S: WalState> RecordSink<S::Log> for Applier<'_, S> {
    fn frame(&mut self, read: u64) -> Result<(), ReplayError> {
        if self.pace.is_stopped() {
            return Err(Error::Closed.into());
        }
        self.pace.pause();
        self.pace.reach(read, self.replayed.records);
        Ok(())
    }

    fn record(&mut self, record: DecodedRecord<S::Log>) -> Result<(), ReplayError> {
        let DecodedRecord { lsn, log, bytes, of_other_code } = record;
        let replaying = reentry::replaying();
        let applied = panic::catch(|| (self.apply)(lsn, log));
        drop(replaying);
        match applied {
            Ok(outcome) => drop_quietly(outcome),
            Err(message) => return Err(panicked(self.view, lsn, message)),
        }
        self.replayed.records += 1;
        self.replayed.bytes += bytes as u64;
        self.replayed.of_other_code += u64::from(of_other_code);
        Ok(())
    }
}

/// Finds the record that panicked in the log.
fn panicked(view: &View, lsn: Lsn, message: String) -> ReplayError {
    match view.locate(lsn) {
        Err(error) => ReplayError::Failed(error),
        Ok(Some(found)) => {
            let (batch, frame, mutation) = (found.batch, found.frame, found.mutation);
            ReplayError::Panicked(RecordPanic { lsn, batch, frame, mutation, message })
        }
        Ok(None) => {
            let reason = format!("lsn {lsn} panicked ({message}), and isn't in the log any more");
            ReplayError::Failed(Error::Thread { reason })
        }
    }
}
