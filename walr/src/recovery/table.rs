//! The recovery table: what is known about a place where a frame should stand and none does, and what follows from it.
//!
//! A torn tail is what a power cut leaves of writes that nobody had acknowledged, and it may be cut. Everything else is
//! damage to what was durable, and is refused. The rows are tried from the top.

use std::io;
use std::sync::Arc;

use crate::log::segment::{Segment, look_ahead};
use crate::lsn::Lsn;

/// What is known about the place of the first frame that isn't valid: frame number `j`.
#[derive(Clone, Debug)]
pub(crate) enum Finding {
    /// The file system can't read there.
    Unreadable(Arc<io::Error>),
    /// A later segment has frames that follow on this one's end.
    NotLast,
    /// A valid header of a later frame, at this offset, says that `j` was durable. A mark or a seal after `j` always does,
    /// because both are written only when all before them is synced.
    ProvenDurable { offset: u64 },
    /// A checkpoint of a higher LSN exists, and the log up to it was durable before that got its name.
    BelowCheckpoint(Lsn),
    /// The file is shorter than it was made, and no mark or seal ends it.
    Short { len: u64, reserved: u64 },
    /// Zeros to the end of the file.
    Zeros,
    /// Something else, up to this offset.
    Remains { end: u64 },
}

/// What to do about it.
#[derive(Clone, Debug)]
pub(crate) enum TailVerdict {
    /// Report the file system's error.
    Fail(Arc<io::Error>),
    /// Refuse the store as damaged, for this reason.
    Refuse(String),
    /// The log ends here.
    End,
    /// The log ends here, and a copy of what stands up to `end` is kept.
    Cut { end: u64 },
}

/// The table.
pub(crate) fn judge(finding: Finding) -> TailVerdict {
    match finding {
        Finding::Unreadable(error) => TailVerdict::Fail(error),
        Finding::NotLast => TailVerdict::Refuse("later segments follow on it".into()),
        Finding::ProvenDurable { offset } => {
            TailVerdict::Refuse(format!("a later frame, at byte {offset}, proves that it was durable"))
        }
        Finding::BelowCheckpoint(lsn) => {
            TailVerdict::Refuse(format!("the checkpoint of lsn {lsn} proves that the log reached farther"))
        }
        Finding::Short { len, reserved } => {
            TailVerdict::Refuse(format!("the file was cut from {reserved} bytes to {len}, and no closing mark ends it"))
        }
        Finding::Zeros => TailVerdict::End,
        Finding::Remains { end } => TailVerdict::Cut { end },
    }
}

/// What is known about `offset` of `segment`, the last one, where frame `number` should stand: with `last` as the LSN
/// before it, `newest` as the newest checkpoint's, and `later` as the segments behind it that hold no valid link.
pub(crate) fn examine(
    segment: &Segment,
    offset: u64,
    number: u64,
    newest: Lsn,
    last: Lsn,
    later: &[Segment],
) -> Finding {
    let look = || -> io::Result<Finding> {
        let here = look_ahead(segment, offset, number)?;
        let len = segment.file.len()?;
        let mut proof = here.durable;
        for segment in later {
            let there = look_ahead(segment, crate::log::frame::BLOCK, number)?;
            proof = proof.max(there.durable);
        }
        Ok(match proof {
            Some((durable, offset)) if durable >= number => Finding::ProvenDurable { offset },
            _ if last < newest => Finding::BelowCheckpoint(newest),
            _ if len < segment.reserved => Finding::Short { len, reserved: segment.reserved },
            _ if here.end == offset => Finding::Zeros,
            _ => Finding::Remains { end: here.end },
        })
    };
    look().unwrap_or_else(|error| Finding::Unreadable(Arc::new(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(finding: Finding) -> String {
        match judge(finding) {
            TailVerdict::Refuse(reason) => reason,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_read_error_is_reported_as_it_is() {
        let finding = Finding::Unreadable(Arc::new(io::Error::other("the disk is ill")));
        assert!(matches!(judge(finding), TailVerdict::Fail(error) if error.to_string() == "the disk is ill"));
    }

    #[test]
    fn a_segment_in_the_middle_is_never_cut() {
        assert!(refused(Finding::NotLast).contains("later segments"));
    }

    #[test]
    fn a_log_below_its_checkpoint_is_never_cut() {
        assert!(refused(Finding::BelowCheckpoint(Lsn::new(9))).contains("lsn 9"));
    }

    #[test]
    fn what_was_durable_is_never_cut() {
        assert!(refused(Finding::ProvenDurable { offset: 4176 }).contains("byte 4176"));
    }

    #[test]
    fn a_shortened_file_is_refused() {
        assert!(refused(Finding::Short { len: 5, reserved: 9 }).contains("from 9 bytes to 5"));
    }

    #[test]
    fn zeros_are_a_clean_end() {
        assert!(matches!(judge(Finding::Zeros), TailVerdict::End));
    }

    #[test]
    fn the_rest_is_a_torn_tail() {
        assert!(matches!(judge(Finding::Remains { end: 7 }), TailVerdict::Cut { end: 7 }));
    }
}
