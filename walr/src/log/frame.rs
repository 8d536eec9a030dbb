//! Frames, the units that the log writes, and their bytes. This module does no I/O.
//!
//! All integers are little-endian. A frame begins on a multiple of 8 bytes, and its body is padded with zeros to one.
//!
//! ```text
//!  0        4        8                16                24                32                40
//!  +--------+-+-+----+-----------------+-----------------+-----------------+-----------------+
//!  | header |k|f| 0  | salt            | frame number    | durable frame   | first LSN       |
//!  | CRC    |i|l|    | (the segment's) | (+1 for the     | number          | (of the records |
//!  |        |n|a|    |                 |  store's life)  |                 |  or the next)   |
//!  |        |d|g|    |                 |                 |                 |                 |
//!  +--------+-+-+----+-----------------+-----------------+-----------------+-----------------+
//!  40                48                56                64                72                80
//!  +-----------------+-----------------+-----------------+-----------------+-----------------+
//!  | applied LSN     | digest of       | epoch           | position        | written at (ms  |
//!  |                 | results         | (0: no outer    | (0: no outer    |  since 1970)    |
//!  |                 |                 |  order)         |  order)         |                 |
//!  +-----------------+-----------------+-----------------+-----------------+-----------------+
//!  80                88       92       96       100      104
//!  +-----------------+--------+--------+--------+--------+
//!  | body length     | record | body   | chain  | 0      |
//!  | (a multiple of 8)| count | CRC    |        |        |
//!  +-----------------+--------+--------+--------+--------+
//!  104: the body
//! ```
//!
//! A frame is valid at a place iff
//! 1. the header CRC is the CRC-32C of the segment's salt, the frame's offset in the file and the bytes 4..104,
//! 2. the salt is the segment's, the kind is one of [`FrameKind`], the flags are known ones, and the bytes marked 0 are 0,
//! 3. the body lies within the file and its CRC-32C is the body CRC,
//! 4. its number is the previous frame's plus one, its chain is the previous frame's header CRC, and its first LSN is the
//!    one that follows the previous frame's records.
//!
//! Salt and offset make a frame invalid anywhere but where it was written. The salt is random, so that no payload can contain a valid
//! frame. The chain reveals a missing frame. The *durable frame number* is the newest frame that was known to be on stable storage when
//! this frame was built: a valid frame proves that everything up to there was durable once, so that recovery takes no corruption there
//! for a torn write.
//!
//! The *applied LSN* is the newest LSN that was applied, or aborted durably, when this frame was built: the calls up to there may have
//! been answered. The *digest of results* covers the results of the records above the applied LSN of the frame before, up to this
//! frame's. *Epoch* and *position* name where in an outer order the group comes from, such as a Raft term and index.

use crate::codec::{put_varint, take_varint};
use crate::lsn::Lsn;

/// The length of a frame's header.
pub(crate) const HEADER: usize = 104;
/// Frames begin on multiples of this.
pub(crate) const ALIGN: usize = 8;
/// The size of a block. A mark and a segment's header each have a block of their own.
pub(crate) const BLOCK: u64 = 4096;

/// The frame begins on a block of its own, with zeros between it and the frame before.
pub(crate) const FLAG_BLOCK: u8 = 1;
/// The frame is the mark of a close: the segment ends here, and its reserved space may be cut off.
pub(crate) const FLAG_CLOSE: u8 = 2;
/// The frame is the link of an open that accepted other results than those of the calls before it.
pub(crate) const FLAG_ACCEPTED: u8 = 4;

/// The kind of a frame. 0 is no kind, so that zeros are never a valid frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum FrameKind {
    /// Records: for each a varint of `length << 1 | joined` and its bytes. `joined` ties the record to the batch of the next one.
    Batch = 1,
    /// Nothing. Everything before it is durable. Written on close, and after a second without mutations.
    Mark = 2,
    /// The end of a full segment: the sequence number of the next segment (u64).
    Seal = 3,
    /// The first frame of a segment: the end of the log before it ([`Link`]).
    Link = 4,
    /// The names and shapes of the mutations that the following records hold.
    Schema = 5,
    /// The aborted LSN ranges: first and last (u64 each), `record count` times.
    Abort = 6,
}

impl FrameKind {
    fn from_byte(byte: u8) -> Option<FrameKind> {
        Some(match byte {
            1 => FrameKind::Batch,
            2 => FrameKind::Mark,
            3 => FrameKind::Seal,
            4 => FrameKind::Link,
            5 => FrameKind::Schema,
            6 => FrameKind::Abort,
            _ => return None,
        })
    }
}

