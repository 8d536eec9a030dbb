//! The first pass over the log: that its segments follow on each other, that every frame is valid, what is taken back,
//! and where it ends. Nothing is applied, and nothing on disk is changed.

use std::io;

use super::Cut;
use super::replay::ReplayCounts;
use super::table::{Finding, TailVerdict, examine, judge};
use crate::codec;
use crate::error::{Error, Result};
use crate::log::frame::{self, BLOCK, FLAG_CLOSE, FrameHeader, FrameKind, Link, LsnRange, Records};
use crate::log::journal::SegmentExtent;
use crate::log::layout::{StoreDir, StoreId, segment_name};
use crate::log::segment::{FrameScan, NextFrame, ScanStep, Segment};
use crate::log::view::{AbortedRanges, View};
use crate::lsn::Lsn;
use crate::options::progress::Phase;
use crate::pace::Pace;
use crate::schema::Schema;

/// The log, scanned.
#[derive(Debug)]
pub(crate) struct ScannedLog {
    /// The segments that hold the log from the oldest checkpoint on, oldest first.
    pub(crate) extents: Vec<SegmentExtent>,
    /// LSNs that aborts take back.
    pub(crate) aborts: Vec<LsnRange>,
    /// What it holds above the loaded checkpoint, what is taken back included.
    pub(crate) held: ReplayCounts,
    /// How many bytes that takes, with its frames and the padding between them.
    pub(crate) bytes: u64,
    /// What the next frame must be.
    pub(crate) next: NextFrame,
    /// The last batch's frame number and the fingerprint of its code, if nothing but links and schemas follow it.
    pub(crate) last_batch: Option<(u64, u64)>,
    /// Whether the last frame is a mark or a seal, or there is none.
    pub(crate) marked: bool,
    /// What is to be cut off.
    pub(crate) cuts: Vec<Cut>,
    /// Segments below the oldest checkpoint, which nothing needs.
    pub(crate) residue: Vec<u64>,
}

impl ScannedLog {
    /// The records that the scan found.
    pub(crate) fn view(&self, dir: &StoreDir, store: &StoreId) -> View {
        let aborted = AbortedRanges::new(&self.aborts);
        View { dir: dir.clone(), store: *store, extents: self.extents.clone(), aborted }
    }
}

/// What the scan is told.
pub(crate) struct ScanRequest<'a> {
    pub(crate) dir: &'a StoreDir,
    pub(crate) store: &'a StoreId,
    /// The segments' numbers, ascending.
    pub(crate) segments: &'a [u64],
    /// The LSNs of the oldest and the newest checkpoint that have a name, and of the one that is loaded.
    pub(crate) oldest: Lsn,
    pub(crate) newest: Lsn,
    pub(crate) loaded: Lsn,
    pub(crate) pace: &'a Pace<'a>,
    /// Asked of every schema whose records are to be replayed: its uses by mutation, or why they can't be.
    pub(crate) accept: &'a mut dyn FnMut(&Schema, &[u64]) -> Result<()>,
}

/// A segment and the link it begins with.
struct LinkedSegment {
    /// Its number, and not its file: there may be more segments than a process may have open files.
    seq: u64,
    first_lsn: Lsn,
    number: u64,
    link: Link,
    /// The file's length.
    len: u64,
}

