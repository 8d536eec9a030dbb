//! The second pass over the log: every record above a checkpoint, in order, applied to the state.

use super::ahead;
use super::decode::{Decoded, Panic, Sink, Source, Stopped, decode, name};
use crate::codec;
use crate::error::{Error, Result};
use crate::frame::{Header, Kind, Range, Records};
use crate::lsn::Lsn;
use crate::pace::Pace;
use crate::panic::{self, drop_quietly};
use crate::reentry;
use crate::schema::Schema;
use crate::state::WalState;

/// From this many bytes of log on a second thread is worth its start.
const LONG: u64 = 1 << 20;

/// How much was replayed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Replayed {
    pub(crate) records: u64,
    pub(crate) bytes: u64,
    pub(crate) of_other_code: u64,
}

/// Applies the records of `source` to `state`.
pub(crate) fn replay<S: WalState>(state: &mut S, source: &Source<'_>, pace: &Pace<'_>) -> Result<Replayed, Stopped> {
    replay_into::<S>(source, pace, &mut |_, log| state.apply(log))
}

/// Hands the records of `source` to `apply`, in order. Where others wait for it, a long log is read and decoded on a thread
/// of its own, ahead of `apply`.
pub(crate) fn replay_into<S: WalState>(
    source: &Source<'_>,
    pace: &Pace<'_>,
    apply: &mut dyn FnMut(Lsn, S::Log) -> S::Outcome,
) -> Result<Replayed, Stopped> {
    replay_with::<S>(source, pace, apply, !pace.is_in_background() && source.bytes() >= LONG)
}

fn replay_with<S: WalState>(
    source: &Source<'_>,
    pace: &Pace<'_>,
    apply: &mut dyn FnMut(Lsn, S::Log) -> S::Outcome,
    on_two_threads: bool,
) -> Result<Replayed, Stopped> {
    let mut applier = Applier::<S> { apply, source, pace, replayed: Replayed::default() };
    if on_two_threads {
        ahead::decode::<S>(source, &mut applier)?
    } else {
        decode::<S>(source, &mut applier)?
    }
    Ok(applier.replayed)
}

/// What a replay of `source` would apply, of the `held` records above its checkpoint. Only where some are taken back is the log
/// read for that.
pub(crate) fn without_aborted(mut held: Replayed, source: &Source<'_>) -> Result<Replayed> {
    let Some((first, last)) = source.aborted.ends().filter(|(_, last)| *last > source.above) else {
        return Ok(held);
    };
    let above = source.above.max(Lsn::new(first.get() - 1));
    let around = Source { above, up_to: last, ..*source };
    around.frames(|header, body, _| {
        if header.kind == Kind::Batch {
            for record in Records::new(header, body).flatten() {
                if record.lsn > above && source.aborted.holds(record.lsn) {
                    held.records = held.records.saturating_sub(1);
                    held.bytes = held.bytes.saturating_sub(record.bytes.len() as u64);
                }
            }
        }
        Ok(())
    })?;
    Ok(held)
}

/// Applies what it gets.
struct Applier<'a, S: WalState> {
    apply: &'a mut dyn FnMut(Lsn, S::Log) -> S::Outcome,
    source: &'a Source<'a>,
    pace: &'a Pace<'a>,
    replayed: Replayed,
}

impl<S: WalState> Sink<S::Log> for Applier<'_, S> {
    fn frame(&mut self, read: u64) -> Result<(), Stopped> {
        if self.pace.is_stopped() {
            return Err(Error::Closed.into());
        }
        self.pace.pause();
        self.pace.reach(read, self.replayed.records);
        Ok(())
    }

    fn record(&mut self, record: Decoded<S::Log>) -> Result<(), Stopped> {
        let Decoded { lsn, log, bytes, of_other_code } = record;
        let replaying = reentry::replaying();
        let applied = panic::catch(|| (self.apply)(lsn, log));
        drop(replaying);
        match applied {
            Ok(outcome) => drop_quietly(outcome),
            Err(message) => return Err(self.panicked(lsn, message)),
        }
        self.replayed.records += 1;
        self.replayed.bytes += bytes as u64;
        self.replayed.of_other_code += u64::from(of_other_code);
        Ok(())
    }
}

impl<S: WalState> Applier<'_, S> {
    /// Reads in the log which record it was that panicked.
    fn panicked(&self, lsn: Lsn, message: String) -> Stopped {
        let before = Lsn::new(lsn.get().saturating_sub(1));
        let around = Source { above: before, up_to: lsn, ..*self.source };
        let (mut schema, mut found) = (None, None);
        let read = around.frames(|header, body, _| {
            match header.kind {
                Kind::Schema => schema = Schema::decode(header.count, body),
                Kind::Batch if header.first_lsn <= lsn && lsn < header.next_lsn() => {
                    let record = Records::new(header, body).flatten().find(|record| record.lsn == lsn);
                    let place = record.and_then(|record| codec::decode_front(record.bytes)).map(|(place, _)| place);
                    let mutation = name(schema.as_ref(), place.unwrap_or(u32::MAX));
                    found = Some((batch_of(header, body, lsn), header.number, mutation));
                }
                _ => {}
            }
            Ok(())
        });
        match (read, found) {
            (Err(error), _) => Stopped::Failed(error),
            (Ok(()), Some((batch, frame, mutation))) => {
                Stopped::Panicked(Panic { lsn, batch, frame, mutation, message })
            }
            (Ok(()), None) => {
                let reason = format!("lsn {lsn} panicked ({message}), and isn't in the log any more");
                Stopped::Failed(Error::Thread { reason })
            }
        }
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
