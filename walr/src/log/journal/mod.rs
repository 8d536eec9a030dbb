//! The writing end of the log: frames into the active segment, rotation, marks, and the retirement of old segments.
//!
//! Rotation, and what a crash between two of its steps leaves:
//! 1. the next segment is created under its name, a header and zeros (usually ahead of need, on a thread of its own): it
//!    holds no frame, so that it doesn't count;
//! 2. the old segment gets a seal that names the next one, and is synced: the log ends at the seal, the next segment is
//!    there and empty;
//! 3. the next segment gets a link, a schema and the first group in one write, and is synced like any group.
//!
//! The first segment of an open goes from 1 to 3: the old end is described by the link, and never written to again.

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

/// What the first segment after an open reserves; each later one four times its predecessor, up to the segment size: so
/// that a store that is written little stays small.
const FIRST_RESERVE: u64 = 64 * 1024;
/// A write buffer that grew beyond this is given back.
const SPARE_BUFFER: usize = 4 << 20;

/// A segment that was written to the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SegmentExtent {
    pub(crate) seq: u64,
    /// The LSN that follows everything before the segment.
    pub(crate) first_lsn: Lsn,
    /// Where its last valid frame ends.
    pub(crate) end: u64,
}

/// Where the log goes on.
#[derive(Clone, Debug)]
pub(crate) struct LogPosition {
    /// The segments that are kept, oldest first; the last is the one that the next links to.
    pub(crate) extents: Vec<SegmentExtent>,
    /// What the next frame must be.
    pub(crate) next: NextFrame,
    /// LSNs that the recovery took back, and whose abort isn't on disk yet.
    pub(crate) unwritten_aborts: Vec<LsnRange>,
    /// Whether the log ends in a mark or a seal, so that its last group is proven to be durable.
    pub(crate) marked: bool,
    /// A segment with a torn tail, and where to cut it once a later segment's link says that it ends there.
    pub(crate) trim: Option<(u64, u64)>,
}

impl LogPosition {
    /// Moves the position out of what held it.
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
    /// Whether each group is synced before it is answered.
    syncs_groups: bool,
    /// Whether the next segment is made ahead of need, on a thread.
    ahead: bool,
    /// Whether a block that holds synced bytes is never written again: what follows a sync begins on a block of its own.
    padded: bool,
    position: LogPosition,
    /// The newest frame that is known to be durable.
    durable: u64,
    active: Option<ActiveSegment>,
    prepared: NextSegment,
    reserve: u64,
    /// Frames that are built and not yet written.
    out: Vec<u8>,
    /// The last of them, where records are still added to it.
    growing: Option<OpenBatch>,
    /// Bytes of frames since the open.
    appended: u64,
    syncs: u64,
    /// The last LSN that is known to be durable.
    durable_lsn: Lsn,
}

#[derive(Debug)]
struct ActiveSegment {
    segment: Arc<Segment>,
    first_lsn: Lsn,
    first_number: u64,
    /// Where the bytes of `out` will go.
    out_at: u64,
    /// Where the last frame that was written ends.
    end: u64,
    /// Whether anything was written since the last sync.
    unsynced: bool,
    /// Whether the last frame was a mark, so that the next takes a block of its own.
    marked: bool,
    /// Whether the frame that is being built stands on a block of its own.
    apart: bool,
    /// The bytes of `out` that begin the segment were written.
    begun: bool,
}

impl Journal {
    pub(crate) fn new(
        dir: StoreDir,
        store: StoreId,
        schema: Vec<u8>,
        segment_size: u64,
        syncs_groups: bool,
        ahead: bool,
        position: LogPosition,
    ) -> Journal {
        Journal {
            dir,
            store,
            schema,
            segment_size,
            syncs_groups,
            ahead,
            padded: false,
            durable: position.next.number - 1,
            durable_lsn: Lsn::new(position.next.lsn.get() - 1),
            position,
            active: None,
            prepared: NextSegment::None,
            reserve: FIRST_RESERVE,
            out: Vec::new(),
            growing: None,
            appended: 0,
            syncs: 0,
        }
    }

    /// Never writes again to a block that holds synced bytes, for a medium where that could harm them.
    pub(crate) fn pad(&mut self) {
        self.padded = true;
    }

    /// The LSN that the next record gets.
    pub(crate) fn next_lsn(&self) -> Lsn {
        self.position.next.lsn
    }

    /// The segments with frames, oldest first, the active one included; up to where they are written.
    pub(crate) fn extents(&self) -> Vec<SegmentExtent> {
        let active = self.active.as_ref().filter(|active| active.begun);
        let active = active.map(|a| SegmentExtent { seq: a.segment.seq, first_lsn: a.first_lsn, end: a.end });
        self.position.extents.iter().copied().chain(active).collect()
    }