/// How the walk over a segment ended.
enum SegmentEnd {
    /// In a seal that names this segment.
    Sealed(u64),
    /// In a closing mark.
    Closed,
    /// Where its successor says that it ends.
    Linked,
    /// At a place where no valid frame stands, for this reason.
    Open(&'static str),
}

/// Scans the log.
pub(crate) fn scan(mut wanted: ScanRequest<'_>) -> Result<ScannedLog> {
    let (chain, later, residue) = gather(&wanted)?;
    check_links(&wanted, &chain)?;
    let mut log = ScannedLog {
        extents: Vec::new(),
        aborts: Vec::new(),
        held: ReplayCounts::default(),
        bytes: 0,
        next: NextFrame { number: 1, chain: 0, lsn: Lsn::new(1) },
        last_batch: None,
        marked: true,
        cuts: Vec::new(),
        residue,
    };
    // Only what is above the loaded checkpoint is read; the links vouch for what lies below.
    let above = chain.iter().rposition(|linked| linked.first_lsn.get() <= wanted.loaded.get() + 1).unwrap_or(0);
    let mut last = SegmentEnd::Closed;
    wanted.pace.begin(Phase::Scan, chain[above.min(chain.len())..].iter().map(|linked| linked.len).sum());
    let mut read = 0;
    for (at, linked) in chain.iter().enumerate() {
        let next = chain.get(at + 1);
        let end = match next {
            Some(next) if at < above => next.link.len,
            _ => {
                let follows = (at > above).then_some(log.next);
                let (end, offset) = walk(&mut wanted, &mut log, linked, next, (follows, read))?;
                read += linked.len;
                if let SegmentEnd::Open(reason) = end {
                    let segment = Segment::open(wanted.dir, wanted.store, linked.seq)?;
                    let finding = match next {
                        Some(_) => Finding::NotLast,
                        None => examine(&segment, offset, log.next.number, wanted.newest, last_lsn(&log), &later),
                    };
                    settle(&wanted, &mut log, &segment, offset, reason, finding)?;
                }
                last = end;
                offset
            }
        };
        log.extents.push(SegmentExtent { seq: linked.seq, first_lsn: linked.first_lsn, end });
    }
    finish(&wanted, &mut log, last, &later)?;
    wanted.pace.end();
    Ok(log)
}

/// The segments with a valid link back to the oldest checkpoint, those behind the last of them, and the numbers of those
/// that aren't needed.
fn gather(wanted: &ScanRequest<'_>) -> Result<(Vec<LinkedSegment>, Vec<Segment>, Vec<u64>)> {
    let (mut chain, mut later) = (Vec::<LinkedSegment>::new(), Vec::new());
    let mut left = wanted.segments.len();
    for &seq in wanted.segments.iter().rev() {
        let segment = Segment::open(wanted.dir, wanted.store, seq)?;
        if chain.is_empty() {
            // What a failed sync left in the cache may not be on the medium: only what is there counts.
            let path = || wanted.dir.file_path(&segment.name());
            match segment.file.sync() {
                // No more than a dry run comes here on a read-only file system, and nothing is built on what it reads.
                Err(e) if e.kind() != io::ErrorKind::ReadOnlyFilesystem => return Err(Error::io("sync", path(), e)),
                _ => {}
            }
            segment.file.evict().map_err(|e| Error::io("read", path(), e))?;
        }
        left -= 1;
        let linked = read_link(wanted, segment)?;
        match linked {
            Ok(linked) => {
                let reached = linked.first_lsn.get() <= wanted.oldest.get() + 1;
                chain.push(linked);
                if reached {
                    break;
                }
            }
            Err(segment) if chain.is_empty() => later.push(segment),
            Err(segment) => {
                return Err(corrupt(wanted, &segment, BLOCK, Lsn::default(), "its first frame is damaged"));
            }
        }
    }
    chain.reverse();
    later.reverse();
    Ok((chain, later, wanted.segments[..left].to_vec()))
}

/// The segment with its link, or alone if it doesn't begin with a valid one.
fn read_link(wanted: &ScanRequest<'_>, segment: Segment) -> Result<Result<LinkedSegment, Segment>> {
    let read = |e| Error::io("read", wanted.dir.file_path(&segment.name()), e);
    let found = match FrameScan::new(&segment, None).map_err(read)?.step().map_err(read)? {
        ScanStep::Frame { header, body, .. } if header.kind == FrameKind::Link => {
            Link::parse(body).map(|link| (header.first_lsn, header.number, header.chain, link))
        }
        _ => None,
    };
    Ok(match found {
        Some((first_lsn, number, chain, link))
            if link.number.checked_add(1) == Some(number) && link.chain == chain && first_lsn.get() > 0 =>
        {
            let len = segment.file.len().map_err(read)?;
            Ok(LinkedSegment { seq: segment.seq, first_lsn, number, link, len })
        }
        _ => Err(segment),
    })
}

/// That the chain begins low enough, and that each segment names the one before it.
fn check_links(wanted: &ScanRequest<'_>, chain: &[LinkedSegment]) -> Result<()> {
    let missing = |path, reason| Err(Error::Missing { path, reason });
    let dir = &wanted.dir;
    match chain.first() {
        Some(first) if first.first_lsn.get() > wanted.oldest.get() + 1 => {
            let from = wanted.oldest.get() + 1;
            let reason =
                format!("the segments with the lsns {from} to {} are missing", first.first_lsn.get().saturating_sub(1));
            return missing(dir.path.clone(), reason);
        }
        _ => {}
    }
    for pair in chain.windows(2) {
        let (before, after) = (&pair[0], &pair[1]);
        if after.link.seq != before.seq {
            let reason = format!("the segment {:016x}, which should be between, is missing", after.link.seq);
            return missing(dir.file_path(&segment_name(after.seq)), reason);
        }
    }
    Ok(())
}

/// Walks over one segment's frames, up to its end, and returns where that is. So many bytes were read before it.
fn walk(
    wanted: &mut ScanRequest<'_>,
    log: &mut ScannedLog,
    linked: &LinkedSegment,
    next: Option<&LinkedSegment>,
    (follows, read_before): (Option<NextFrame>, u64),
) -> Result<(SegmentEnd, u64)> {
    let segment = &Segment::open(wanted.dir, wanted.store, linked.seq)?;
    let path = wanted.dir.file_path(&segment.name());
    let read = |e| Error::io("read", &path, e);
    // `read_link` has checked that the link agrees with the header of its own frame.
    let first = NextFrame { number: linked.number, chain: linked.link.chain, lsn: linked.first_lsn };
    if follows.is_some_and(|follows| follows != first) {
        return Err(corrupt(wanted, segment, BLOCK, last_lsn(log), "it doesn't follow on the segment before it"));
    }
    log.next = first;
    let mut frames = FrameScan::new(segment, Some(first)).map_err(read)?;
    let mut uses = MutationUses { schema: None, counts: Vec::new() };
    let end = loop {
        if next.is_some_and(|next| next.link.len == frames.offset()) {
            break SegmentEnd::Linked;
        }
        let before = frames.offset();
        let (header, offset, body) = match frames.step().map_err(read)? {
            ScanStep::Bad { reason, offset } => {
                debug_assert!(offset >= BLOCK);
                break SegmentEnd::Open(reason);
            }
            ScanStep::Frame { header, offset, body, .. } => (header, offset, body),
        };
        let sealed = note(log, &mut uses, &header, body, wanted.loaded)
            .map_err(|reason| corrupt(wanted, segment, offset, last_lsn(log), reason))?;
        log.next = frames.expected().unwrap_or(first);
        if last_lsn(log) > wanted.loaded {
            log.bytes += frames.offset() - before;
        }
        wanted.pace.reach(read_before + frames.offset(), 0);
        match header.kind {
            FrameKind::Seal => break SegmentEnd::Sealed(sealed),
            FrameKind::Mark if header.flags & FLAG_CLOSE != 0 => break SegmentEnd::Closed,
            _ => {}
        }
    };
    if let Some(schema) = &uses.schema {
        (wanted.accept)(schema, &uses.counts)?;
    }
    let ended = matches!(end, SegmentEnd::Sealed(_) | SegmentEnd::Closed);
    if ended && next.is_some_and(|next| next.link.len != frames.offset()) {
        let reason = "its successor says that it ends elsewhere";
        return Err(corrupt(wanted, segment, frames.offset(), last_lsn(log), reason));
    }
    Ok((end, frames.offset()))
}

/// The schema in force, and how many records above the checkpoint each of its mutations has.
struct MutationUses {
    schema: Option<Schema>,
    counts: Vec<u64>,
}

/// Takes note of a frame: what it takes back, which mutations it uses, which segment it names.
fn note(
    log: &mut ScannedLog,
    uses: &mut MutationUses,
    header: &FrameHeader,
    body: &[u8],
    loaded: Lsn,
) -> Result<u64, &'static str> {
    match header.kind {
        FrameKind::Batch => {
            let code = uses.schema.as_ref().map_or(0, |schema| schema.fingerprint);
            log.last_batch = Some((header.number, code));
        }
        // An open that takes a record back begins a segment with these, in one write with the abort, which can tear.
        FrameKind::Link | FrameKind::Schema => {}
        FrameKind::Mark | FrameKind::Seal | FrameKind::Abort => log.last_batch = None,
    }
    log.marked = matches!(header.kind, FrameKind::Mark | FrameKind::Seal);
    match header.kind {
        FrameKind::Schema => {
            let schema = Schema::decode(header.count, body).ok_or("the schema can't be decoded")?;
            uses.counts = vec![0; schema.mutations.len()];
            uses.schema = Some(schema);
        }
        FrameKind::Abort => {
            let ranges = frame::parse_abort(header.count, body).ok_or("the abort can't be decoded")?;
            if ranges.iter().any(|(_, last)| *last >= header.first_lsn) {
                return Err("the abort takes back what isn't there yet");
            }
            log.aborts.extend(ranges);
        }
        FrameKind::Batch => {
            for record in Records::new(header, body) {
                let record = record.ok_or("the records don't fill their frame")?;
                if record.lsn <= loaded {
                    continue;
                }
                let place = codec::decode_front(record.bytes).map(|(place, _)| place as usize);
                let count = place.and_then(|place| uses.counts.get_mut(place));
                *count.ok_or("a record names a mutation that its schema doesn't have")? += 1;
                log.held.records += 1;
                log.held.bytes += record.bytes.len() as u64;
            }
        }
        FrameKind::Seal => return frame::parse_seal(body).ok_or("the seal names no segment"),
        FrameKind::Mark | FrameKind::Link => {}
    }
    Ok(0)
}