/// A frame's header, without the salt and the header CRC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameHeader {
    pub(crate) kind: FrameKind,
    pub(crate) flags: u8,
    pub(crate) number: u64,
    pub(crate) durable: u64,
    pub(crate) first_lsn: Lsn,
    pub(crate) applied: Lsn,
    pub(crate) digest: u64,
    pub(crate) epoch: u64,
    pub(crate) position: u64,
    pub(crate) written_ms: u64,
    pub(crate) body_len: u64,
    pub(crate) count: u32,
    pub(crate) body_crc: u32,
    pub(crate) chain: u32,
}

impl FrameHeader {
    /// Returns the LSN that follows the frame's records.
    pub(crate) fn next_lsn(&self) -> Lsn {
        match self.kind {
            FrameKind::Batch => Lsn::new(self.first_lsn.get().saturating_add(self.count.into())),
            _ => self.first_lsn,
        }
    }

    /// Returns the length of the whole frame.
    pub(crate) fn frame_len(&self) -> u64 {
        HEADER as u64 + self.body_len
    }
}

/// The place of a frame, which the CRC of its header covers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FramePlace {
    pub(crate) salt: u64,
    pub(crate) offset: u64,
}

impl FramePlace {
    fn header_crc(&self, header: &[u8]) -> u32 {
        let mut seed = [0; 16];
        seed[..8].copy_from_slice(&self.salt.to_le_bytes());
        seed[8..].copy_from_slice(&self.offset.to_le_bytes());
        crc32c::crc32c_append(crc32c::crc32c(&seed), &header[4..])
    }
}

/// Returns the length that a body of `len` bytes has in the file.
pub(crate) fn padded(len: usize) -> usize {
    len.next_multiple_of(ALIGN)
}

/// Finishes the frame from `start` to the end of `buffer`: pads the body, and writes the header into the frame's first [`HEADER`] bytes.
/// Sets `body_len` and `body_crc`. Returns the header's CRC, which is the next frame's chain.
pub(crate) fn finish(buffer: &mut Vec<u8>, start: usize, mut header: FrameHeader, place: FramePlace) -> u32 {
    let body_len = padded(buffer.len() - start - HEADER);
    buffer.resize(start + HEADER + body_len, 0);
    header.body_len = body_len as u64;
    header.body_crc = crc32c::crc32c(&buffer[start + HEADER..]);
    let bytes = &mut buffer[start..start + HEADER];
    bytes[4] = header.kind as u8;
    bytes[5] = header.flags;
    bytes[6..8].fill(0);
    bytes[8..16].copy_from_slice(&place.salt.to_le_bytes());
    bytes[16..24].copy_from_slice(&header.number.to_le_bytes());
    bytes[24..32].copy_from_slice(&header.durable.to_le_bytes());
    bytes[32..40].copy_from_slice(&header.first_lsn.get().to_le_bytes());
    bytes[40..48].copy_from_slice(&header.applied.get().to_le_bytes());
    bytes[48..56].copy_from_slice(&header.digest.to_le_bytes());
    bytes[56..64].copy_from_slice(&header.epoch.to_le_bytes());
    bytes[64..72].copy_from_slice(&header.position.to_le_bytes());
    bytes[72..80].copy_from_slice(&header.written_ms.to_le_bytes());
    bytes[80..88].copy_from_slice(&header.body_len.to_le_bytes());
    bytes[88..92].copy_from_slice(&header.count.to_le_bytes());
    bytes[92..96].copy_from_slice(&header.body_crc.to_le_bytes());
    bytes[96..100].copy_from_slice(&header.chain.to_le_bytes());
    bytes[100..104].fill(0);
    let crc = place.header_crc(bytes);
    bytes[..4].copy_from_slice(&crc.to_le_bytes());
    crc
}

/// Parses the header at the beginning of `bytes`, and returns it with its CRC if rules 1 and 2 hold at `place`.
pub(crate) fn parse(bytes: &[u8], place: FramePlace) -> Option<(FrameHeader, u32)> {
    let bytes = bytes.get(..HEADER)?;
    let kind = FrameKind::from_byte(bytes[4])?;
    // The salt is compared first, because that is cheap and rejects most of the bytes that `look_ahead` tries.
    if u64_at(bytes, 8) != place.salt || bytes[6..8] != [0; 2] || bytes[100..104] != [0; 4] {
        return None;
    }
    let crc = u32_at(bytes, 0);
    let header = FrameHeader {
        kind,
        flags: bytes[5],
        number: u64_at(bytes, 16),
        durable: u64_at(bytes, 24),
        first_lsn: Lsn::new(u64_at(bytes, 32)),
        applied: Lsn::new(u64_at(bytes, 40)),
        digest: u64_at(bytes, 48),
        epoch: u64_at(bytes, 56),
        position: u64_at(bytes, 64),
        written_ms: u64_at(bytes, 72),
        body_len: u64_at(bytes, 80),
        count: u32_at(bytes, 88),
        body_crc: u32_at(bytes, 92),
        chain: u32_at(bytes, 96),
    };
    let plausible = header.flags & !(FLAG_BLOCK | FLAG_CLOSE | FLAG_ACCEPTED) == 0
        && header.number > 0
        && header.durable < header.number
        && header.applied < header.next_lsn()
        && header.body_len.is_multiple_of(ALIGN as u64);
    (plausible && place.header_crc(bytes) == crc).then_some((header, crc))
}

