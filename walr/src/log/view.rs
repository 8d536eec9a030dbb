//! A read-only view of the log: the frames and records between two LSNs.
//!
//! All readers of records use a [`View`]: the replay of an open, the rebuild after a panic, a checkpoint from a replay, a verification,
//! and the replay of the manual layer. A view takes no lock and changes nothing. Its creator determines its end: recovery by its
//! verdict, the owner of an open store by the extents of its journal.

use crate::codec;
use crate::error::{Error, Result};
use crate::log::frame::{FrameHeader, FrameKind, LsnRange, Records};
use crate::log::journal::SegmentExtent;
use crate::log::layout::{StoreDir, StoreId};
use crate::log::segment::{FrameScan, ScanStep, Segment};
use crate::lsn::Lsn;
use crate::schema::Schema;

/// A part of the log that is known to be intact.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) dir: StoreDir,
    pub(crate) store: StoreId,
    /// The segments, oldest first.
    pub(crate) extents: Vec<SegmentExtent>,
    pub(crate) aborted: AbortedRanges,
}

/// The records above one LSN, up to and including another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) above: Lsn,
    pub(crate) up_to: Lsn,
}

impl Span {
    /// The one record of `lsn`.
    pub(crate) fn at(lsn: Lsn) -> Span {
        Span { above: Lsn::new(lsn.get().saturating_sub(1)), up_to: lsn }
    }

    pub(crate) fn contains(&self, lsn: Lsn) -> bool {
        self.above < lsn && lsn <= self.up_to
    }
}

/// The place of a record, and its mutation.
#[derive(Debug)]
pub(crate) struct Located {
    /// The first and the last LSN of the record's batch.
    pub(crate) batch: LsnRange,
    /// The schema of the program that made the record.
    pub(crate) schema: Option<Schema>,
    /// The mutation's name on disk.
    pub(crate) mutation: String,
}

impl View {
    /// Returns the segments that hold records of `span`.
    fn needed(&self, span: Span) -> impl Iterator<Item = &SegmentExtent> {
        self.extents.iter().enumerate().filter_map(move |(at, extent)| {
            let next = self.extents.get(at + 1);
            let passed = next.is_some_and(|next| next.first_lsn.get() <= span.above.get() + 1);
            (!passed && extent.first_lsn <= span.up_to).then_some(extent)
        })
    }

    /// Returns the number of bytes that [`frames`](View::frames) reads for `span`.
    pub(crate) fn bytes(&self, span: Span) -> u64 {
        self.needed(span).map(|extent| extent.end).sum()
    }

    /// Calls `each` with every frame of the segments that hold records of `span`, and with the number of bytes read so far.
    pub(crate) fn frames<E: From<Error>>(
        &self,
        span: Span,
        mut each: impl FnMut(&FrameHeader, &[u8], u64) -> Result<(), E>,
    ) -> Result<(), E> {
        let (mut before, mut after) = (0, span.above);
        for extent in self.needed(span) {
            let segment = Segment::open(&self.dir, &self.store, extent.seq)?;
            let path = self.dir.file_path(&segment.name());
            let read = |e| Error::io("read", &path, e);
            let mut frames = FrameScan::new(&segment, None).map_err(read)?;
            while frames.offset() < extent.end {
                match frames.step().map_err(read)? {
                    ScanStep::Bad { offset, reason } => {
                        // The frame was intact when the view was made.
                        let (path, reason) = (path.clone(), reason.to_string());
                        return Err(Error::Corrupt { path, offset, after, reason }.into());
                    }
                    ScanStep::Frame { header, offset, body } => {
                        each(&header, body, before + offset + header.frame_len())?;
                        after = after.max(Lsn::new(header.next_lsn().get() - 1));
                    }
                }
            }
            before += extent.end;
        }
        Ok(())
    }

