//! The first pass over the log: checks its segments and frames, collects its aborts, and finds its end. Applies nothing, and changes
//! nothing on disk.

use super::Cut;
use super::replay::ReplayCounts;
use super::results::Uncompared;
use super::segments::{LinkedSegment, Segments, check_links, find_segments};
use super::tail::{Finding, TailVerdict, examine, judge};
use crate::codec;
use crate::error::{Error, Result};
use crate::log::frame::{self, BLOCK, FLAG_ACCEPTED, FLAG_CLOSE, FrameHeader, FrameKind, LsnRange, Records};
use crate::log::journal::SegmentExtent;
use crate::log::layout::{StoreDir, StoreId};
use crate::log::segment::{FrameScan, NextFrame, ScanStep, Segment};
use crate::log::view::{AbortedRanges, View};
use crate::lsn::Lsn;
use crate::options::progress::{Phase, Watch};
use crate::schema::Schema;

/// The result of a scan of the log.
#[derive(Debug)]
pub(crate) struct ScannedLog {
    /// The segments with the log since the oldest checkpoint, oldest first.
    pub(crate) extents: Vec<SegmentExtent>,
    /// The aborted LSNs.
    pub(crate) aborts: Vec<LsnRange>,
    /// The records above the loaded checkpoint, aborted ones included.
    pub(crate) held: ReplayCounts,
    /// The size of the log above that checkpoint, with frames and padding.
    pub(crate) bytes: u64,
    pub(crate) next: NextFrame,
    /// The newest LSN that is known to have been applied, or aborted durably: its call may have been answered.
    pub(crate) applied: Lsn,
    /// The records whose results can't be compared.
    pub(crate) uncompared: Uncompared,
    /// `true` if the last frame is a mark or a seal, or if there is no frame.
    pub(crate) marked: bool,
    /// The torn ends.
    pub(crate) cuts: Vec<Cut>,
    /// The segments below the oldest checkpoint, which nothing needs.
    pub(crate) old_segments: Vec<u64>,
}

impl ScannedLog {
    /// Returns a view of the scanned log.
    pub(crate) fn view(&self, dir: &StoreDir, store: &StoreId) -> View {
        let aborted = AbortedRanges::new(&self.aborts);
        View { dir: dir.clone(), store: *store, extents: self.extents.clone(), aborted }
    }
}

/// The arguments of a scan.
pub(crate) struct ScanRequest<'a> {
    pub(crate) dir: &'a StoreDir,
    pub(crate) store: &'a StoreId,
    /// The numbers of the segments, ascending.
    pub(crate) segments: &'a [u64],
    /// The LSN of the oldest checkpoint that is kept.
    pub(crate) oldest: Lsn,
    /// The LSN of the newest checkpoint, corrupt or not.
    pub(crate) newest: Lsn,
    /// The highest LSN of a checkpoint, renamed ones included. A checkpoint contains only applied records.
    pub(crate) applied: Lsn,
    /// The LSN of the loaded checkpoint.
    pub(crate) loaded: Lsn,
    pub(crate) watch: &'a Watch,
    /// Called with the schema of each segment that is read, and the number of records to replay of each of its mutations.
    pub(crate) accept: &'a mut dyn FnMut(&Schema, &[u64]) -> Result<()>,
}

