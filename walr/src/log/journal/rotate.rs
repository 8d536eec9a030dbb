//! Reserves space for each group, in a new segment if the active one is full, and creates segments ahead of need.

use std::sync::Arc;
use std::thread::JoinHandle;

use super::{ActiveSegment, Journal, SegmentExtent};
use crate::error::Result;
use crate::fs::{Open, Throttle, WorkSignals};
use crate::log::frame::{self, BLOCK, FLAG_ACCEPTED, FrameKind, HEADER, Link};
use crate::log::layout::segment_name;
use crate::log::segment::{Segment, SegmentSpace};

/// The space that each group leaves free after it: a mark when the store is idle, and a mark on close or a seal, each with a block of its
/// own; and the abort of the one call that its caller may be applying.
const KEPT_FREE: u64 = 3 * BLOCK;
/// The most bytes of a record's length in its frame.
const MOST_RECORD_LEN: usize = 10;
/// The largest segment that is filled with zeros: the zeros share the disk with the calls.
const MOST_ZEROED: u64 = 16 << 20;
/// A segment has space for this many groups of one size, up to the segment size.
const GROUPS: u64 = 16;
/// For larger groups, space is only reserved and not filled with zeros.
const MOST_ZEROED_GROUP: u64 = 64 * 1024;

/// The segment that is created ahead of need.
#[derive(Debug)]
pub(super) enum NextSegment {
    None,
    InProgress(SegmentThread),
    Ready(Segment),
}

/// A thread that creates a segment.
#[derive(Debug)]
pub(super) struct SegmentThread {
    thread: JoinHandle<Result<Segment>>,
    signals: Arc<WorkSignals>,
}

impl SegmentThread {
    /// Cancels the creation, and waits for the thread's end. Returns the segment if it was finished.
    fn cancel(self) -> Option<Segment> {
        self.signals.cancel();
        self.wait()
    }

    /// Waits for the segment. An error shows again when the segment is needed.
    fn wait(self) -> Option<Segment> {
        self.signals.unthrottle();
        self.thread.join().ok()?.ok()
    }
}

impl Journal {
    /// Returns the space that an abort of at most `calls` calls takes, whatever frames come before it.
    pub(crate) fn abort_space(&self, calls: usize) -> u64 {
        let block = if self.padded { BLOCK } else { 0 };
        (HEADER + 16 * calls) as u64 + block
    }

    /// Makes sure that a batch frame of `body` bytes fits into the active segment, with `aborts` bytes for the aborts that may follow.
    /// [`Error::Full`] and [`Error::Io`] leave the log unchanged. Any other error is final.
    pub(crate) fn reserve_space(&mut self, body: usize, aborts: u64) -> Result<()> {
        let need = (HEADER + frame::padded(body)) as u64 + aborts + KEPT_FREE;
        if self.fits(need) {
            return Ok(());
        }
        let unwritten = HEADER + 16 * self.position.unwritten_aborts.len();
        let begin = 2 * HEADER + 32 + frame::padded(self.schema.len()) + unwritten;
        let segment = self.take_segment(BLOCK + begin as u64 + need)?;
        self.switch_to(segment)
    }

    /// Returns whether the next frame needs a block of its own, whatever its kind.
    pub(super) fn next_needs_block(&self) -> bool {
        self.active.as_ref().is_some_and(|active| {
            let synced = active.begun && !active.unsynced && self.out.is_empty();
            active.marked || self.padded && synced
        })
    }

    /// Returns the offset at which to cut a file whose frames end at `end`. A cut within a block would rewrite that block.
    pub(super) fn cut_at(&self, end: u64) -> u64 {
        if self.padded { end.next_multiple_of(BLOCK) } else { end }
    }

    fn fits(&self, need: u64) -> bool {
        self.active.as_ref().is_some_and(|active| {
            let at = active.out_at + self.out.len() as u64;
            let at = if self.next_needs_block() { at.next_multiple_of(BLOCK) } else { at };
            at + need <= active.segment.reserved
        })
    }

