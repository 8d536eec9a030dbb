//! What is only needed for checkpoints before the last two: the writer says what it is, and the checkpoint's thread removes
//! it, because a large file takes its time to go.

use crate::error::Result;
use crate::layout::{Dir, checkpoint_name, segment_name};
use crate::lsn::Lsn;

/// Checkpoints and segments that nothing needs any more, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Outdated {
    pub(crate) checkpoints: Vec<Lsn>,
    /// Segments that hold nothing above the oldest checkpoint that stays.
    pub(crate) segments: Vec<u64>,
}

impl Outdated {
    /// Removes it, and returns what is gone. A checkpoint that can't be removed still counts, and keeps its segments.
    pub(crate) fn remove(self, dir: &Dir) -> (Outdated, Result<()>) {
        let mut gone = Outdated::default();
        let removed = self.remove_into(dir, &mut gone);
        (gone, removed)
    }

    fn remove_into(self, dir: &Dir, gone: &mut Outdated) -> Result<()> {
        if self.checkpoints.is_empty() && self.segments.is_empty() {
            return Ok(());
        }
        for lsn in self.checkpoints {
            dir.remove_if_there(&checkpoint_name(lsn))?;
            gone.checkpoints.push(lsn);
        }
        // The checkpoints' removal first, and durably: else a crash could leave one without the log above it.
        dir.sync()?;
        for seq in self.segments {
            dir.remove_if_there(&segment_name(seq))?;
            gone.segments.push(seq);
        }
        if gone.segments.is_empty() { Ok(()) } else { dir.sync() }
    }
}