/// The end of a segment.
enum SegmentEnd {
    /// A seal that names this segment.
    Sealed(u64),
    /// The mark of a close.
    Closed,
    /// The offset in the link of the next segment.
    Linked,
    /// A place without a valid frame, for this reason.
    Invalid(&'static str),
}

/// Scans the log.
pub(crate) fn scan(mut request: ScanRequest<'_>) -> Result<ScannedLog> {
    let Segments { linked: chain, later, old } = find_segments(&request)?;
    check_links(&request, &chain)?;
    let mut log = ScannedLog {
        extents: Vec::new(),
        aborts: Vec::new(),
        held: ReplayCounts::default(),
        bytes: 0,
        next: NextFrame { number: 1, chain: 0, lsn: Lsn::new(1) },
        applied: request.applied,
        uncompared: Uncompared::default(),
        marked: true,
        cuts: Vec::new(),
        old_segments: old,
    };
    // Only segments with records above the loaded checkpoint are read. The links vouch for the segments below.
    let above = chain.iter().rposition(|linked| linked.first_lsn.get() <= request.loaded.get() + 1).unwrap_or(0);
    let mut last = SegmentEnd::Closed;
    request.watch.begin(Phase::Scan, chain[above.min(chain.len())..].iter().map(|linked| linked.len).sum());
    let mut read = 0;
    for (at, linked) in chain.iter().enumerate() {
        let next = chain.get(at + 1);
        let end = match next {
            Some(next) if at < above => next.link.len,
            _ => {
                let follows = (at > above).then_some(log.next);
                let (end, offset) = read_segment(&mut request, &mut log, linked, next, (follows, read))?;
                read += linked.len;
                if let SegmentEnd::Invalid(reason) = end {
                    let segment = Segment::open(request.dir, request.store, linked.seq)?;
                    let finding = match next {
                        Some(_) => Finding::NotLast,
                        None => examine(&segment, offset, log.next.number, request.newest, last_lsn(&log), &later),
                    };
                    apply_verdict(&request, &mut log, &segment, offset, reason, finding)?;
                }
                last = end;
                offset
            }
        };
        log.extents.push(SegmentExtent { seq: linked.seq, first_lsn: linked.first_lsn, end });
    }
    judge_later(&request, &mut log, last, &later)?;
    request.watch.end();
    Ok(log)
}

/// Reads one segment's frames, and returns the segment's end and its offset. `read_before` is the number of bytes read in earlier
/// segments.
fn read_segment(
    request: &mut ScanRequest<'_>,
    log: &mut ScannedLog,
    linked: &LinkedSegment,
    next: Option<&LinkedSegment>,
    (follows, read_before): (Option<NextFrame>, u64),
) -> Result<(SegmentEnd, u64)> {
    let segment = &Segment::open(request.dir, request.store, linked.seq)?;
    let path = request.dir.file_path(&segment.name());
    let read = |e| Error::io("read", &path, e);
    // `read_link` has checked that the link agrees with the header of its own frame.
    let first = NextFrame { number: linked.number, chain: linked.link.chain, lsn: linked.first_lsn };
    if follows.is_some_and(|follows| follows != first) {
        return Err(corrupt(request, segment, BLOCK, last_lsn(log), "the segment doesn't continue the one before"));
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
                break SegmentEnd::Invalid(reason);
            }
            ScanStep::Frame { header, offset, body, .. } => (header, offset, body),
        };
        let sealed = add_frame(log, &mut uses, &header, body, request.loaded)
            .map_err(|reason| corrupt(request, segment, offset, last_lsn(log), reason))?;
        log.next = frames.expected().unwrap_or(first);
        if last_lsn(log) > request.loaded {
            log.bytes += frames.offset() - before;
        }
        request.watch.reach(read_before + frames.offset(), 0);
        match header.kind {
            FrameKind::Seal => break SegmentEnd::Sealed(sealed),
            FrameKind::Mark if header.flags & FLAG_CLOSE != 0 => break SegmentEnd::Closed,
            _ => {}
        }
    };
    if let Some(schema) = &uses.schema {
        (request.accept)(schema, &uses.counts)?;
    }
    let ended = matches!(end, SegmentEnd::Sealed(_) | SegmentEnd::Closed);
    if ended && next.is_some_and(|next| next.link.len != frames.offset()) {
        let reason = "the link of the next segment has another end";
        return Err(corrupt(request, segment, frames.offset(), last_lsn(log), reason));
    }
    Ok((end, frames.offset()))
}

/// The current schema, and the number of records above the checkpoint of each of its mutations.
struct MutationUses {
    schema: Option<Schema>,
    counts: Vec<u64>,
}

