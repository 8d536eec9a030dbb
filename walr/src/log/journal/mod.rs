//! The writing end of the log: appends frames to the active segment, begins new segments, and writes marks.
//!
//! A rotation has these steps:
//! 1. The next segment is created, usually ahead of need on a thread of its own. It has no frames. After a crash here it doesn't count.
//! 2. The old segment gets a seal that names the next one, and is synced. After a crash here the log ends in the seal.
//! 3. The next segment gets a link, a schema and the first group in one write, and is synced like any group.
//!
//! An open skips step 2 for its first segment. The link describes the old end, to which nothing is appended.

mod append;
mod rotate;

use self::append::OpenBatch;
use self::rotate::NextSegment;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::log::frame::{FLAG_BLOCK, FLAG_CLOSE, FrameKind, LsnRange};
use crate::log::layout::{StoreDir, StoreId};
use crate::log::segment::{NextFrame, Segment};
use crate::lsn::Lsn;

/// The reserved length of the first segment after an open. Each later segment reserves four times as much as the one before, up to the
/// segment size, so that a store with few writes stays small.
const FIRST_RESERVE: u64 = 64 * 1024;
/// The largest write buffer that is kept for the next write.
const SPARE_BUFFER: usize = 4 << 20;

/// The written part of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SegmentExtent {
    pub(crate) seq: u64,
    /// The LSN that follows everything before the segment.
    pub(crate) first_lsn: Lsn,
    /// The end of the last valid frame.
    pub(crate) end: u64,
}

/// The end of the log, from which the journal continues.
#[derive(Clone, Debug)]
pub(crate) struct LogPosition {
    /// The kept segments, oldest first. The next segment links to the last.
    pub(crate) extents: Vec<SegmentExtent>,
    pub(crate) next: NextFrame,
    /// LSNs that recovery aborted, and whose abort frame isn't on disk yet.
    pub(crate) unwritten_aborts: Vec<LsnRange>,
    /// `true` if recovery accepted other results than those of the calls. The next segment's link notes it.
    pub(crate) accepted: bool,
    /// The applied LSN of the next segment's link: the last LSN, or the one before the first of recovery's aborts.
    pub(crate) applied: Lsn,
    /// `true` if the log ends in a mark or a seal, which proves that its last group is durable.
    pub(crate) marked: bool,
    /// A segment with a torn tail, and the offset at which to cut it once the next segment's link is durable.
    pub(crate) trim: Option<(u64, u64)>,
}

impl LogPosition {
    /// Moves the lists out of `self`, and copies the rest.
    pub(crate) fn take(&mut self) -> LogPosition {
        let extents = std::mem::take(&mut self.extents);
        let unwritten_aborts = std::mem::take(&mut self.unwritten_aborts);
        LogPosition { extents, unwritten_aborts, ..*self }
    }
}

/// The open log.
#[derive(Debug)]
pub(crate) struct Journal {
    dir: StoreDir,
    store: StoreId,
    /// The body of the schema frame.
    schema: Vec<u8>,
    segment_size: u64,
    /// `true` if each group is synced before it is answered.
    syncs_groups: bool,
    /// `true` if the next segment is created on a thread of its own.
    in_background: bool,
    /// `true` if a block with synced bytes is never written again, so that the first frame after a sync has a block of its own.
    padded: bool,
    position: LogPosition,
    /// The number of the newest frame that is known to be durable.
    durable: u64,
    active: Option<ActiveSegment>,
    next_segment: NextSegment,
    /// The length to reserve for the next segment, before limits.
    reserve: u64,
    /// Frames that are built and not yet written.
    out: Vec<u8>,
    /// The last frame in `out`, if records are still added to it.
    open_batch: Option<OpenBatch>,
    /// The bytes of frames since the open.
    appended: u64,
    syncs: u64,
    /// The last LSN that is known to be durable.
    durable_lsn: Lsn,
    /// The applied LSN of the next frame.
    applied: Lsn,
    /// The digest of results of the next frame; `None` if the frame is to have none.
    digest: Option<u64>,
}

