//! The log read a second time: every record above a checkpoint, decoded, in order.

use super::aborted::Aborted;
use crate::codec;
use crate::error::{Error, Result};
use crate::frame::{Header, Kind, Range, Records};
use crate::journal::Extent;
use crate::layout::{Dir, StoreId};
use crate::lsn::Lsn;
use crate::panic;
use crate::schema::Schema;
use crate::segment::{Scan, Segment, Step};
use crate::state::WalState;

/// Why a replay ended early.
#[derive(Debug)]
pub(crate) enum Stopped {
    Failed(Error),
    /// A record panicked; the state is spoilt.
    Panicked(Panic),
}

/// A record that panicked on replay.
#[derive(Debug)]
pub(crate) struct Panic {
    pub(crate) lsn: Lsn,
    /// The LSNs of its batch: it alone, or those of the call it belongs to.
    pub(crate) batch: Range,
    /// The number of its frame.
    pub(crate) frame: u64,
    pub(crate) mutation: String,
    pub(crate) message: String,
}

impl From<Error> for Stopped {
    fn from(error: Error) -> Self {
        Stopped::Failed(error)
    }
}

/// Where to replay from.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a> {
    pub(crate) dir: &'a Dir,
    pub(crate) store: &'a StoreId,
    pub(crate) extents: &'a [Extent],
    pub(crate) aborted: &'a Aborted,
    /// Records up to this LSN are in the state already.
    pub(crate) above: Lsn,
    /// Records above this LSN are left out.
    pub(crate) up_to: Lsn,
}

impl<'a> Source<'a> {
    /// The segments that hold what is to be replayed.
    fn needed(&self) -> impl Iterator<Item = &'a Extent> {
        let (extents, above, up_to) = (self.extents, self.above, self.up_to);
        extents.iter().enumerate().filter_map(move |(at, extent)| {
            let next = extents.get(at + 1);
            let passed = next.is_some_and(|next| next.first_lsn.get() <= above.get() + 1);
            (!passed && extent.first_lsn <= up_to).then_some(extent)
        })
    }

    /// How many bytes of log are to be read.
    pub(crate) fn bytes(&self) -> u64 {
        self.needed().map(|extent| extent.end).sum()
    }

    /// Calls `each` with every frame that may hold what is to be replayed, and with how many bytes are read then.
    pub(crate) fn frames<E: From<Error>>(
        &self,
        mut each: impl FnMut(&Header, &[u8], u64) -> Result<(), E>,
    ) -> Result<(), E> {
        let (mut before, mut after) = (0, self.above);
        for extent in self.needed() {
            let segment = Segment::open(self.dir, self.store, extent.seq)?;
            let path = self.dir.file_path(&segment.name());
            let read = |e| Error::io("read", &path, e);
            let mut frames = Scan::new(&segment, None).map_err(read)?;
            while frames.offset() < extent.end {
                match frames.step().map_err(read)? {
                    Step::Bad { offset, reason } => {
                        // The first pass read it well a moment ago.
                        let (path, reason) = (path.clone(), reason.to_string());
                        return Err(Error::Corrupt { path, offset, after, reason }.into());
                    }
                    Step::Frame { header, offset, body } => {
                        each(&header, body, before + offset + header.frame_len())?;
                        after = after.max(Lsn::new(header.next_lsn().get() - 1));
                    }
                }
            }
            before += extent.end;
        }
        Ok(())
    }
}

/// A record, decoded.
#[derive(Debug)]
pub(crate) struct Decoded<L> {
    pub(crate) lsn: Lsn,
    pub(crate) log: L,
    /// How many bytes it took.
    pub(crate) bytes: usize,
    /// Whether other code of the same mutations made it.
    pub(crate) of_other_code: bool,
}

/// Where decoded records go.
pub(crate) trait Sink<L> {
    /// A frame is read, and with it this many bytes of the log. Its records follow.
    fn frame(&mut self, read: u64) -> Result<(), Stopped>;
    fn record(&mut self, record: Decoded<L>) -> Result<(), Stopped>;
}

