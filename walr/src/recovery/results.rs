//! Holds a replay to the results that the calls returned.
//!
//! Each frame carries an applied LSN and the digest of the results above the applied LSN of the frame before. A replay computes the same
//! digest of each such interval, and compares the two.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::log::frame::{FrameHeader, LsnRange};
use crate::lsn::Lsn;
use crate::options::ChangedResults;
use crate::schema::results::ResultDigest;

/// The reason for other results, if the types of all results are known to be the same.
const CHANGED_CODE: &str = "the code was changed, or isn't deterministic";
/// The reason for other results, if the type of one can't be compared.
const CHANGED_CODE_OR_TYPE: &str = "the code or a type in the results was changed, or the code isn't deterministic";

/// The newest applied LSN of a frame, and the digest of the results up to there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Applied {
    pub(crate) lsn: Lsn,
    pub(crate) digest: u64,
}

impl Applied {
    pub(crate) fn of(header: &FrameHeader) -> Applied {
        Applied { lsn: header.applied, digest: header.digest }
    }
}

/// The records whose results can't be compared.
#[derive(Clone, Debug, Default)]
pub(crate) struct Uncompared {
    /// Results up to this LSN were accepted by an earlier open.
    pub(crate) accepted: Lsn,
    /// Results between an aborted record that had been applied, and the abort.
    pub(crate) aborted: Vec<LsnRange>,
}

/// The result of one replayed record.
pub(super) struct ReplayedResult {
    pub(super) lsn: Lsn,
    /// The name of the mutation.
    pub(super) mutation: &'static str,
    pub(super) digest: Option<u64>,
    /// `false` if the type of the result was changed since the call.
    pub(super) is_same_type: bool,
    /// `true` if the type is compared only as it is written.
    pub(super) is_opaque: bool,
}

/// Compares the results of a replay with those of the calls.
pub(super) struct ResultCheck {
    path: PathBuf,
    uncompared: Uncompared,
    policy: ChangedResults,
    /// The LSN of the replay's checkpoint.
    from: Lsn,
    /// The end of the last interval, once a frame has given it.
    last: Option<Lsn>,
    /// The ends of intervals whose records aren't all replayed yet.
    ends: Vec<Applied>,
    /// The results since the last interval.
    results: Vec<ReplayedResult>,
    /// The last LSN before the next frame.
    replayed: Lsn,
    /// `true` if other results were accepted.
    pub(super) is_accepted: bool,
    /// The number of results that couldn't be compared, because their type was changed.
    pub(super) changed_types: u64,
}

impl ResultCheck {
    pub(super) fn new(path: PathBuf, uncompared: Uncompared, policy: ChangedResults, from: Lsn) -> Self {
        let (last, ends, results) = (None, Vec::new(), Vec::new());
        ResultCheck {
            path,
            uncompared,
            policy,
            from,
            last,
            ends,
            results,
            replayed: from,
            is_accepted: false,
            changed_types: 0,
        }
    }

    /// Adds a frame, whose records follow. The records of the frames before it are replayed, up to `before`.
    pub(super) fn frame(&mut self, applied: Applied, before: Lsn) -> Result<()> {
        self.replayed = self.replayed.max(before);
        self.close_intervals()?;
        self.ends.push(applied);
        self.close_intervals()
    }

    /// Adds the result of a replayed record.
    pub(super) fn result(&mut self, result: ReplayedResult) {
        self.changed_types += u64::from(result.digest.is_some() && !result.is_same_type);
        self.results.push(result);
    }

    /// Compares the intervals whose records are all replayed.
    fn close_intervals(&mut self) -> Result<()> {
        let count = self.ends.iter().take_while(|end| end.lsn <= self.replayed).count();
        for end in self.ends.drain(..count).collect::<Vec<_>>() {
            self.close(end)?;
        }
        Ok(())
    }

    fn close(&mut self, end: Applied) -> Result<()> {
        let begin = self.last.replace(end.lsn);
        let results: Vec<_> = self.results.extract_if(.., |result| result.lsn <= end.lsn).collect();
        let Some(begin) = begin.filter(|begin| end.digest != 0 && *begin >= self.from.max(self.uncompared.accepted))
        else {
            return Ok(());
        };
        let overlaps = |(first, last): &LsnRange| *first <= end.lsn && begin < *last;
        if self.uncompared.aborted.iter().any(overlaps) || results.iter().any(|result| !result.is_same_type) {
            return Ok(());
        }
        let mut digest = ResultDigest::default();
        results.iter().for_each(|result| digest.add(ResultDigest::of(result.lsn, result.digest)));
        if digest.get() == end.digest {
            return Ok(());
        }
        if self.policy == ChangedResults::Accept {
            self.is_accepted = true;
            return Ok(());
        }
        let is_opaque = results.iter().any(|result| result.is_opaque);
        // If no result counts now, the calls' results counted.
        let none_counts = results.iter().all(|result| result.digest.is_none());
        let counted = results.iter().filter(|result| none_counts || result.digest.is_some());
        let mutations: BTreeSet<_> = counted.map(|result| result.mutation.to_string()).collect();
        Err(Error::ChangedResults {
            path: self.path.clone(),
            first: Lsn::new(begin.get() + 1),
            last: end.lsn,
            mutations: mutations.into_iter().collect(),
            reason: if is_opaque { CHANGED_CODE_OR_TYPE } else { CHANGED_CODE },
        })
    }
}