    /// How many segments began above `lsn`.
    pub(crate) fn segments_above(&self, lsn: Lsn) -> usize {
        let finished = self.position.extents.iter().rev().take_while(|extent| extent.first_lsn > lsn).count();
        finished + usize::from(self.active.as_ref().is_some_and(|active| active.first_lsn > lsn))
    }

    /// How many bytes are waiting to be written.
    pub(crate) fn unwritten(&self) -> usize {
        self.out.len()
    }

    /// Bytes of frames since the open.
    pub(crate) fn appended(&self) -> u64 {
        self.appended
    }

    /// Syncs of segments since the open.
    pub(crate) fn syncs(&self) -> u64 {
        self.syncs
    }

    /// The last LSN that is known to be durable.
    pub(crate) fn durable_lsn(&self) -> Lsn {
        self.durable_lsn
    }

    /// Whether anything was appended or written since the last sync.
    pub(crate) fn has_unsynced(&self) -> bool {
        self.growing.is_some() || self.durable + 1 < self.position.next.number
    }

    /// Whether the log ends in a mark.
    pub(crate) fn is_marked(&self) -> bool {
        self.active.as_ref().map_or(self.position.marked, |active| active.marked && self.growing.is_none())
    }

    /// Writes the aborts that the recovery decided, durably. [`Error::Full`] leaves them to the next group.
    pub(crate) fn write_recovered_aborts(&mut self) -> Result<()> {
        if self.position.unwritten_aborts.is_empty() {
            return Ok(());
        }
        self.make_room(0, 0)?;
        self.sync()
    }

    /// Hands what is appended to the operating system.
    pub(crate) fn write(&mut self) -> Result<()> {
        self.finish_growing();
        let Some(active) = &mut self.active else { return Ok(()) };
        if self.out.is_empty() {
            return Ok(());
        }
        let done = active.segment.file.write_at(&self.out, active.out_at);
        done.map_err(|e| commit_error(&self.dir, active, "write", self.durable_lsn, e))?;
        active.unsynced = true;
        self.written();
        Ok(())
    }

    /// Writes what is appended, past the cache where that is faster, and makes it durable.
    fn write_through(&mut self) -> Result<()> {
        let Some(active) = &mut self.active else { return Ok(()) };
        let done = active.segment.file.write_through(&self.out, active.out_at);
        done.map_err(|e| commit_error(&self.dir, active, "write and sync", self.durable_lsn, e))?;
        self.written();
        Ok(())
    }

    /// Takes note that all of `out` is in the file.
    fn written(&mut self) {
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

    /// Writes what is appended and makes it durable.
    pub(crate) fn sync(&mut self) -> Result<()> {
        self.finish_growing();
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

    /// Proves that everything so far is durable: a mark on a block of its own, written and synced. After an unclean end
    /// that takes a segment to put it in; [`Error::Full`] leaves the log as it was.
    pub(crate) fn mark(&mut self) -> Result<()> {
        if self.is_marked() {
            return Ok(());
        }
        if self.active.is_none() {
            self.make_room(0, 0)?;
        }
        self.sync()?;
        self.put_frame(FrameKind::Mark, FLAG_BLOCK, 0, &[]);
        self.sync()
    }

    /// Waits for the thread that makes the next segment, if there is one.
    pub(crate) fn end(&mut self) {
        self.end_preparing();
    }

    /// Ends the log cleanly: syncs, marks the close, and gives back what was reserved.
    pub(crate) fn close(&mut self) -> Result<()> {
        self.discard_prepared();
        self.sync()?;
        if self.active.is_none() {
            return match self.mark() {
                // What was recovered is as it was found; there is only no room to say so.
                Err(Error::Full { .. }) => Ok(()),
                marked => marked,
            };
        }
        self.put_frame(FrameKind::Mark, FLAG_BLOCK | FLAG_CLOSE, 0, &[]);
        self.sync()?;
        if let Some(active) = &self.active {
            // Only space: the mark says that nothing follows.
            let _ = active.segment.file.resize(self.cut_at(active.end));
        }
        Ok(())
    }

    /// The finished segments that only hold records up to `lsn`, oldest first.
    pub(crate) fn segments_below(&self, lsn: Lsn) -> Vec<u64> {
        let firsts = self.extents();
        let done = firsts.windows(2).take_while(|pair| pair[1].first_lsn.get() <= lsn.get() + 1).count();
        let done = done.min(self.position.extents.len().saturating_sub(usize::from(self.active.is_none())));
        firsts[..done].iter().map(|extent| extent.seq).collect()
    }

    /// Takes note that these segments were removed.
    pub(crate) fn forget(&mut self, segments: &[u64]) {
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
