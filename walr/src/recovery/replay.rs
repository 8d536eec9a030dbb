//! The second pass over the log: every record above a checkpoint, in order, applied to the state.

use super::scan::Aborted;
use crate::codec;
use crate::error::{Error, Result};
use crate::frame::{Header, Kind, Range, Records};
use crate::journal::Extent;
use crate::layout::{Dir, StoreId};
use crate::lsn::Lsn;
use crate::pace::Pace;
use crate::panic::{self, drop_quietly};
use crate::reentry;
use crate::schema::Schema;
use crate::segment::{Scan, Segment, Step};
use crate::state::WalState;

/// Where to replay from.
pub(crate) struct Source<'a> {
    pub(crate) dir: &'a Dir,
    pub(crate) store: &'a StoreId,
    pub(crate) extents: &'a [Extent],
    pub(crate) aborted: &'a Aborted,
    /// Records up to this LSN are in the state already.
    pub(crate) above: Lsn,
    /// Records above this LSN are left out.
    pub(crate) up_to: Lsn,
    pub(crate) pace: &'a Pace<'a>,
}

/// How much was replayed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Replayed {
    pub(crate) records: u64,
    pub(crate) bytes: u64,
    pub(crate) of_other_code: u64,
}

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

/// Applies the records of `source` to `state`.
pub(crate) fn replay<S: WalState>(state: &mut S, source: &Source<'_>) -> Result<Replayed, Stopped> {
    replay_into::<S>(source, &mut |_, log| state.apply(log))
}

/// Hands the records of `source` to `apply`, in order.
pub(crate) fn replay_into<S: WalState>(
    source: &Source<'_>,
    apply: &mut dyn FnMut(Lsn, S::Log) -> S::Outcome,
) -> Result<Replayed, Stopped> {
    let now = Schema::of::<S>();
    let mut replayed = Replayed::default();
    for (at, extent) in source.extents.iter().enumerate() {
        let next = source.extents.get(at + 1);
        if next.is_some_and(|next| next.first_lsn.get() <= source.above.get() + 1) || extent.first_lsn > source.up_to {
            continue;
        }
        let segment = Segment::open(source.dir, source.store, extent.seq)?;
        let path = source.dir.file_path(&segment.name());
        let read = |e| Error::io("read", &path, e);
        let mut frames = Scan::new(&segment, None).map_err(read)?;
        let mut reader =
            Applier::<S> { apply: &mut *apply, source, now: &now, wrote: None, scratch: Vec::new(), replayed };
        while frames.offset() < extent.end {
            if source.pace.is_stopped() {
                return Err(Error::Closed.into());
            }
            source.pace.pause();
            match frames.step().map_err(read)? {
                Step::Bad { offset, reason } => {
                    // The first pass read it well a moment ago.
                    let (path, reason) = (path.clone(), reason.to_string());
                    return Err(Error::Corrupt { path, offset, after: source.above, reason }.into());
                }
                Step::Frame { header, body, .. } => reader.frame(&header, body)?,
            }
        }
        replayed = reader.replayed;
    }
    Ok(replayed)
}

struct Applier<'a, S: WalState> {
    apply: &'a mut dyn FnMut(Lsn, S::Log) -> S::Outcome,
    source: &'a Source<'a>,
    now: &'a Schema,
    /// The schema of the records that follow, and where its mutations are now.
    wrote: Option<(Schema, Vec<Option<u32>>)>,
    scratch: Vec<u8>,
    replayed: Replayed,
}

impl<S: WalState> Applier<'_, S> {
    fn frame(&mut self, header: &Header, body: &[u8]) -> Result<(), Stopped> {
        match header.kind {
            Kind::Schema => {
                // The first pass has decoded and accepted it.
                if let Some(schema) = Schema::decode(header.count, body) {
                    let places = schema.places_in(self.now);
                    self.wrote = Some((schema, places));
                }
            }
            Kind::Batch => {
                for record in Records::new(header, body).flatten() {
                    if record.lsn <= self.source.above || record.lsn > self.source.up_to {
                        continue;
                    }
                    if !self.source.aborted.holds(record.lsn) {
                        self.record(header, body, record.lsn, record.bytes)?;
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn record(&mut self, header: &Header, body: &[u8], lsn: Lsn, bytes: &[u8]) -> Result<(), Stopped> {
        // A panic of the user's own `Deserialize` is a refusal.
        let decoded = panic::catch(|| self.decode(bytes));
        let decoded =
            decoded.map_err(|message| self.refuse(lsn, format!("decoding the record panicked: {message}")))?;
        let Some((log, mutation)) = decoded else {
            return Err(self.refuse(lsn, "the record names an unknown mutation".to_string()).into());
        };
        let log = log.map_err(|reason| {
            self.refuse(lsn, format!("the record of `{}` can't be decoded: {reason}", self.name(mutation)))
        })?;
        let replaying = reentry::replaying();
        let applied = panic::catch(|| (self.apply)(lsn, log));
        drop(replaying);
        match applied {
            Ok(outcome) => drop_quietly(outcome),
            Err(message) => {
                let (mutation, batch) = (self.name(mutation), batch_of(header, body, lsn));
                return Err(Stopped::Panicked(Panic { lsn, batch, frame: header.number, mutation, message }));
            }
        }
        self.replayed.records += 1;
        self.replayed.bytes += bytes.len() as u64;
        let other = self.wrote.as_ref().is_some_and(|(schema, _)| schema.fingerprint != self.now.fingerprint);
        self.replayed.of_other_code += u64::from(other);
        Ok(())
    }

    /// The log value in a record, and its mutation's place in the schema it was written under; `None` if this program has
    /// no such mutation.
    fn decode(&mut self, bytes: &[u8]) -> Option<(Result<S::Log, String>, u32)> {
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

    fn name(&self, mutation: u32) -> String {
        let signature = self.wrote.as_ref().and_then(|(schema, _)| schema.mutations.get(mutation as usize));
        signature.map_or_else(|| "unknown".to_string(), |signature| signature.name.clone())
    }

    fn refuse(&self, lsn: Lsn, reason: String) -> Error {
        Error::Schema { path: self.source.dir.path.clone(), reason: format!("lsn {lsn}: {reason}") }
    }
}

/// The LSNs of the atomic batch that `lsn` belongs to.
fn batch_of(header: &Header, body: &[u8], lsn: Lsn) -> Range {
    let (mut first, mut fresh) = (lsn, true);
    for record in Records::new(header, body).flatten() {
        if fresh {
            first = record.lsn;
        }
        fresh = !record.joined;
        if record.lsn >= lsn && !record.joined {
            return (first, record.lsn);
        }
    }
    (first, lsn)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{HEADER, Place, finish, parse, put_record};

    #[test]
    fn a_batch_is_found_by_any_of_its_records() {
        let mut bytes = vec![0; HEADER];
        for joined in [false, true, true, false, false] {
            put_record(b"x", joined, &mut bytes);
        }
        let header = Header {
            kind: Kind::Batch,
            flags: 0,
            number: 1,
            durable: 0,
            first_lsn: Lsn::new(10),
            epoch: 0,
            written_ms: 0,
            body_len: 0,
            count: 5,
            body_crc: 0,
            chain: 0,
        };
        let place = Place { salt: 1, offset: 0 };
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
