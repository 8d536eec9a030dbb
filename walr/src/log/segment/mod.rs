//! One file of the log: its header, its creation, and a scan over its frames. Reading never changes a file.
//!
//! ```text
//! 0      40      48      56         64      68           4092    4096
//! +------+-------+-------+----------+-------+------------+-------+--------
//! | head | seq   | salt  | reserved | block | 0          | CRC   | frames…
//! |      |       |       | length   | size  |            |       |
//! +------+-------+-------+----------+-------+------------+-------+--------
//! ```
//!
//! The head is in `log/layout/head.rs`. The header has a block of its own and holds only what is known before the first frame. It is durable before the file gets its name,
//! and is never written again. The file keeps its reserved length, with zeros after the last frame, until the segment is finished and
//! its unused end is cut off.

mod create;

pub(crate) use self::create::SegmentSpace;
#[cfg(test)]
pub(crate) use self::create::header_block;

use std::io;

use crate::codec::CODEC;
use crate::error::{Error, Result};
use crate::fs::{File, Open};
use crate::log::frame::{self, ALIGN, BLOCK, FLAG_BLOCK, FrameHeader, FramePlace, HEADER, u32_at, u64_at};
use crate::log::layout::{FileHead, StoreDir, StoreId, segment_name};
use crate::lsn::Lsn;

const SEGMENT_HEAD: FileHead = FileHead { magic: *b"walrSEGM", codec: CODEC };
/// The bytes of one read.
const CHUNK: usize = 256 * 1024;

/// An open segment.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) file: Box<dyn File>,
    pub(crate) seq: u64,
    pub(crate) salt: u64,
    /// The length that the file was created with.
    pub(crate) reserved: u64,
}

impl Segment {
    /// Opens the segment `seq` for reading, and checks its header.
    pub(crate) fn open(dir: &StoreDir, store: &StoreId, seq: u64) -> Result<Segment> {
        let name = segment_name(seq);
        let path = dir.file_path(&name);
        let file = dir.folder.open(&name, Open::Read).map_err(|e| Error::io("open", &path, e))?;
        let mut block = vec![0; BLOCK as usize];
        let len = file.read_at(&mut block, 0).map_err(|e| Error::io("read", &path, e))?;
        let corrupt = |reason: &str| Error::Corrupt {
            path: path.clone(),
            offset: 0,
            after: Lsn::default(),
            reason: reason.to_string(),
        };
        if len < block.len() || !SEGMENT_HEAD.is_intact(&block) {
            return Err(corrupt("the segment's header is corrupt"));
        }
        if SEGMENT_HEAD.check(&block, &path)? != *store {
            return Err(Error::Missing { path, reason: "the segment belongs to another store".to_string() });
        }
        if u64_at(&block, 40) != seq {
            return Err(corrupt(&format!("the header names segment {:016x}", u64_at(&block, 40))));
        }
        let block_size = u32_at(&block, 64);
        if u64::from(block_size) != BLOCK {
            return Err(Error::Newer { path, what: "the block size", found: block_size });
        }
        Ok(Segment { file, seq, salt: u64_at(&block, 48), reserved: u64_at(&block, 56) })
    }

    pub(crate) fn name(&self) -> String {
        segment_name(self.seq)
    }
}

/// The frame that must follow another (rule 4 of `frame.rs`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NextFrame {
    pub(crate) number: u64,
    pub(crate) chain: u32,
    pub(crate) lsn: Lsn,
}

/// The result of one step of a [`FrameScan`].
#[derive(Debug)]
pub(crate) enum ScanStep<'a> {
    /// A valid frame.
    Frame { header: FrameHeader, offset: u64, body: &'a [u8] },
    /// There is no valid frame at this offset, for this reason.
    Bad { offset: u64, reason: &'static str },
}

/// A scan over a segment's frames, from the first on.
pub(crate) struct FrameScan<'a> {
    segment: &'a Segment,
    len: u64,
    /// The offset at which the next frame should begin.
    offset: u64,
    /// `None` if any first frame is accepted.
    expected: Option<NextFrame>,
    window: ReadWindow,
}

impl<'a> FrameScan<'a> {
    /// Creates a scan of `segment`. `None` accepts any first frame.
    pub(crate) fn new(segment: &'a Segment, expected: Option<NextFrame>) -> io::Result<Self> {
        let len = segment.file.len()?;
        Ok(FrameScan { segment, len, offset: BLOCK, expected, window: ReadWindow::default() })
    }

    /// Returns the offset at which the next frame should begin.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Returns the frame that must come next.
    pub(crate) fn expected(&self) -> Option<NextFrame> {
        self.expected
    }