/// Decodes the records of `source` into `sink`.
pub(crate) fn decode<S: WalState>(source: &Source<'_>, sink: &mut dyn Sink<S::Log>) -> Result<(), Stopped> {
    let now = Schema::of::<S>();
    let mut decoder = Decoder { source, now: &now, wrote: None, scratch: Vec::new() };
    source.frames(|header, body, read| {
        sink.frame(read)?;
        decoder.frame::<S>(header, body, sink)
    })
}

struct Decoder<'a> {
    source: &'a Source<'a>,
    now: &'a Schema,
    /// The schema of the records that follow, and where its mutations are now.
    wrote: Option<(Schema, Vec<Option<u32>>)>,
    scratch: Vec<u8>,
}

impl Decoder<'_> {
    fn frame<S: WalState>(&mut self, header: &Header, body: &[u8], sink: &mut dyn Sink<S::Log>) -> Result<(), Stopped> {
        match header.kind {
            Kind::Schema => {
                // The first pass has decoded and accepted it.
                if let Some(schema) = Schema::decode(header.count, body) {
                    let places = schema.places_in(self.now);
                    self.wrote = Some((schema, places));
                }
            }
            Kind::Batch => {
                let of_other_code =
                    self.wrote.as_ref().is_some_and(|(schema, _)| schema.fingerprint != self.now.fingerprint);
                for record in Records::new(header, body).flatten() {
                    if record.lsn <= self.source.above || record.lsn > self.source.up_to {
                        continue;
                    }
                    if !self.source.aborted.holds(record.lsn) {
                        let (lsn, bytes) = (record.lsn, record.bytes.len());
                        let log = self.record::<S>(lsn, record.bytes)?;
                        sink.record(Decoded { lsn, log, bytes, of_other_code })?;
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn record<S: WalState>(&mut self, lsn: Lsn, bytes: &[u8]) -> Result<S::Log> {
        // A panic of the user's own `Deserialize` is a refusal.
        let decoded = panic::catch(|| self.value::<S>(bytes));
        let decoded =
            decoded.map_err(|message| self.refuse(lsn, format!("decoding the record panicked: {message}")))?;
        let Some((log, mutation)) = decoded else {
            return Err(self.refuse(lsn, "the record names an unknown mutation".to_string()));
        };
        log.map_err(|reason| {
            let schema = self.wrote.as_ref().map(|(schema, _)| schema);
            let name = name(schema, mutation);
            self.refuse(lsn, format!("the record of `{name}` can't be decoded: {reason}"))
        })
    }

    /// The log value in a record, and its mutation's place in the schema it was written under; `None` if this program has
    /// no such mutation.
    fn value<S: WalState>(&mut self, bytes: &[u8]) -> Option<(Result<S::Log, String>, u32)> {
        let (_, places) = self.wrote.as_ref()?;
        let (old, arguments) = codec::decode_front(bytes)?;
        let new = (*places.get(old as usize)?)?;
        if new == old {
            return Some((codec::decode(bytes), old));
        }
        self.scratch.clear();
        // A variant's index is what an enum's encoding begins with.
        codec::encode(&new, &mut self.scratch).ok()?;
        self.scratch.extend_from_slice(arguments);
        Some((codec::decode(&self.scratch), old))
    }

    fn refuse(&self, lsn: Lsn, reason: String) -> Error {
        Error::Schema { path: self.source.dir.path.clone(), reason: format!("lsn {lsn}: {reason}") }
    }
}

/// A mutation's name in the schema that its record was written under.
pub(crate) fn name(schema: Option<&Schema>, mutation: u32) -> String {
    let signature = schema.and_then(|schema| schema.mutations.get(mutation as usize));
    signature.map_or_else(|| "unknown".to_string(), |signature| signature.name.clone())
}