/// Returns whether `body` has the length and the CRC in `header`.
pub(crate) fn body_matches(header: &FrameHeader, body: &[u8]) -> bool {
    body.len() as u64 == header.body_len && crc32c::crc32c(body) == header.body_crc
}

/// The body of a link frame: the end of the log before this segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Link {
    /// The sequence number of the segment before; 0 for the store's first segment.
    pub(crate) seq: u64,
    /// The end of that segment's last valid frame.
    pub(crate) len: u64,
    /// The number of that frame.
    pub(crate) number: u64,
    /// The header CRC of that frame.
    pub(crate) chain: u32,
}

impl Link {
    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.seq.to_le_bytes());
        out.extend_from_slice(&self.len.to_le_bytes());
        out.extend_from_slice(&self.number.to_le_bytes());
        out.extend_from_slice(&u64::from(self.chain).to_le_bytes());
    }

    pub(crate) fn parse(body: &[u8]) -> Option<Link> {
        let chain = u32::try_from(u64_at(body.get(..32)?, 24)).ok()?;
        Some(Link { seq: u64_at(body, 0), len: u64_at(body, 8), number: u64_at(body, 16), chain })
    }
}

/// Parses a seal's body, the sequence number of the next segment.
pub(crate) fn parse_seal(body: &[u8]) -> Option<u64> {
    Some(u64_at(body.get(..8)?, 0))
}

/// The first and the last LSN of a range.
pub(crate) type LsnRange = (Lsn, Lsn);

/// Parses the aborted ranges in an abort frame's body.
pub(crate) fn parse_abort(count: u32, body: &[u8]) -> Option<Vec<LsnRange>> {
    let bytes = body.get(..(count as usize).checked_mul(16)?)?;
    let range = |pair: &[u8]| (Lsn::new(u64_at(pair, 0)), Lsn::new(u64_at(pair, 8)));
    let ranges: Vec<_> = bytes.chunks_exact(16).map(range).collect();
    ranges.iter().all(|(first, last)| first.get() > 0 && first <= last).then_some(ranges)
}

pub(crate) fn put_abort(ranges: &[LsnRange], out: &mut Vec<u8>) {
    for (first, last) in ranges {
        out.extend_from_slice(&first.get().to_le_bytes());
        out.extend_from_slice(&last.get().to_le_bytes());
    }
}

/// Appends a record to the body of a batch frame. `joined` ties it to the batch of the next record.
pub(crate) fn put_record(bytes: &[u8], joined: bool, out: &mut Vec<u8>) {
    put_varint((bytes.len() as u64) << 1 | u64::from(joined), out);
    out.extend_from_slice(bytes);
}

/// An iterator over the records in the body of a batch frame.
pub(crate) struct Records<'a> {
    rest: &'a [u8],
    left: u32,
    lsn: u64,
}

/// A record in a batch frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Record<'a> {
    pub(crate) lsn: Lsn,
    /// `true` if the next record belongs to the same atomic batch.
    pub(crate) joined: bool,
    pub(crate) bytes: &'a [u8],
}

impl<'a> Records<'a> {
    pub(crate) fn new(header: &FrameHeader, body: &'a [u8]) -> Self {
        Records { rest: body, left: header.count, lsn: header.first_lsn.get() }
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Option<Record<'a>>;

    /// Returns `Some(None)` if the body ends within a record, or holds more than padding after the last record.
    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            let is_padding = self.rest.len() < ALIGN && self.rest.iter().all(|&byte| byte == 0);
            self.rest = &[];
            return (!is_padding).then_some(None);
        }
        self.left -= 1;
        let record = take_varint(&mut self.rest).and_then(|head| {
            let (bytes, rest) = self.rest.split_at_checked(usize::try_from(head >> 1).ok()?)?;
            self.rest = rest;
            Some(Record { lsn: Lsn::new(self.lsn), joined: head & 1 == 1, bytes })
        });
        self.lsn = self.lsn.wrapping_add(1);
        if record.is_none() {
            (self.left, self.rest) = (0, &[]);
        }
        Some(record)
    }
}

/// Reads the integer at `at`. The caller has checked the length.
pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(word)
}

/// Reads the integer at `at`. The caller has checked the length.
pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut word = [0; 4];
    word.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(word)
}

#[cfg(test)]
mod tests;