#[derive(Debug)]
struct ActiveSegment {
    segment: Arc<Segment>,
    first_lsn: Lsn,
    first_number: u64,
    /// The offset for the bytes of `out`.
    out_at: u64,
    /// The end of the last written frame.
    end: u64,
    /// `true` if bytes were written since the last sync.
    unsynced: bool,
    /// `true` if the last frame is a mark, so that the next needs a block of its own.
    marked: bool,
    /// `true` if the frame that is being built has a block of its own.
    own_block: bool,
    /// `true` if the segment's first frames are written.
    begun: bool,
}

impl Journal {
    pub(crate) fn new(
        dir: StoreDir,
        store: StoreId,
        schema: Vec<u8>,
        segment_size: u64,
        syncs_groups: bool,
        in_background: bool,
        position: LogPosition,
    ) -> Journal {
        Journal {
            dir,
            store,
            schema,
            segment_size,
            syncs_groups,
            in_background,
            padded: false,
            durable: position.next.number - 1,
            durable_lsn: Lsn::new(position.next.lsn.get() - 1),
            active: None,
            next_segment: NextSegment::None,
            reserve: FIRST_RESERVE,
            out: Vec::new(),
            open_batch: None,
            appended: 0,
            syncs: 0,
            applied: position.applied,
            digest: Some(0),
            position,
        }
    }

    /// Never writes to a block with synced bytes from now on, for a medium where that could harm them.
    pub(crate) fn pad(&mut self) {
        self.padded = true;
    }

    /// Returns the LSN of the next record.
    pub(crate) fn next_lsn(&self) -> Lsn {
        self.position.next.lsn
    }

    /// Returns the written parts of all segments with frames, oldest first, the active segment included.
    pub(crate) fn extents(&self) -> Vec<SegmentExtent> {
        let active = self.active.as_ref().filter(|active| active.begun);
        let active = active.map(|a| SegmentExtent { seq: a.segment.seq, first_lsn: a.first_lsn, end: a.end });
        self.position.extents.iter().copied().chain(active).collect()
    }

    /// Returns the number of segments that begin above `lsn`.
    pub(crate) fn segments_above(&self, lsn: Lsn) -> usize {
        let finished = self.position.extents.iter().rev().take_while(|extent| extent.first_lsn > lsn).count();
        finished + usize::from(self.active.as_ref().is_some_and(|active| active.first_lsn > lsn))
    }

    /// Returns the number of bytes that are not yet written.
    pub(crate) fn unwritten(&self) -> usize {
        self.out.len()
    }

    /// Returns the bytes of frames since the open.
    pub(crate) fn appended(&self) -> u64 {
        self.appended
    }

    /// Returns the number of syncs since the open.
    pub(crate) fn syncs(&self) -> u64 {
        self.syncs
    }

    /// Returns the last LSN that is known to be durable.
    pub(crate) fn durable_lsn(&self) -> Lsn {
        self.durable_lsn
    }

    /// Returns whether anything was appended or written since the last sync.
    pub(crate) fn has_unsynced(&self) -> bool {
        self.open_batch.is_some() || self.durable + 1 < self.position.next.number
    }

    /// Returns whether the log ends in a mark.
    pub(crate) fn is_marked(&self) -> bool {
        self.active.as_ref().map_or(self.position.marked, |active| active.marked && self.open_batch.is_none())
    }

    /// Returns whether recovery's aborts aren't in the log yet.
    pub(crate) fn has_unwritten_aborts(&self) -> bool {
        !self.position.unwritten_aborts.is_empty()
    }

    /// Makes recovery's aborts durable, and that it accepted other results. After [`Error::Full`] the next group writes them.
    pub(crate) fn write_recovered(&mut self) -> Result<()> {
        if !self.has_unwritten_aborts() && !self.position.accepted {
            return Ok(());
        }
        self.reserve_space(0, 0)?;
        self.sync()
    }

    /// Writes the appended frames to the operating system.
    pub(crate) fn write(&mut self) -> Result<()> {
        self.finish_open_batch();
        let Some(active) = &mut self.active else { return Ok(()) };
        if self.out.is_empty() {
            return Ok(());
        }
        let done = active.segment.file.write_at(&self.out, active.out_at);
        done.map_err(|e| commit_error(&self.dir, active, "write", self.durable_lsn, e))?;
        active.unsynced = true;
        self.note_written();
        Ok(())
    }

