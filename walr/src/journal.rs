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

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::error::{Error, Result};
use crate::frame::{self, BLOCK, FLAG_BLOCK, FLAG_CLOSE, HEADER, Header, Kind, Link, Place, Range};
use crate::fs::Open;
use crate::layout::{Dir, StoreId, segment_name};
use crate::lsn::Lsn;
use crate::segment::{Expected, Segment};

/// What every group leaves free behind it in its segment: a mark on idleness, a mark on close, and a seal.
const ROOM: u64 = 3 * BLOCK;
/// What the first segment after an open reserves; each later one four times its predecessor, up to the segment size: so
/// that a store that is written little stays small.
const FIRST_RESERVE: u64 = 64 * 1024;
/// A write buffer that grew beyond this is given back.
const SPARE_BUFFER: usize = 1 << 20;

/// A segment that was written to the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Extent {
    pub(crate) seq: u64,
    /// The LSN that follows everything before the segment.
    pub(crate) first_lsn: Lsn,
    /// Where its last valid frame ends.
    pub(crate) end: u64,
}

/// Where the log goes on.
#[derive(Clone, Debug)]
pub(crate) struct Position {
    /// The segments that are kept, oldest first; the last is the one that the next links to.
    pub(crate) extents: Vec<Extent>,
    /// What the next frame must be.
    pub(crate) next: Expected,
    /// LSNs that the recovery took back, and whose abort isn't on disk yet.
    pub(crate) unwritten_aborts: Vec<Range>,
    /// Whether the log ends in a mark or a seal, so that its last group is proven to be durable.
    pub(crate) marked: bool,
    /// A segment with a torn tail, and where to cut it once a later segment's link says that it ends there.
    pub(crate) trim: Option<(u64, u64)>,
}

/// The open log.
#[derive(Debug)]
pub(crate) struct Journal {
    dir: Dir,
    store: StoreId,
    /// The body of the schema frame.
    schema: Vec<u8>,
    segment_size: u64,
    /// Whether the next segment is made ahead of need, on a thread.
    ahead: bool,
    position: Position,
    /// The newest frame that is known to be durable.
    durable: u64,
    active: Option<Active>,
    prepared: Prepared,
    reserve: u64,
    /// Frames that are built and not yet written.
    out: Vec<u8>,
    /// Bytes of frames since the open.
    appended: u64,
    syncs: u64,
    /// The last LSN that is known to be durable.
    durable_lsn: Lsn,
}

#[derive(Debug)]
struct Active {
    segment: Arc<Segment>,
    first_lsn: Lsn,
    /// Where the bytes of `out` will go.
    out_at: u64,
    /// Whether the last frame was a mark, so that the next takes a block of its own.
    marked: bool,
    /// The bytes of `out` that begin the segment were written.
    begun: bool,
}

#[derive(Debug)]
enum Prepared {
    No,
    Making(JoinHandle<Result<Segment>>),
    Ready(Segment),
}

impl Journal {
    pub(crate) fn new(
        dir: Dir,
        store: StoreId,
        schema: Vec<u8>,
        segment_size: u64,
        ahead: bool,
        position: Position,
    ) -> Journal {
        Journal {
            dir,
            store,
            schema,
            segment_size,
            ahead,
            durable: position.next.number - 1,
            durable_lsn: Lsn::new(position.next.lsn.get() - 1),
            position,
            active: None,
            prepared: Prepared::No,
            reserve: FIRST_RESERVE,
            out: Vec::new(),
            appended: 0,
            syncs: 0,
        }
    }

    /// The LSN that the next record gets.
    pub(crate) fn next_lsn(&self) -> Lsn {
        self.position.next.lsn
    }

    /// The segments with frames, oldest first, the active one included; up to where they are written.
    pub(crate) fn extents(&self) -> Vec<Extent> {
        let active = self.active.as_ref().filter(|active| active.begun);
        let active = active.map(|a| Extent { seq: a.segment.seq, first_lsn: a.first_lsn, end: a.out_at });
        self.position.extents.iter().copied().chain(active).collect()
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
        self.durable + 1 < self.position.next.number
    }

    /// Whether the log ends in a mark.
    pub(crate) fn is_marked(&self) -> bool {
        self.active.as_ref().map_or(self.position.marked, |active| active.marked)
    }

    /// Makes sure that a batch frame of `body` bytes and `count` records fits into the active segment, with the abort that
    /// may follow it. [`Error::Full`] and [`Error::Io`] leave the log as it was; any other error is final.
    pub(crate) fn make_room(&mut self, body: usize, count: usize) -> Result<()> {
        let abort = HEADER + 16 * count;
        let need = (HEADER + frame::padded(body) + frame::padded(abort)) as u64 + ROOM;
        if let Some(active) = &self.active {
            let at = active.out_at + self.out.len() as u64;
            let at = if active.marked { at.next_multiple_of(BLOCK) } else { at };
            if at + need <= active.segment.reserved {
                return Ok(());
            }
        }
        let unwritten = HEADER + 16 * self.position.unwritten_aborts.len();
        let begin = 2 * HEADER + 32 + frame::padded(self.schema.len()) + unwritten;
        let segment = self.next_segment(BLOCK + begin as u64 + need)?;
        self.switch_to(segment)
    }

