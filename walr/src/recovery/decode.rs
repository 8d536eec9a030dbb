//! Decodes the records of a view, in order.

use crate::codec;
use crate::error::{Error, Result};
use crate::log::frame::{FrameHeader, FrameKind, LsnRange, Records};
use crate::log::view::{Span, View, mutation_name};
use crate::lsn::Lsn;
use crate::panic;
use crate::schema::state::WalState;
use crate::schema::{Schema, Signature};

/// The reason why a replay ended early.
#[derive(Debug)]
pub(crate) enum ReplayError {
    Failed(Error),
    /// A record panicked, and may have left the state half changed.
    Panicked(RecordPanic),
}

/// A record that panicked on replay.
#[derive(Debug)]
pub(crate) struct RecordPanic {
    pub(crate) lsn: Lsn,
    /// The first and the last LSN of the record's batch.
    pub(crate) batch: LsnRange,
    /// `true` if the code of all mutations is that of the program that made the record.
    pub(crate) is_same_code: bool,
    pub(crate) mutation: String,
    pub(crate) message: String,
}

impl From<Error> for ReplayError {
    fn from(error: Error) -> Self {
        ReplayError::Failed(error)
    }
}

/// A decoded record.
#[derive(Debug)]
pub(crate) struct DecodedRecord<L> {
    pub(crate) lsn: Lsn,
    pub(crate) log: L,
    /// The length of the record's encoding.
    pub(crate) bytes: usize,
    /// `true` if other code of the same mutations made the record.
    pub(crate) of_other_code: bool,
    /// The type of the mutation's result, compared with that of the program that made the record.
    pub(crate) result: ResultMatch,
}

/// The comparison of a result's type in two programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ResultMatch {
    Same,
    /// The shape isn't known, and the type is written in the same way.
    Opaque,
    Changed,
}

/// A mutation of a schema, as this program has it.
struct KnownMutation {
    /// The place in this program's schema.
    place: Option<u32>,
    is_same_code: bool,
    result: ResultMatch,
}

impl KnownMutation {
    fn all(written: &Schema, now: &Schema) -> Vec<KnownMutation> {
        let places = written.indexes_in(now);
        let known = |(old, place): (&Signature, Option<u32>)| {
            let new = place.and_then(|place| now.mutations.get(place as usize));
            let is_same_code = new.is_some_and(|new| new.is_same_code(old));
            let result = match new {
                Some(new) if old.result.reads_as(&new.result) && new.result.reads_as(&old.result) => {
                    if old.result.shape.is_complete() { ResultMatch::Same } else { ResultMatch::Opaque }
                }
                _ => ResultMatch::Changed,
            };
            KnownMutation { place, is_same_code, result }
        };
        written.mutations.iter().zip(places).map(known).collect()
    }
}

/// A receiver of decoded records.
pub(crate) trait RecordSink<L> {
    /// Is called before the records of each frame. `read` is the number of bytes read so far.
    fn frame(&mut self, read: u64, header: &FrameHeader) -> Result<(), ReplayError>;
    /// Receives a record.
    fn record(&mut self, record: DecodedRecord<L>) -> Result<(), ReplayError>;
}

/// Decodes the records of `span` into `sink`, without the aborted ones.
pub(crate) fn decode<S: WalState>(
    view: &View,
    span: Span,
    sink: &mut dyn RecordSink<S::Log>,
) -> Result<(), ReplayError> {
    let now = Schema::of::<S>();
    let mut decoder = RecordDecoder { view, span, now: &now, written: None, scratch: Vec::new() };
    view.frames(span, |header, body, read| {
        sink.frame(read, header)?;
        decoder.frame::<S>(header, body, sink)
    })
}

struct RecordDecoder<'a> {
    view: &'a View,
    span: Span,
    now: &'a Schema,
    /// The schema of the following records, and its mutations as this program has them.
    written: Option<(Schema, Vec<KnownMutation>)>,
    scratch: Vec<u8>,
}

impl RecordDecoder<'_> {
    fn frame<S: WalState>(
        &mut self,
        header: &FrameHeader,
        body: &[u8],
        sink: &mut dyn RecordSink<S::Log>,
    ) -> Result<(), ReplayError> {
        match header.kind {
            FrameKind::Schema => {
                // Recovery has accepted it.
                if let Some(schema) = Schema::decode(header.count, body) {
                    let known = KnownMutation::all(&schema, self.now);
                    self.written = Some((schema, known));
                }
            }
            FrameKind::Batch => {
                for record in Records::new(header, body).flatten() {
                    if self.span.contains(record.lsn) && !self.view.aborted.contains(record.lsn) {
                        let (lsn, bytes) = (record.lsn, record.bytes.len());
                        let (log, old) = self.record::<S>(lsn, record.bytes)?;
                        let known = self.written.as_ref().and_then(|(_, known)| known.get(old as usize));
                        let of_other_code = known.is_some_and(|known| !known.is_same_code);
                        let result = known.map_or(ResultMatch::Changed, |known| known.result);
                        sink.record(DecodedRecord { lsn, log, bytes, of_other_code, result })?;
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Decodes the log value of a record, and returns it with its mutation's place in the record's schema.
    fn record<S: WalState>(&mut self, lsn: Lsn, bytes: &[u8]) -> Result<(S::Log, u32)> {
        // The user's own `Deserialize` may panic.
        let decoded = panic::catch(|| self.value::<S>(bytes));
        let decoded =
            decoded.map_err(|message| self.refuse(lsn, format!("decoding the record panicked: {message}")))?;
        let Some((log, mutation)) = decoded else {
            return Err(self.refuse(lsn, "the record names an unknown mutation".to_string()));
        };
        log.map(|log| (log, mutation)).map_err(|reason| {
            let name = mutation_name(self.written.as_ref().map(|(schema, _)| schema), mutation);
            self.refuse(lsn, format!("the record of `{name}` can't be decoded: {reason}"))
        })
    }

    /// Decodes the log value of a record, and returns it with its mutation's place in the record's schema. Returns `None` if this program
    /// has no such mutation.
    fn value<S: WalState>(&mut self, bytes: &[u8]) -> Option<(Result<S::Log, String>, u32)> {
        let (_, known) = self.written.as_ref()?;
        let (old, arguments) = codec::decode_front(bytes)?;
        let new = known.get(old as usize)?.place?;
        if new == old {
            return Some((codec::decode(bytes), old));
        }
        self.scratch.clear();
        // An enum's encoding begins with its variant's index.
        codec::encode(&new, &mut self.scratch).ok()?;
        self.scratch.extend_from_slice(arguments);
        Some((codec::decode(&self.scratch), old))
    }

    fn refuse(&self, lsn: Lsn, reason: String) -> Error {
        Error::Schema { path: self.view.dir.path.clone(), reason: format!("lsn {lsn}: {reason}") }
    }
}