    /// Writes the appended frames durably, past the cache where that is faster.
    fn write_through(&mut self) -> Result<()> {
        let Some(active) = &mut self.active else { return Ok(()) };
        let done = active.segment.file.write_through(&self.out, active.out_at);
        done.map_err(|e| commit_error(&self.dir, active, "write and sync", self.durable_lsn, e))?;
        self.note_written();
        Ok(())
    }

    /// Notes that all of `out` is in the file.
    fn note_written(&mut self) {
        if let Some(active) = &mut self.active {
            active.out_at += self.out.len() as u64;
            active.end = active.out_at;
            active.begun = true;
        }
        self.out.clear();
        if self.out.capacity() > SPARE_BUFFER {
            self.out = Vec::new();
        }
    }

    /// Makes everything that was appended durable.
    pub(crate) fn sync(&mut self) -> Result<()> {
        self.finish_open_batch();
        if !self.has_unsynced() {
            return Ok(());
        }
        if self.active.as_ref().is_some_and(|active| !active.unsynced) {
            self.write_through()?;
        } else {
            self.write()?;
        }
        let Some(active) = &mut self.active else { return Ok(()) };
        if active.unsynced {
            let done = active.segment.file.sync();
            done.map_err(|e| commit_error(&self.dir, active, "sync", self.durable_lsn, e))?;
            active.unsynced = false;
        }
        if self.has_unsynced() {
            self.durable = self.position.next.number - 1;
            self.durable_lsn = Lsn::new(self.position.next.lsn.get() - 1);
            self.syncs += 1;
            self.trim();
        }
        Ok(())
    }

    /// Writes and syncs a mark on a block of its own, which proves that everything before it is durable. After an unclean end the mark
    /// needs a new segment. [`Error::Full`] leaves the log unchanged.
    pub(crate) fn mark(&mut self) -> Result<()> {
        if self.is_marked() {
            return Ok(());
        }
        if self.active.is_none() {
            self.reserve_space(0, 0)?;
        }
        self.sync()?;
        self.put_frame(FrameKind::Mark, FLAG_BLOCK, 0, &[]);
        self.sync()
    }

    /// Ends the log cleanly: syncs, marks the close, and returns the reserved space.
    pub(crate) fn close(&mut self) -> Result<()> {
        self.discard_next_segment();
        self.sync()?;
        if self.active.is_none() {
            return match self.mark() {
                // The log is as recovery found it. Only the mark has no space.
                Err(Error::Full { .. }) => Ok(()),
                marked => marked,
            };
        }
        self.put_frame(FrameKind::Mark, FLAG_BLOCK | FLAG_CLOSE, 0, &[]);
        self.sync()?;
        if let Some(active) = &self.active {
            // A failure only wastes space: nothing follows the mark.
            let _ = active.segment.file.resize(self.cut_at(active.end));
        }
        Ok(())
    }

    /// Returns the finished segments without records above `lsn`, oldest first.
    pub(crate) fn segments_below(&self, lsn: Lsn) -> Vec<u64> {
        let extents = self.extents();
        let done = extents.windows(2).take_while(|pair| pair[1].first_lsn.get() <= lsn.get() + 1).count();
        let done = done.min(self.position.extents.len().saturating_sub(usize::from(self.active.is_none())));
        extents[..done].iter().map(|extent| extent.seq).collect()
    }

    /// Notes that these segments were removed.
    pub(crate) fn note_removed(&mut self, segments: &[u64]) {
        self.position.extents.retain(|extent| !segments.contains(&extent.seq));
    }
}

fn commit_error(
    dir: &StoreDir,
    active: &ActiveSegment,
    action: &'static str,
    durable: Lsn,
    source: std::io::Error,
) -> Error {
    let lsn = Lsn::new(durable.get() + 1);
    let path = dir.file_path(&active.segment.name());
    Error::Commit { action, path, offset: active.out_at, lsn, source: Arc::new(source) }
}