/// Adds a frame to the scanned log. Returns the segment that a seal names, and 0 for other frames.
fn add_frame(
    log: &mut ScannedLog,
    uses: &mut MutationUses,
    header: &FrameHeader,
    body: &[u8],
    loaded: Lsn,
) -> Result<u64, &'static str> {
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
                return Err("the abort covers records that aren't written yet");
            }
            // An abort of records that were applied, on demand. The results after them are those of another state.
            let applied = log.applied.max(header.applied);
            let applied = ranges.iter().filter(|(first, _)| *first <= applied);
            log.uncompared.aborted.extend(applied.map(|(first, _)| (*first, Lsn::new(header.first_lsn.get() - 1))));
            log.aborts.extend(ranges);
        }
        FrameKind::Batch => {
            for record in Records::new(header, body) {
                let record = record.ok_or("the records don't match their frame")?;
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
        FrameKind::Link if header.flags & FLAG_ACCEPTED != 0 => {
            log.uncompared.accepted = Lsn::new(header.first_lsn.get() - 1);
        }
        FrameKind::Seal => return frame::parse_seal(body).ok_or("the seal names no segment"),
        FrameKind::Mark | FrameKind::Link => {}
    }
    log.applied = log.applied.max(header.applied);
    Ok(0)
}

/// Applies the verdict of the recovery table for a place without a valid frame.
fn apply_verdict(
    request: &ScanRequest<'_>,
    log: &mut ScannedLog,
    segment: &Segment,
    offset: u64,
    reason: &str,
    finding: Finding,
) -> Result<()> {
    let path = request.dir.file_path(&segment.name());
    match judge(finding) {
        TailVerdict::Fail(source) => return Err(Error::Io { action: "read", path, source }),
        TailVerdict::Refuse(proof) => {
            return Err(corrupt(request, segment, offset, last_lsn(log), &format!("{reason}, and {proof}")));
        }
        TailVerdict::End => {}
        TailVerdict::Cut { end } => log.cuts.push(Cut { path, offset, bytes: end - offset, copy: None }),
    }
    Ok(())
}

/// Judges the segments after the last one with a valid link. A segment that was created ahead is empty. The one directly after the last may
/// hold a torn first group.
fn judge_later(request: &ScanRequest<'_>, log: &mut ScannedLog, last: SegmentEnd, later: &[Segment]) -> Result<()> {
    let follows = log.extents.last().map_or(1, |extent| extent.seq + 1);
    for (at, segment) in later.iter().enumerate() {
        let (number, lsn, seq) = (log.next.number, last_lsn(log), follows + at as u64);
        if segment.seq != seq {
            // A segment is created only when the one before it exists.
            let reason = format!("the segment {seq:016x} before this one is missing");
            return Err(Error::Missing { path: request.dir.file_path(&segment.name()), reason });
        }
        let finding = examine(segment, BLOCK, number, request.newest, lsn, &later[at + 1..]);
        if matches!(finding, Finding::Remains { .. }) && segment.seq != follows {
            let reason = "the segment isn't empty, and no segment names it";
            return Err(corrupt(request, segment, BLOCK, lsn, reason));
        }
        apply_verdict(request, log, segment, BLOCK, "there is no valid link", finding)?;
    }
    let missing = |reason| Err(Error::Missing { path: request.dir.path.clone(), reason });
    if let SegmentEnd::Sealed(seq) = last
        && later.first().is_none_or(|segment| segment.seq != seq)
    {
        return missing(format!("the segment {seq:016x}, which the seal of {:016x} names, is missing", follows - 1));
    }
    if log.extents.is_empty() && later.is_empty() {
        return missing("there is no segment".to_string());
    }
    if last_lsn(log) < request.newest {
        return missing(format!(
            "the log ends at lsn {}, below the checkpoint of lsn {}",
            last_lsn(log),
            request.newest
        ));
    }
    Ok(())
}

fn last_lsn(log: &ScannedLog) -> Lsn {
    Lsn::new(log.next.lsn.get() - 1)
}

pub(super) fn corrupt(request: &ScanRequest<'_>, segment: &Segment, offset: u64, after: Lsn, reason: &str) -> Error {
    Error::Corrupt { path: request.dir.file_path(&segment.name()), offset, after, reason: reason.to_string() }
}
