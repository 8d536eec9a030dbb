//! The second pass over the log: applies the records of a view to a state, in order.

use super::decode::{DecodedRecord, RecordPanic, RecordSink, ReplayError, ResultMatch, decode};
use super::results::{Applied, ReplayedResult, ResultCheck};
use super::{decode_ahead, replaying};
use crate::error::{Error, Result};
use crate::fs::Throttle;
use crate::log::frame::FrameHeader;
use crate::log::view::{Span, View};
use crate::lsn::Lsn;
use crate::options::progress::Watch;
use crate::panic::{self, drop_quietly};
use crate::schema::Schema;
use crate::schema::results::digest_of;
use crate::schema::state::WalState;

/// A log of at least this many bytes is decoded on a second thread.
const LONG_LOG: u64 = 1 << 20;

/// The number of records of a replay, and their size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ReplayCounts {
    pub(crate) records: u64,
    pub(crate) bytes: u64,
    pub(crate) of_other_code: u64,
}

/// Calls `apply` with each record of `span`, in order, and reports the progress to `watch`. In the foreground a long log is read and
/// decoded ahead on a thread of its own. `results` compares the results with those of the calls.
pub(crate) fn replay<S: WalState>(
    view: &View,
    span: Span,
    (throttle, watch): (&Throttle<'_>, &Watch),
    results: Option<&mut ResultCheck>,
    apply: &mut dyn FnMut(Lsn, S::Log) -> S::Outcome,
) -> Result<ReplayCounts, ReplayError> {
    let mut applier = Applier::<S> { apply, view, throttle, watch, results, replayed: ReplayCounts::default() };
    if !throttle.is_in_background() && view.bytes(span) >= LONG_LOG {
        decode_ahead::decode::<S>(view, span, &mut applier)?;
    } else {
        decode::<S>(view, span, &mut applier)?;
    }
    Ok(applier.replayed)
}

/// A sink that applies records.
struct Applier<'a, S: WalState> {
    apply: &'a mut dyn FnMut(Lsn, S::Log) -> S::Outcome,
    view: &'a View,
    throttle: &'a Throttle<'a>,
    watch: &'a Watch,
    results: Option<&'a mut ResultCheck>,
    replayed: ReplayCounts,
}

impl<S: WalState> RecordSink<S::Log> for Applier<'_, S> {
    fn frame(&mut self, read: u64, header: &FrameHeader) -> Result<(), ReplayError> {
        if let Some(results) = &mut self.results {
            results.frame(Applied::of(header), Lsn::new(header.first_lsn.get() - 1))?;
        }
        if self.throttle.is_cancelled() {
            return Err(Error::Closed.into());
        }
        self.throttle.rest();
        self.watch.reach(read, self.replayed.records);
        Ok(())
    }

    fn record(&mut self, record: DecodedRecord<S::Log>) -> Result<(), ReplayError> {
        let DecodedRecord { lsn, log, bytes, of_other_code, result } = record;
        let mutation = S::index(&log);
        let replaying = replaying::begin();
        let applied = panic::catch(|| (self.apply)(lsn, log));
        drop(replaying);
        match applied {
            Ok(outcome) => {
                if let Some(results) = &mut self.results {
                    let digest = digest_of::<S>(&outcome);
                    let mutation = S::MUTATIONS.get(mutation).map_or("?", |mutation| mutation.name);
                    let is_same_type = result != ResultMatch::Changed;
                    let is_opaque = result == ResultMatch::Opaque;
                    results.result(ReplayedResult { lsn, mutation, digest, is_same_type, is_opaque });
                }
                drop_quietly(outcome);
            }
            Err(message) => return Err(panicked(self.view, &Schema::of::<S>(), lsn, message)),
        }
        self.replayed.records += 1;
        self.replayed.bytes += bytes as u64;
        self.replayed.of_other_code += u64::from(of_other_code);
        Ok(())
    }
}

/// Finds the record in the log that panicked.
fn panicked(view: &View, now: &Schema, lsn: Lsn, message: String) -> ReplayError {
    match view.locate(lsn) {
        Err(error) => ReplayError::Failed(error),
        Ok(Some(found)) => {
            let is_same_code = found.schema.is_some_and(|schema| schema.has_code_of(now));
            let (batch, mutation) = (found.batch, found.mutation);
            ReplayError::Panicked(RecordPanic { lsn, batch, is_same_code, mutation, message })
        }
        Ok(None) => {
            let reason = format!("the replay of lsn {lsn} panicked ({message}), and the record is gone from the log");
            ReplayError::Failed(Error::Thread { reason })
        }
    }
}
