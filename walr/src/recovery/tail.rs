//! The recovery table: findings at a place without a valid frame, and the verdict for each.
//!
//! A torn tail is what a power cut leaves of writes that weren't acknowledged, and is cut off. Everything else is corruption of durable
//! bytes, and is refused. The rows are tried from the top.

use std::io;
use std::sync::Arc;

use crate::log::segment::{Segment, look_ahead};
use crate::lsn::Lsn;

/// A finding at the place of the first invalid frame, whose number would be `j`.
#[derive(Clone, Debug)]
pub(crate) enum Finding {
    /// The file system can't read there.
    Unreadable(Arc<io::Error>),
    /// A later segment continues this one.
    NotLast,
    /// A valid header of a later frame, at this offset, proves that `j` was durable. A mark or a seal after `j` always does, because both
    /// are written only after a sync.
    ProvenDurable { offset: u64 },
    /// There is a checkpoint with a higher LSN. The log up to that LSN was durable before the checkpoint got its name.
    BelowCheckpoint(Lsn),
    /// The file is shorter than its reserved length, and no mark or seal ends it.
    Short { len: u64, reserved: u64 },
    /// Zeros to the end of the file.
    Zeros,
    /// Other bytes, up to this offset.
    Remains { end: u64 },
}

/// The consequence of a finding.
#[derive(Clone, Debug)]
pub(crate) enum TailVerdict {
    /// Report the file system's error.
    Fail(Arc<io::Error>),
    /// Refuse the store as corrupt, for this reason.
    Refuse(String),
    /// The log ends here.
    End,
    /// The log ends here. The bytes up to `end` are copied and cut off.
    Cut { end: u64 },
}

/// Returns the verdict for a finding.
pub(crate) fn judge(finding: Finding) -> TailVerdict {
    match finding {
        Finding::Unreadable(error) => TailVerdict::Fail(error),
        Finding::NotLast => TailVerdict::Refuse("a later segment continues the log".into()),
        Finding::ProvenDurable { offset } => {
            TailVerdict::Refuse(format!("a later frame, at byte {offset}, proves that this frame was durable"))
        }
        Finding::BelowCheckpoint(lsn) => {
            TailVerdict::Refuse(format!("the checkpoint of lsn {lsn} proves that the log was longer"))
        }
        Finding::Short { len, reserved } => TailVerdict::Refuse(format!(
            "the file was cut from {reserved} bytes to {len}, and no mark of a close ends it"
        )),
        Finding::Zeros => TailVerdict::End,
        Finding::Remains { end } => TailVerdict::Cut { end },
    }
}

/// Examines `segment`, the last one with a valid link, at `offset`, where frame `number` should begin.
///
/// `last` is the LSN before that frame, `newest` the LSN of the newest checkpoint, and `later` the segments after this one.
pub(crate) fn examine(
    segment: &Segment,
    offset: u64,
    number: u64,
    newest: Lsn,
    last: Lsn,
    later: &[Segment],
) -> Finding {
    let find = || -> io::Result<Finding> {
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
    find().unwrap_or_else(|error| Finding::Unreadable(Arc::new(error)))
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
    fn a_read_error_is_reported() {
        let finding = Finding::Unreadable(Arc::new(io::Error::other("bad sector")));
        assert!(matches!(judge(finding), TailVerdict::Fail(error) if error.to_string() == "bad sector"));
    }

    #[test]
    fn a_segment_before_others_is_never_cut() {
        assert!(refused(Finding::NotLast).contains("later segment"));
    }

    #[test]
    fn a_log_below_its_checkpoint_is_never_cut() {
        assert!(refused(Finding::BelowCheckpoint(Lsn::new(9))).contains("lsn 9"));
    }

    #[test]
    fn a_durable_frame_is_never_cut() {
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
    fn other_bytes_are_a_torn_tail() {
        assert!(matches!(judge(Finding::Remains { end: 7 }), TailVerdict::Cut { end: 7 }));
    }
}