    /// A created segment with room for `least` bytes, header included.
    fn next_segment(&mut self, least: u64) -> Result<Segment> {
        match std::mem::replace(&mut self.prepared, Prepared::No) {
            Prepared::Ready(segment) if segment.reserved >= least => return Ok(segment),
            Prepared::Making(job) => {
                // An error there is met again here, where there is a call to report it to.
                if let Ok(Ok(segment)) = job.join()
                    && segment.reserved >= least
                {
                    return Ok(segment);
                }
            }
            Prepared::Ready(_) | Prepared::No => {}
        }
        Segment::create(&self.dir, &self.store, self.next_seq(), self.next_reserve().max(least))
    }

    fn next_seq(&self) -> u64 {
        let active = self.active.as_ref().map(|active| active.segment.seq);
        active.or(self.position.extents.last().map(|extent| extent.seq)).map_or(1, |seq| seq + 1)
    }

    fn next_reserve(&self) -> u64 {
        self.reserve.min(self.segment_size).max(BLOCK).next_multiple_of(BLOCK)
    }

    /// Seals the active segment, if there is one, and begins `segment` with a link and the schema.
    fn switch_to(&mut self, segment: Segment) -> Result<()> {
        if self.active.is_some() {
            // A seal proves that everything before it is durable.
            self.sync()?;
            self.put_frame(Kind::Seal, 0, 0, &segment.seq.to_le_bytes());
            self.sync()?;
        }
        if let Some(done) = self.active.take() {
            let end = done.out_at;
            self.position.extents.push(Extent { seq: done.segment.seq, first_lsn: done.first_lsn, end });
            // What was reserved and not needed. It is only space: the seal says that nothing follows.
            let _ = done.segment.file.resize(end);
        }
        let last = self.position.extents.last();
        let link = Link {
            seq: last.map_or(0, |extent| extent.seq),
            len: last.map_or(0, |extent| extent.end),
            number: self.position.next.number - 1,
            chain: self.position.next.chain,
        };
        let mut body = Vec::new();
        link.put(&mut body);
        self.active = Some(Active {
            segment: Arc::new(segment),
            first_lsn: self.position.next.lsn,
            out_at: BLOCK,
            marked: false,
            begun: false,
        });
        self.reserve = self.next_reserve().saturating_mul(4);
        self.put_frame(Kind::Link, 0, 0, &body);
        let schema = std::mem::take(&mut self.schema);
        self.put_frame(Kind::Schema, 0, schema.len() as u32, &schema);
        self.schema = schema;
        let aborts = std::mem::take(&mut self.position.unwritten_aborts);
        if !aborts.is_empty() {
            self.append_abort(&aborts);
        }
        Ok(())
    }

    /// Writes the aborts that the recovery decided, durably. [`Error::Full`] leaves them to the next group.
    pub(crate) fn write_recovered_aborts(&mut self) -> Result<()> {
        if self.position.unwritten_aborts.is_empty() {
            return Ok(());
        }
        self.make_room(0, 0)?;
        self.sync()
    }

    /// Appends a batch frame of `count` records. `frame` begins with [`HEADER`] free bytes and holds the body behind them;
    /// what it holds afterwards means nothing. The caller has made room. Returns the first record's LSN.
    pub(crate) fn append_batch(&mut self, frame: &mut Vec<u8>, count: u32) -> Lsn {
        let lsn = self.position.next.lsn;
        let start = self.begin_frame(0);
        if self.out.is_empty() {
            std::mem::swap(&mut self.out, frame);
        } else {
            self.out.extend_from_slice(frame);
        }
        self.finish_frame(Kind::Batch, 0, count, start);
        lsn
    }

    /// Appends an abort frame over `ranges`.
    pub(crate) fn append_abort(&mut self, ranges: &[Range]) {
        let mut body = Vec::new();
        frame::put_abort(ranges, &mut body);
        self.put_frame(Kind::Abort, 0, ranges.len() as u32, &body);
    }

    fn put_frame(&mut self, kind: Kind, flags: u8, count: u32, body: &[u8]) {
        let start = self.begin_frame(flags);
        self.out.resize(start + HEADER, 0);
        self.out.extend_from_slice(body);
        self.finish_frame(kind, flags, count, start);
    }

    /// Where in `out` the next frame begins.
    fn begin_frame(&mut self, flags: u8) -> usize {
        let Some(active) = &mut self.active else { return 0 };
        if active.marked || flags & FLAG_BLOCK != 0 {
            if self.out.is_empty() {
                active.out_at = active.out_at.next_multiple_of(BLOCK);
            } else {
                let end = (active.out_at + self.out.len() as u64).next_multiple_of(BLOCK);
                self.out.resize((end - active.out_at) as usize, 0);
            }
        }
        self.out.len()
    }