    /// Calls `each` with the LSN and the bytes of every record, the aborted ones included.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn records(&self, each: &mut dyn FnMut(Lsn, &[u8])) -> Result<()> {
        self.frames(Span { above: Lsn::default(), up_to: Lsn::new(u64::MAX) }, |header, body, _| {
            if header.kind == FrameKind::Batch {
                Records::new(header, body).flatten().for_each(|record| each(record.lsn, record.bytes));
            }
            Ok(())
        })
    }

    /// Finds the record of `lsn`; `None` if the view doesn't hold it.
    pub(crate) fn locate(&self, lsn: Lsn) -> Result<Option<Located>> {
        let (mut schema, mut located) = (None, None);
        self.frames(Span::at(lsn), |header, body, _| {
            match header.kind {
                FrameKind::Schema => schema = Schema::decode(header.count, body),
                FrameKind::Batch if header.first_lsn <= lsn && lsn < header.next_lsn() => {
                    let record = Records::new(header, body).flatten().find(|record| record.lsn == lsn);
                    let place = record.and_then(|record| codec::decode_front(record.bytes)).map(|(place, _)| place);
                    let mutation = mutation_name(schema.as_ref(), place.unwrap_or(u32::MAX));
                    let batch = batch_of(header, body, lsn);
                    located = Some(Located { batch, schema: schema.clone(), mutation });
                }
                _ => {}
            }
            Ok::<_, Error>(())
        })?;
        Ok(located)
    }
}

/// Returns the name of a mutation in the schema that its record was written with.
pub(crate) fn mutation_name(schema: Option<&Schema>, mutation: u32) -> String {
    let signature = schema.and_then(|schema| schema.mutations.get(mutation as usize));
    signature.map_or_else(|| "unknown".to_string(), |signature| signature.name.clone())
}

/// Returns the LSNs of the batch that `lsn` belongs to.
fn batch_of(header: &FrameHeader, body: &[u8], lsn: Lsn) -> LsnRange {
    let (mut first, mut begins_batch) = (lsn, true);
    for record in Records::new(header, body).flatten() {
        if begins_batch {
            first = record.lsn;
        }
        begins_batch = !record.joined;
        if record.lsn >= lsn && !record.joined {
            return (first, record.lsn);
        }
    }
    (first, lsn)
}

/// The LSN ranges whose records are aborted.
#[derive(Debug, Default)]
pub(crate) struct AbortedRanges(Vec<LsnRange>);

impl AbortedRanges {
    pub(crate) fn new(ranges: &[LsnRange]) -> AbortedRanges {
        let mut sorted = ranges.to_vec();
        sorted.sort_unstable();
        let mut merged: Vec<LsnRange> = Vec::new();
        for (first, last) in sorted {
            match merged.last_mut() {
                Some((_, end)) if first <= *end => *end = (*end).max(last),
                _ => merged.push((first, last)),
            }
        }
        AbortedRanges(merged)
    }

    pub(crate) fn contains(&self, lsn: Lsn) -> bool {
        let after = self.0.partition_point(|(first, _)| *first <= lsn);
        after > 0 && lsn <= self.0[after - 1].1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::frame::{FramePlace, HEADER, finish, parse, put_record};

    #[test]
    fn aborted_lsns_are_contained() {
        let range = |first, last| (Lsn::new(first), Lsn::new(last));
        let aborted = AbortedRanges::new(&[range(9, 9), range(2, 5), range(3, 4)]);
        let contained: Vec<u64> = (0..12).filter(|&lsn| aborted.contains(Lsn::new(lsn))).collect();
        assert_eq!(contained, [2, 3, 4, 5, 9]);
    }

    #[test]
    fn each_record_leads_to_its_whole_batch() {
        let mut bytes = vec![0; HEADER];
        for joined in [false, true, true, false, false] {
            put_record(b"x", joined, &mut bytes);
        }
        let header = FrameHeader {
            kind: FrameKind::Batch,
            flags: 0,
            number: 1,
            durable: 0,
            first_lsn: Lsn::new(10),
            applied: Lsn::default(),
            digest: 0,
            epoch: 0,
            position: 0,
            written_ms: 0,
            body_len: 0,
            count: 5,
            body_crc: 0,
            chain: 0,
        };
        let place = FramePlace { salt: 1, offset: 0 };
        finish(&mut bytes, 0, header, place);
        let (header, _) = parse(&bytes, place).unwrap();
        let batch = |lsn| {
            let (first, last) = batch_of(&header, &bytes[HEADER..], Lsn::new(lsn));
            (first.get(), last.get())
        };
        assert_eq!(batch(10), (10, 10));
        assert_eq!((batch(11), batch(12), batch(13)), ((11, 13), (11, 13), (11, 13)));
        assert_eq!(batch(14), (14, 14));
    }
}
