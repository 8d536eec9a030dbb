//! Taking records back on demand: an abort frame over them, and nothing is rewritten.

use super::{Committer, count_log};
use crate::error::{Error, Result};
use crate::log::layout::checkpoint_name;
use crate::lsn::Lsn;
use crate::schema::state::WalState;

impl<S: WalState> Committer<S> {
    /// Takes back every record above `above`, as durably as a call is recorded, and returns the last LSN of the log. It
    /// doesn't touch the live state: this is for a layer whose records aren't applied. Done twice, it is as done once.
    pub(crate) fn take_back_above(&mut self, above: Lsn) -> Result<Lsn> {
        self.core.failed()?;
        // What a checkpoint holds can't be taken back.
        let above = above.max(self.checkpoints.last().copied().unwrap_or_default());
        let last = Lsn::new(self.journal.next_lsn().get() - 1);
        if last <= above {
            return Ok(last);
        }
        if let Err(error) = self.journal.reserve_space(0, 1) {
            return Err(self.not_begun(error));
        }
        let range = (Lsn::new(above.get() + 1), last);
        self.journal.append_abort(&[range]);
        self.persist().inspect_err(|error| drop(self.latch(error.clone())))?;
        self.aborts.push(range);
        self.note_unsynced();
        count_log(&mut self.core.stats.lock(), &self.journal);
        self.prepare_ahead();
        Ok(last)
    }

    /// Makes sure that no checkpoint of `lsn` is there that doesn't count: its rename may have been done when the folder's
    /// sync failed. Else what it holds could still be taken back, and would be there after the next open.
    pub(super) fn disown_checkpoint(&mut self, lsn: Lsn) {
        if self.checkpoints.contains(&lsn) {
            return;
        }
        let dir = &self.core.dir;
        if let Err(error) = dir.remove_if_there(&checkpoint_name(lsn)).and_then(|()| dir.sync()) {
            self.latch(error);
        }
    }

    /// What is told when there was no room: nothing of the call is written.
    pub(super) fn not_begun(&self, error: Error) -> Error {
        match error {
            // The sealing of the old segment failed.
            Error::Commit { .. } => Error::Failed { cause: self.latch(error) },
            other => other,
        }
    }
}