    fn finish_frame(&mut self, kind: Kind, flags: u8, count: u32, start: usize) {
        let Some(active) = &mut self.active else { return };
        let next = &mut self.position.next;
        let flags = if active.marked { flags | FLAG_BLOCK } else { flags };
        let header = Header {
            kind,
            flags,
            number: next.number,
            durable: self.durable,
            first_lsn: next.lsn,
            epoch: 0,
            written_ms: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64),
            body_len: 0,
            count,
            body_crc: 0,
            chain: next.chain,
        };
        let place = Place { salt: active.segment.salt, offset: active.out_at + start as u64 };
        next.chain = frame::finish(&mut self.out, start, header, place);
        next.number += 1;
        next.lsn = header.next_lsn();
        active.marked = kind == Kind::Mark;
        self.appended += (self.out.len() - start) as u64;
        debug_assert!(place.offset + (self.out.len() - start) as u64 <= active.segment.reserved, "there was no room");
    }

    /// Hands what is appended to the operating system.
    pub(crate) fn write(&mut self) -> Result<()> {
        let Some(active) = &mut self.active else { return Ok(()) };
        if self.out.is_empty() {
            return Ok(());
        }
        let done = active.segment.file.write_at(&self.out, active.out_at);
        done.map_err(|e| commit_error(&self.dir, active, "write", self.durable_lsn, e))?;
        active.out_at += self.out.len() as u64;
        active.begun = true;
        self.out.clear();
        if self.out.capacity() > SPARE_BUFFER {
            self.out = Vec::new();
        }
        Ok(())
    }

    /// Writes what is appended and makes it durable.
    pub(crate) fn sync(&mut self) -> Result<()> {
        self.write()?;
        let Some(active) = &self.active else { return Ok(()) };
        if self.has_unsynced() {
            let done = active.segment.file.sync();
            done.map_err(|e| commit_error(&self.dir, active, "sync", self.durable_lsn, e))?;
            self.durable = self.position.next.number - 1;
            self.durable_lsn = Lsn::new(self.position.next.lsn.get() - 1);
            self.syncs += 1;
            self.trim();
        }
        Ok(())
    }

    /// Cuts the torn tail off. Only space: the link, which is durable now, says where that segment ends.
    fn trim(&mut self) {
        if let Some((seq, end)) = self.position.trim.take()
            && let Ok(torn) = self.dir.folder.open(&segment_name(seq), Open::Write)
        {
            let _ = torn.resize(end);
        }
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
        self.put_frame(Kind::Mark, FLAG_BLOCK, 0, &[]);
        self.sync()
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
        self.put_frame(Kind::Mark, FLAG_BLOCK | FLAG_CLOSE, 0, &[]);
        self.sync()?;
        if let Some(active) = &self.active {
            // Only space: the mark says that nothing follows.
            let _ = active.segment.file.resize(active.out_at);
        }
        Ok(())
    }

    fn discard_prepared(&mut self) {
        let seq = match std::mem::replace(&mut self.prepared, Prepared::No) {
            Prepared::No => return,
            Prepared::Ready(segment) => Some(segment.seq),
            Prepared::Making(job) => job.join().ok().and_then(|made| made.ok()).map(|segment| segment.seq),
        };
        if let Some(seq) = seq {
            // An empty segment that stays does no harm: the next open replaces it.
            let _ = self.dir.remove_if_there(&segment_name(seq));
        }
    }

    /// Begins to make the next segment, once the active one is half full.
    pub(crate) fn prepare_ahead(&mut self) {
        let Some(active) = &self.active else { return };
        let due = active.out_at * 2 >= active.segment.reserved && matches!(self.prepared, Prepared::No);
        if !due {
            return;
        }
        let (dir, store, seq, reserve) = (self.dir.clone(), self.store, self.next_seq(), self.next_reserve());
        if !self.ahead {
            // An error is met again when the segment is needed.
            self.prepared = Segment::create(&dir, &store, seq, reserve).map_or(Prepared::No, Prepared::Ready);
            return;
        }
        let job = std::thread::Builder::new().name("walr-prepare".into());
        let job = job.spawn(move || Segment::create(&dir, &store, seq, reserve));
        self.prepared = job.map_or(Prepared::No, Prepared::Making);
    }

    /// Removes the segments that only hold records up to `lsn`.
    pub(crate) fn retire(&mut self, lsn: Lsn) -> Result<()> {
        let firsts = self.extents();
        let done = firsts.windows(2).take_while(|pair| pair[1].first_lsn.get() <= lsn.get() + 1).count();
        let done = done.min(self.position.extents.len().saturating_sub(usize::from(self.active.is_none())));
        for extent in self.position.extents.drain(..done) {
            self.dir.remove_if_there(&segment_name(extent.seq))?;
        }
        if done > 0 { self.dir.sync() } else { Ok(()) }
    }
}

fn commit_error(dir: &Dir, active: &Active, action: &'static str, durable: Lsn, source: std::io::Error) -> Error {
    let lsn = Lsn::new(durable.get() + 1);
    let path = dir.file_path(&active.segment.name());
    Error::Commit { action, path, offset: active.out_at, lsn, source: Arc::new(source) }
}