    /// Reads the next frame. An error is one of the file system.
    pub(crate) fn step(&mut self) -> io::Result<ScanStep<'_>> {
        let mut offset = self.offset;
        let mut parsed = self.header_at(offset)?;
        if parsed.is_none() && !offset.is_multiple_of(BLOCK) {
            // The next frame may have a block of its own.
            let block = offset.next_multiple_of(BLOCK);
            let aligned = self.header_at(block)?.filter(|(header, _)| header.flags & FLAG_BLOCK != 0);
            if aligned.is_some() && self.zeros(offset, block)? {
                (offset, parsed) = (block, aligned);
            }
        }
        let Some((header, crc)) = parsed else {
            return Ok(ScanStep::Bad { offset, reason: "there is no valid frame header" });
        };
        if header.flags & FLAG_BLOCK != 0 && !offset.is_multiple_of(BLOCK) {
            return Ok(ScanStep::Bad { offset, reason: "the frame doesn't begin on a block" });
        }
        if let Some(expected) = self.expected
            && expected != (NextFrame { number: header.number, chain: header.chain, lsn: header.first_lsn })
        {
            return Ok(ScanStep::Bad { offset, reason: "the frame doesn't follow the one before it" });
        }
        let body_at = offset + HEADER as u64;
        if header.body_len > self.len.saturating_sub(body_at) {
            return Ok(ScanStep::Bad { offset, reason: "the frame is longer than the file" });
        }
        let body_len = usize::try_from(header.body_len).map_err(|_| {
            io::Error::new(io::ErrorKind::OutOfMemory, "a frame takes more memory than this machine has")
        })?;
        let body = self.window.get(&*self.segment.file, body_at, body_len, self.len)?;
        if !frame::body_matches(&header, body) {
            return Ok(ScanStep::Bad { offset, reason: "the frame's body has a wrong checksum" });
        }
        let Some(number) = header.number.checked_add(1) else {
            return Ok(ScanStep::Bad { offset, reason: "the frame has the highest possible number" });
        };
        self.offset = offset + header.frame_len();
        self.expected = Some(NextFrame { number, chain: crc, lsn: header.next_lsn() });
        Ok(ScanStep::Frame { header, offset, body })
    }

    fn header_at(&mut self, offset: u64) -> io::Result<Option<(FrameHeader, u32)>> {
        if self.len.saturating_sub(offset) < HEADER as u64 {
            return Ok(None);
        }
        let bytes = self.window.get(&*self.segment.file, offset, HEADER, self.len)?;
        Ok(frame::parse(bytes, FramePlace { salt: self.segment.salt, offset }))
    }

    fn zeros(&mut self, from: u64, to: u64) -> io::Result<bool> {
        let bytes = self.window.get(&*self.segment.file, from, (to - from) as usize, self.len)?;
        Ok(bytes.iter().all(|&byte| byte == 0))
    }
}

/// A part of the file in memory.
#[derive(Default)]
struct ReadWindow {
    bytes: Vec<u8>,
    at: u64,
}

impl ReadWindow {
    /// Returns `count` bytes at `offset`, which are within the file's `len`.
    fn get(&mut self, file: &dyn File, offset: u64, count: usize, len: u64) -> io::Result<&[u8]> {
        let within = offset >= self.at && offset + count as u64 <= self.at + self.bytes.len() as u64;
        if !within {
            let want = (count.max(CHUNK) as u64).min(len.saturating_sub(offset)) as usize;
            self.bytes.resize(want, 0);
            self.at = offset;
            let read = file.read_at(&mut self.bytes, offset)?;
            self.bytes.truncate(read);
            if read < count {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file was shortened during the read"));
            }
        }
        let from = (offset - self.at) as usize;
        Ok(&self.bytes[from..from + count])
    }
}

/// The contents of a segment from the place of an invalid frame on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lookahead {
    /// The end of the last byte that isn't zero, or the place itself if all are zero.
    pub(crate) end: u64,
    /// The highest durable frame number of any valid header there, and the offset of that header.
    pub(crate) durable: Option<(u64, u64)>,
}

/// Searches `segment` from `offset` on for the headers of frames with at least this `number`.
pub(crate) fn look_ahead(segment: &Segment, offset: u64, number: u64) -> io::Result<Lookahead> {
    let len = segment.file.len()?;
    let mut ahead = Lookahead { end: offset, ..Lookahead::default() };
    let mut window = ReadWindow::default();
    let mut at = offset;
    while at < len {
        // Chunks overlap by a header, so that each header is within one chunk.
        let count = (CHUNK as u64).min(len - at) as usize;
        let bytes = window.get(&*segment.file, at, count, len)?;
        if let Some(last) = bytes.iter().rposition(|&byte| byte != 0) {
            ahead.end = ahead.end.max(at + last as u64 + 1);
            for from in (0..=last).step_by(ALIGN) {
                let place = FramePlace { salt: segment.salt, offset: at + from as u64 };
                let Some((header, _)) = bytes.get(from..).and_then(|bytes| frame::parse(bytes, place)) else {
                    continue;
                };
                if header.number < number {
                    continue;
                }
                if ahead.durable.is_none_or(|(durable, _)| header.durable > durable) {
                    ahead.durable = Some((header.durable, place.offset));
                }
            }
        }
        if at + count as u64 == len {
            break;
        }
        at += (count - HEADER) as u64;
    }
    Ok(ahead)
}