    /// Returns whether a record of `len` bytes fits into the active segment, with the abort that may follow it.
    pub(crate) fn has_space_for(&self, len: usize) -> bool {
        let records = self.open_batch.as_ref().map_or(0, |batch| batch.count as usize);
        let abort = self.abort_space(records + 1);
        self.fits((HEADER + MOST_RECORD_LEN + frame::padded(len)) as u64 + abort + KEPT_FREE)
    }

    /// Seals the active segment, if there is one, and begins `segment` with a link and the schema.
    fn switch_to(&mut self, segment: Segment) -> Result<()> {
        if self.active.is_some() {
            // A seal proves that everything before it is durable.
            self.sync()?;
            self.put_frame(FrameKind::Seal, 0, 0, &segment.seq.to_le_bytes());
            self.sync()?;
        }
        if let Some(done) = self.active.take() {
            let end = done.end;
            self.position.extents.push(SegmentExtent { seq: done.segment.seq, first_lsn: done.first_lsn, end });
            // A failure only wastes space: nothing follows the seal.
            let _ = done.segment.file.resize(self.cut_at(end));
        }
        let last = self.position.extents.last();
        // An open batch went into the old segment, and was synced with it.
        let link = Link {
            seq: last.map_or(0, |extent| extent.seq),
            len: last.map_or(0, |extent| extent.end),
            number: self.position.next.number - 1,
            chain: self.position.next.chain,
        };
        let mut body = Vec::new();
        link.put(&mut body);
        self.active = Some(ActiveSegment {
            segment: Arc::new(segment),
            first_lsn: self.position.next.lsn,
            first_number: self.position.next.number,
            out_at: BLOCK,
            end: BLOCK,
            unsynced: false,
            marked: false,
            own_block: false,
            begun: false,
        });
        self.reserve = self.next_reserve().saturating_mul(4);
        let flags = if std::mem::take(&mut self.position.accepted) { FLAG_ACCEPTED } else { 0 };
        self.put_frame(FrameKind::Link, flags, 0, &body);
        let schema = std::mem::take(&mut self.schema);
        self.put_frame(FrameKind::Schema, 0, schema.len() as u32, &schema);
        self.schema = schema;
        let aborts = std::mem::take(&mut self.position.unwritten_aborts);
        if !aborts.is_empty() {
            self.append_abort(&aborts);
        }
        Ok(())
    }

    /// Returns a new segment with space for `least` bytes, header included. After an error, a segment that was created ahead stays for
    /// smaller groups.
    fn take_segment(&mut self, least: u64) -> Result<Segment> {
        let ahead = match std::mem::replace(&mut self.next_segment, NextSegment::None) {
            NextSegment::Ready(segment) => Some(segment),
            NextSegment::InProgress(thread) => thread.wait(),
            NextSegment::None => None,
        };
        let too_small = match ahead {
            Some(segment) if segment.reserved >= least => return Ok(segment),
            too_small => too_small,
        };
        let before = self.reserve;
        // Later groups may be as large as this one.
        self.reserve = self.reserve.max(least.saturating_mul(GROUPS));
        let reserve = self.next_reserve().max(least.next_multiple_of(BLOCK));
        // Before the first group, only the size of that group is known.
        let written = self.fills_with_zeros() && (self.active.is_some() || least < MOST_ZEROED_GROUP);
        let space = SegmentSpace { reserved: reserve, written };
        match Segment::create_unnamed(&self.dir, &self.store, self.next_seq(), space, &Throttle::off()) {
            // It replaces the segment that is too small.
            Ok(created) => created.name(&self.dir),
            Err(error) => {
                self.next_segment = too_small.map_or(NextSegment::None, NextSegment::Ready);
                self.reserve = before;
                Err(error)
            }
        }
    }