/// Does what the table says of a place where no valid frame stands.
fn settle(
    wanted: &ScanRequest<'_>,
    log: &mut ScannedLog,
    segment: &Segment,
    offset: u64,
    reason: &str,
    finding: Finding,
) -> Result<()> {
    let path = wanted.dir.file_path(&segment.name());
    match judge(finding) {
        TailVerdict::Fail(source) => return Err(Error::Io { action: "read", path, source }),
        TailVerdict::Refuse(proof) => {
            return Err(corrupt(wanted, segment, offset, last_lsn(log), &format!("{reason}, and {proof}")));
        }
        TailVerdict::End => {}
        TailVerdict::Cut { end } => log.cuts.push(Cut { path, offset, bytes: end - offset, copy: None }),
    }
    Ok(())
}

/// Judges the segments behind the last one with a valid link: one that was made ahead of need is empty, the one that
/// follows on a seal, or on an unclean end, may hold the torn remains of its first group.
fn finish(wanted: &ScanRequest<'_>, log: &mut ScannedLog, last: SegmentEnd, later: &[Segment]) -> Result<()> {
    let follows = log.extents.last().map_or(1, |extent| extent.seq + 1);
    for (at, segment) in later.iter().enumerate() {
        let (number, lsn, seq) = (log.next.number, last_lsn(log), follows + at as u64);
        if segment.seq != seq {
            // A segment is only made when the one before it is there.
            let reason = format!("the segment {seq:016x}, which should stand before it, is missing");
            return Err(Error::Missing { path: wanted.dir.file_path(&segment.name()), reason });
        }
        let finding = examine(segment, BLOCK, number, wanted.newest, lsn, &later[at + 1..]);
        if matches!(finding, Finding::Remains { .. }) && segment.seq != follows {
            let reason = "it holds something, and no segment leads to it";
            return Err(corrupt(wanted, segment, BLOCK, lsn, reason));
        }
        settle(wanted, log, segment, BLOCK, "there is no valid link", finding)?;
    }
    let missing = |reason| Err(Error::Missing { path: wanted.dir.path.clone(), reason });
    if let SegmentEnd::Sealed(seq) = last
        && later.first().is_none_or(|segment| segment.seq != seq)
    {
        return missing(format!("the segment {seq:016x}, which the seal of {:016x} names, is missing", follows - 1));
    }
    if log.extents.is_empty() && later.is_empty() {
        return missing("there is no segment, and a store has at least one".to_string());
    }
    if last_lsn(log) < wanted.newest {
        return missing(format!("the log ends at lsn {}, below the checkpoint of {}", last_lsn(log), wanted.newest));
    }
    Ok(())
}

fn last_lsn(log: &ScannedLog) -> Lsn {
    Lsn::new(log.next.lsn.get() - 1)
}

fn corrupt(wanted: &ScanRequest<'_>, segment: &Segment, offset: u64, after: Lsn, reason: &str) -> Error {
    Error::Corrupt { path: wanted.dir.file_path(&segment.name()), offset, after, reason: reason.to_string() }
}
