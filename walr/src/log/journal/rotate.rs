//! Segments come and go: room is made before a group is appended, by a new segment where the active one is full.

use std::sync::Arc;
use std::thread::JoinHandle;

use super::{ActiveSegment, Journal, SegmentExtent};
use crate::error::Result;
use crate::fs::Open;
use crate::log::frame::{self, BLOCK, FrameKind, HEADER, Link};
use crate::log::layout::segment_name;
use crate::log::segment::{Segment, SegmentSpace};
use crate::pace::{Pace, Signals};

/// What every group leaves free behind it in its segment: its abort's block where groups are padded, a mark on idleness,
/// and then a mark on close or a seal.
const ROOM: u64 = 3 * BLOCK;
/// The most that stands before a record in its frame: its length.
const RECORD_HEAD: usize = 10;
/// How much is written ahead at the most: it shares the disk with the calls.
const MOST_WRITTEN: u64 = 16 << 20;
/// For how many groups of one size a segment has room, up to the segment size.
const GROUPS: u64 = 16;
/// Where groups take more bytes than this, space is reserved for them and not written ahead.
const LARGE: u64 = 64 * 1024;

#[derive(Debug)]
pub(super) enum NextSegment {
    None,
    InProgress(SegmentJob),
    Ready(Segment),
}

/// The thread that makes a segment.
#[derive(Debug)]
pub(super) struct SegmentJob {
    job: JoinHandle<Result<Segment>>,
    signals: Arc<Signals>,
}

impl SegmentJob {
    /// Waits for the thread's end, which comes soon: nobody needs the segment any more.
    fn stop(self) -> Option<Segment> {
        self.signals.stop();
        self.wait()
    }

    /// Waits for the segment. Nobody hears of an error here: where the segment is needed, it is met again.
    fn wait(self) -> Option<Segment> {
        self.signals.hurry();
        self.job.join().ok().and_then(|made| made.ok())
    }
}

impl Journal {
    /// Makes sure that a batch frame of `body` bytes and `count` calls fits into the active segment, with the abort that
    /// may follow it. [`Error::Full`] and [`Error::Io`] leave the log as it was; any other error is final.
    pub(crate) fn make_room(&mut self, body: usize, count: usize) -> Result<()> {
        let abort = HEADER + 16 * count;
        let need = (HEADER + frame::padded(body) + frame::padded(abort)) as u64 + ROOM;
        if self.fits(need) {
            return Ok(());
        }
        let unwritten = HEADER + 16 * self.position.unwritten_aborts.len();
        let begin = 2 * HEADER + 32 + frame::padded(self.schema.len()) + unwritten;
        let segment = self.next_segment(BLOCK + begin as u64 + need)?;
        self.switch_to(segment)
    }

    /// Whether the next frame takes a block of its own, whatever it is.
    pub(super) fn is_next_apart(&self) -> bool {
        self.active.as_ref().is_some_and(|active| {
            let synced = active.begun && !active.unsynced && self.out.is_empty();
            active.marked || self.padded && synced
        })
    }

    /// Where a file whose frames end at `end` is cut: a cut within a block rewrites it.
    pub(super) fn cut_at(&self, end: u64) -> u64 {
        if self.padded { end.next_multiple_of(BLOCK) } else { end }
    }

    fn fits(&self, need: u64) -> bool {
        self.active.as_ref().is_some_and(|active| {
            let at = active.out_at + self.out.len() as u64;
            let at = if self.is_next_apart() { at.next_multiple_of(BLOCK) } else { at };
            at + need <= active.segment.reserved
        })
    }