    /// Returns whether to fill a new segment with zeros: if groups are synced one by one, and so small that the zeros save more than they
    /// cost.
    fn fills_with_zeros(&self) -> bool {
        let Some(active) = &self.active else { return self.syncs_groups };
        let frames = (self.position.next.number - active.first_number).max(1);
        self.syncs_groups && (active.out_at - BLOCK) / frames < MOST_ZEROED_GROUP
    }

    fn next_seq(&self) -> u64 {
        let active = self.active.as_ref().map(|active| active.segment.seq);
        active.or(self.position.extents.last().map(|extent| extent.seq)).map_or(1, |seq| seq + 1)
    }

    fn next_reserve(&self) -> u64 {
        let most = if self.fills_with_zeros() { self.segment_size.min(MOST_ZEROED) } else { self.segment_size };
        self.reserve.min(most).max(BLOCK).next_multiple_of(BLOCK)
    }

    /// Cuts off the torn tail of an earlier segment. A failure only wastes space: the link, which is durable by now, excludes the tail.
    pub(super) fn trim(&mut self) {
        if let Some((seq, end)) = self.position.trim.take()
            && let Ok(torn) = self.dir.folder.open(&segment_name(seq), Open::Write)
        {
            let _ = torn.resize(self.cut_at(end));
        }
    }

    /// Begins to create the next segment once the active one is half full. If the creation takes too long, it is unthrottled.
    pub(crate) fn prepare_next_segment(&mut self) {
        let Some(active) = &self.active else { return };
        let (at, reserved) = (active.out_at, active.segment.reserved);
        match &self.next_segment {
            NextSegment::None if at * 2 >= reserved => {}
            NextSegment::InProgress(thread) if at * 4 >= reserved * 3 => return thread.signals.unthrottle(),
            _ => return,
        }
        let (dir, store, seq) = (self.dir.clone(), self.store, self.next_seq());
        let space = SegmentSpace { reserved: self.next_reserve(), written: self.fills_with_zeros() };
        if !self.in_background {
            // An error shows again when the segment is needed.
            let created = Segment::create(&dir, &store, seq, space, &Throttle::off());
            self.next_segment = created.map_or(NextSegment::None, NextSegment::Ready);
            return;
        }
        let signals = Arc::<WorkSignals>::default();
        let for_thread = signals.clone();
        let create = move || Segment::create(&dir, &store, seq, space, &Throttle::background(&for_thread));
        let thread = std::thread::Builder::new().name("walr-prepare".into()).spawn(create);
        self.next_segment =
            thread.map_or(NextSegment::None, |thread| NextSegment::InProgress(SegmentThread { thread, signals }));
    }

    /// Cancels the creation of the next segment, and waits for the end of its thread.
    pub(crate) fn stop_preparing(&mut self) {
        if let NextSegment::InProgress(thread) = std::mem::replace(&mut self.next_segment, NextSegment::None) {
            // The next open replaces or removes a segment that was finished.
            let _ = thread.cancel();
        }
    }

    pub(super) fn discard_next_segment(&mut self) {
        let seq = match std::mem::replace(&mut self.next_segment, NextSegment::None) {
            NextSegment::None => return,
            NextSegment::Ready(segment) => Some(segment.seq),
            NextSegment::InProgress(thread) => thread.cancel().map(|segment| segment.seq),
        };
        if let Some(seq) = seq {
            // After a failure the next open replaces the empty segment.
            let _ = self.dir.remove_if_there(&segment_name(seq));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    #[test]
    fn a_cancelled_thread_is_unthrottled_too() {
        let signals = Arc::<WorkSignals>::default();
        let for_thread = signals.clone();
        let (tell, told) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let throttle = Throttle::background(&for_thread);
            while throttle.is_on() {
                std::thread::yield_now();
            }
            tell.send(throttle.is_cancelled()).map_err(|_| Error::Closed)?;
            Err(Error::Closed)
        });
        assert!(SegmentThread { thread, signals }.cancel().is_none());
        assert!(told.recv().unwrap());
    }
}
