//! Decodes the records of a view, in order.

use crate::codec;
use crate::error::{Error, Result};
use crate::log::frame::{FrameHeader, FrameKind, LsnRange, Records};
use crate::log::view::{Span, View, mutation_name};
use crate::lsn::Lsn;
use crate::panic;
use crate::schema::Schema;
use crate::schema::state::WalState;

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
    /// The fingerprint of the code that made the record.
    pub(crate) fingerprint: u64,
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
    /// `true` if the mutation's result has the type that it had when the record was made.
    pub(crate) has_same_result: bool,
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
    /// The schema of the following records, and the place of each of its mutations in the program's schema.
    written: Option<(Schema, Vec<Option<u32>>)>,
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
                    let places = schema.indexes_in(self.now);
                    self.written = Some((schema, places));
                }
            }
            FrameKind::Batch => {
                let of_other_code =
                    self.written.as_ref().is_some_and(|(schema, _)| schema.fingerprint != self.now.fingerprint);
                for record in Records::new(header, body).flatten() {
                    if self.span.contains(record.lsn) && !self.view.aborted.contains(record.lsn) {
                        let (lsn, bytes) = (record.lsn, record.bytes.len());
                        let log = self.record::<S>(lsn, record.bytes)?;
                        let has_same_result = true;
                        sink.record(DecodedRecord { lsn, log, bytes, of_other_code, has_same_result })?;
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn record<S: WalState>(&mut self, lsn: Lsn, bytes: &[u8]) -> Result<S::Log> {
        // The user's own `Deserialize` may panic.
        let decoded = panic::catch(|| self.value::<S>(bytes));
        let decoded =
            decoded.map_err(|message| self.refuse(lsn, format!("decoding the record panicked: {message}")))?;
        let Some((log, mutation)) = decoded else {
            return Err(self.refuse(lsn, "the record names an unknown mutation".to_string()));
        };
        log.map_err(|reason| {
            let name = mutation_name(self.written.as_ref().map(|(schema, _)| schema), mutation);
            self.refuse(lsn, format!("the record of `{name}` can't be decoded: {reason}"))
        })
    }

    /// Decodes the log value of a record, and returns it with its mutation's place in the record's schema. Returns `None` if this program
    /// has no such mutation.
    fn value<S: WalState>(&mut self, bytes: &[u8]) -> Option<(Result<S::Log, String>, u32)> {
        let (_, places) = self.written.as_ref()?;
        let (old, arguments) = codec::decode_front(bytes)?;
        let new = (*places.get(old as usize)?)?;
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