    /// Whether a record of `len` bytes can be added to the active segment as it is.
    pub(crate) fn has_room(&self, len: usize) -> bool {
        let growing = self.growing.as_ref().map_or(0, |growing| growing.count as usize);
        let abort = HEADER + 16 * (growing + 1);
        self.fits((HEADER + RECORD_HEAD + frame::padded(len) + abort) as u64 + ROOM)
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
            // What was reserved and not needed. It is only space: the seal says that nothing follows.
            let _ = done.segment.file.resize(self.cut_at(end));
        }
        let last = self.position.extents.last();
        // Whatever was growing went into the old segment, and was synced with it.
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
            apart: false,
            begun: false,
        });
        self.reserve = self.next_reserve().saturating_mul(4);
        self.put_frame(FrameKind::Link, 0, 0, &body);
        let schema = std::mem::take(&mut self.schema);
        self.put_frame(FrameKind::Schema, 0, schema.len() as u32, &schema);
        self.schema = schema;
        let aborts = std::mem::take(&mut self.position.unwritten_aborts);
        if !aborts.is_empty() {
            self.append_abort(&aborts);
        }
        Ok(())
    }

    /// Returns a created segment with space for `least` bytes, header included. Where there is no space for it, smaller groups
    /// still get the segment that was made ahead.
    fn next_segment(&mut self, least: u64) -> Result<Segment> {
        let ahead = match std::mem::replace(&mut self.prepared, NextSegment::None) {
            NextSegment::Ready(segment) => Some(segment),
            NextSegment::InProgress(making) => making.wait(),
            NextSegment::None => None,
        };
        let too_small = match ahead {
            Some(segment) if segment.reserved >= least => return Ok(segment),
            too_small => too_small,
        };
        let before = self.reserve;
        // Where groups are as large as this one, a segment has space for several.
        self.reserve = self.reserve.max(least.saturating_mul(GROUPS));
        let reserve = self.next_reserve().max(least.next_multiple_of(BLOCK));
        // Of the first group nothing is known but its own size.
        let written = self.writes_ahead() && (self.active.is_some() || least < LARGE);
        let space = SegmentSpace { reserved: reserve, written };
        match Segment::make(&self.dir, &self.store, self.next_seq(), space, &Pace::full()) {
            // It takes the name of the one that is too small, which is gone from here on.
            Ok(made) => made.name(&self.dir),
            Err(error) => {
                self.prepared = too_small.map_or(NextSegment::None, NextSegment::Ready);
                self.reserve = before;
                Err(error)
            }
        }
    }

    /// Whether it pays to write a new segment's space, and not only to reserve it: where groups are synced one by one, and
    /// so small that zeros for them cost less than they save.
    fn writes_ahead(&self) -> bool {
        let Some(active) = &self.active else { return self.syncs_groups };
        let frames = (self.position.next.number - active.first_number).max(1);
        self.syncs_groups && (active.out_at - BLOCK) / frames < LARGE
    }

    fn next_seq(&self) -> u64 {
        let active = self.active.as_ref().map(|active| active.segment.seq);
        active.or(self.position.extents.last().map(|extent| extent.seq)).map_or(1, |seq| seq + 1)
    }

    fn next_reserve(&self) -> u64 {
        let most = if self.writes_ahead() { self.segment_size.min(MOST_WRITTEN) } else { self.segment_size };
        self.reserve.min(most).max(BLOCK).next_multiple_of(BLOCK)
    }

    /// Cuts the torn tail off. Only space: the link, which is durable now, says where that segment ends.
    pub(super) fn trim(&mut self) {
        if let Some((seq, end)) = self.position.trim.take()
            && let Ok(torn) = self.dir.folder.open(&segment_name(seq), Open::Write)
        {
            let _ = torn.resize(self.cut_at(end));
        }
    }

    /// Begins to make the next segment once the active one is half full, and hurries where that takes too long.
    pub(crate) fn prepare_ahead(&mut self) {
        let Some(active) = &self.active else { return };
        let (at, reserved) = (active.out_at, active.segment.reserved);
        match &self.prepared {
            NextSegment::None if at * 2 >= reserved => {}
            NextSegment::InProgress(making) if at * 4 >= reserved * 3 => return making.signals.hurry(),
            _ => return,
        }
        let (dir, store, seq) = (self.dir.clone(), self.store, self.next_seq());
        let space = SegmentSpace { reserved: self.next_reserve(), written: self.writes_ahead() };
        if !self.ahead {
            // An error is met again when the segment is needed.
            let made = Segment::create(&dir, &store, seq, space, &Pace::full());
            self.prepared = made.map_or(NextSegment::None, NextSegment::Ready);
            return;
        }
        let signals = Arc::<Signals>::default();
        let for_job = signals.clone();
        let job = std::thread::Builder::new().name("walr-prepare".into());
        let job = job.spawn(move || Segment::create(&dir, &store, seq, space, &Pace::gentle(&for_job)));
        self.prepared = job.map_or(NextSegment::None, |job| NextSegment::InProgress(SegmentJob { job, signals }));
    }

    pub(super) fn end_preparing(&mut self) {
        if let NextSegment::InProgress(making) = std::mem::replace(&mut self.prepared, NextSegment::None) {
            // Whether it made the segment or not, it is replaced or removed by the next open.
            let _ = making.stop();
        }
    }

    pub(super) fn discard_prepared(&mut self) {
        let seq = match std::mem::replace(&mut self.prepared, NextSegment::None) {
            NextSegment::None => return,
            NextSegment::Ready(segment) => Some(segment.seq),
            NextSegment::InProgress(making) => making.stop().map(|segment| segment.seq),
        };
        if let Some(seq) = seq {
            // An empty segment that stays does no harm: the next open replaces it.
            let _ = self.dir.remove_if_there(&segment_name(seq));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    #[test]
    fn a_segment_that_is_not_wanted_any_more_is_not_finished() {
        let signals = Arc::<Signals>::default();
        let for_job = signals.clone();
        let (tell, told) = std::sync::mpsc::channel();
        let job = std::thread::spawn(move || {
            let pace = Pace::gentle(&for_job);
            while pace.is_gentle() {
                std::thread::yield_now();
            }
            tell.send(pace.is_stopped()).map_err(|_| Error::Closed)?;
            Err(Error::Closed)
        });
        assert!(SegmentJob { job, signals }.stop().is_none());
        assert!(told.recv().unwrap());
    }
}
