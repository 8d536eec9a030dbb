//! Finds the segments of the log, and checks their links.

use std::io;

use super::scan::{ScanRequest, corrupt};
use crate::error::{Error, Result};
use crate::log::frame::{BLOCK, FrameKind, Link};
use crate::log::layout::segment_name;
use crate::log::segment::{FrameScan, ScanStep, Segment};
use crate::lsn::Lsn;

/// A segment that begins with a valid link.
pub(super) struct LinkedSegment {
    /// The file isn't kept open, because there may be more segments than a process can have open files.
    pub(super) seq: u64,
    pub(super) first_lsn: Lsn,
    pub(super) number: u64,
    pub(super) link: Link,
    /// The file's length.
    pub(super) len: u64,
}

/// The segments of a folder.
pub(super) struct Segments {
    /// The segments with a valid link, back to the oldest checkpoint, oldest first.
    pub(super) linked: Vec<LinkedSegment>,
    /// The segments after these.
    pub(super) later: Vec<Segment>,
    /// The numbers of the segments before these.
    pub(super) old: Vec<u64>,
}

pub(super) fn find_segments(request: &ScanRequest<'_>) -> Result<Segments> {
    let (mut chain, mut later) = (Vec::<LinkedSegment>::new(), Vec::new());
    let mut left = request.segments.len();
    for &seq in request.segments.iter().rev() {
        let segment = Segment::open(request.dir, request.store, seq)?;
        if chain.is_empty() {
            // After a failed sync the cache may hold bytes that aren't on the medium.
            let path = || request.dir.file_path(&segment.name());
            match segment.file.sync() {
                // Only a dry run is possible on a read-only file system, and nothing relies on its result.
                Err(e) if e.kind() != io::ErrorKind::ReadOnlyFilesystem => return Err(Error::io("sync", path(), e)),
                _ => {}
            }
            segment.file.evict().map_err(|e| Error::io("read", path(), e))?;
        }
        left -= 1;
        match read_link(request, segment)? {
            Ok(linked) => {
                let reached = linked.first_lsn.get() <= request.oldest.get() + 1;
                chain.push(linked);
                if reached {
                    break;
                }
            }
            Err(segment) if chain.is_empty() => later.push(segment),
            Err(segment) => {
                return Err(corrupt(request, &segment, BLOCK, Lsn::default(), "the first frame is corrupt"));
            }
        }
    }
    chain.reverse();
    later.reverse();
    Ok(Segments { linked: chain, later, old: request.segments[..left].to_vec() })
}

/// Reads the link of a segment. Returns the segment in `Err` if it has no valid link.
fn read_link(request: &ScanRequest<'_>, segment: Segment) -> Result<Result<LinkedSegment, Segment>> {
    let read = |e| Error::io("read", request.dir.file_path(&segment.name()), e);
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

/// Checks that the chain reaches back to the oldest checkpoint, and that each link names the segment before.
pub(super) fn check_links(request: &ScanRequest<'_>, chain: &[LinkedSegment]) -> Result<()> {
    let missing = |path, reason| Err(Error::Missing { path, reason });
    let dir = &request.dir;
    match chain.first() {
        Some(first) if first.first_lsn.get() > request.oldest.get() + 1 => {
            let from = request.oldest.get() + 1;
            let reason =
                format!("the segments with the lsns {from} to {} are missing", first.first_lsn.get().saturating_sub(1));
            return missing(dir.path.clone(), reason);
        }
        _ => {}
    }
    for pair in chain.windows(2) {
        let (before, after) = (&pair[0], &pair[1]);
        if after.link.seq != before.seq {
            let reason = format!("the segment {:016x} before this one is missing", after.link.seq);
            return missing(dir.file_path(&segment_name(after.seq)), reason);
        }
    }
    Ok(())
}
