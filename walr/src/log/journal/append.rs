//! Builds frames at the end of the log, in memory.

use std::time::{SystemTime, UNIX_EPOCH};

use super::Journal;
use crate::log::frame::{self, BLOCK, FLAG_BLOCK, FrameHeader, FrameKind, FramePlace, HEADER, LsnRange};
use crate::lsn::Lsn;

/// An unfinished batch frame, to which single records are added until it is written.
#[derive(Debug)]
pub(super) struct OpenBatch {
    /// The frame's offset in `out`.
    pub(super) start: usize,
    pub(super) first_lsn: Lsn,
    /// The number of records. It can't overflow: the frame is written when it has 1 MiB, and each record has at least a byte.
    pub(super) count: u32,
}

impl Journal {
    /// Adds a record to the open batch, or begins a batch, and returns the record's LSN. The caller has checked
    /// [`has_space_for`](Journal::has_space_for).
    pub(crate) fn append_record(&mut self, record: &[u8]) -> Lsn {
        if self.open_batch.is_none() {
            let start = self.begin_frame(0);
            self.out.resize(start + HEADER, 0);
            self.open_batch = Some(OpenBatch { start, first_lsn: self.position.next.lsn, count: 0 });
            self.appended += HEADER as u64;
        }
        let before = self.out.len();
        frame::put_record(record, false, &mut self.out);
        self.appended += (self.out.len() - before) as u64;
        if let Some(batch) = &mut self.open_batch {
            batch.count += 1;
        }
        let lsn = self.position.next.lsn;
        self.position.next.lsn = Lsn::new(lsn.get() + 1);
        lsn
    }

    /// Appends a batch frame of `count` records, and returns the first record's LSN. `frame` is [`HEADER`] free bytes and the body; its
    /// later contents are arbitrary. The caller has called [`reserve_space`](Journal::reserve_space).
    pub(crate) fn append_batch(&mut self, frame: &mut Vec<u8>, count: u32) -> Lsn {
        let start = self.begin_frame(0);
        let lsn = self.position.next.lsn;
        if self.out.is_empty() {
            std::mem::swap(&mut self.out, frame);
        } else {
            self.out.extend_from_slice(frame);
        }
        self.finish_frame(FrameKind::Batch, 0, count, start);
        lsn
    }

    /// Sets the applied LSN of the following frames, and adds to the digest of the next frame's results. `None` leaves the next frame
    /// without a digest, because that of some results up to `applied` isn't known.
    pub(crate) fn stamp(&mut self, applied: Lsn, digest: Option<u64>) {
        self.applied = applied;
        self.digest = self.digest.zip(digest).map(|(before, digest)| before.wrapping_add(digest));
    }

    /// Appends an abort frame over `ranges`.
    pub(crate) fn append_abort(&mut self, ranges: &[LsnRange]) {
        let mut body = Vec::new();
        frame::put_abort(ranges, &mut body);
        self.put_frame(FrameKind::Abort, 0, ranges.len() as u32, &body);
    }

    pub(super) fn put_frame(&mut self, kind: FrameKind, flags: u8, count: u32, body: &[u8]) {
        let start = self.begin_frame(flags);
        self.out.resize(start + HEADER, 0);
        self.out.extend_from_slice(body);
        self.finish_frame(kind, flags, count, start);
    }

    /// Begins a frame, and returns its offset in `out`.
    fn begin_frame(&mut self, flags: u8) -> usize {
        self.finish_open_batch();
        let own_block = flags & FLAG_BLOCK != 0 || self.next_needs_block();
        let Some(active) = &mut self.active else { return 0 };
        active.own_block = own_block;
        if own_block {
            let end = active.out_at + self.out.len() as u64;
            let start = end.next_multiple_of(BLOCK);
            if self.out.is_empty() {
                active.out_at = start;
            } else {
                self.out.resize((start - active.out_at) as usize, 0);
            }
            if self.padded {
                // Padding counts as growth of the log, by which a checkpoint is due.
                self.appended += start - end;
            }
        }
        self.out.len()
    }

    pub(super) fn finish_open_batch(&mut self) {
        let Some(batch) = self.open_batch.take() else { return };
        self.position.next.lsn = batch.first_lsn;
        let counted = self.out.len() - batch.start;
        self.finish_frame(FrameKind::Batch, 0, batch.count, batch.start);
        self.appended -= counted as u64;
    }

    fn finish_frame(&mut self, kind: FrameKind, flags: u8, count: u32, start: usize) {
        let Some(active) = &mut self.active else { return };
        let next = &mut self.position.next;
        let flags = if active.own_block { flags | FLAG_BLOCK } else { flags };
        let header = FrameHeader {
            kind,
            flags,
            number: next.number,
            durable: self.durable,
            first_lsn: next.lsn,
            applied: self.applied,
            digest: self.digest.replace(0).unwrap_or(0),
            epoch: 0,
            position: 0,
            written_ms: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64),
            body_len: 0,
            count,
            body_crc: 0,
            chain: next.chain,
        };
        let place = FramePlace { salt: active.segment.salt, offset: active.out_at + start as u64 };
        next.chain = frame::finish(&mut self.out, start, header, place);
        next.number += 1;
        next.lsn = header.next_lsn();
        active.marked = kind == FrameKind::Mark;
        self.appended += (self.out.len() - start) as u64;
        debug_assert!(
            place.offset + (self.out.len() - start) as u64 <= active.segment.reserved,
            "the frame exceeds the reserved space"
        );
    }
}
