//! The writer's thread: takes groups and requests, minds the clock, and closes the store.

use std::time::Instant;

use tokio::sync::oneshot;

use super::checkpointer::Checkpointer;
use super::queue::{Closing, Group, Request};
use super::{Committer, Core};
use crate::error::{Error, Result};
use crate::fs::Lock;
use crate::lsn::Lsn;
use crate::options::{CheckpointPolicy, Durability};
use crate::panic;
use crate::state::{Recorded, WalState};

/// Runs until the store is closed.
pub(crate) fn run<S: WalState>(committer: Committer<S>, lock: Box<dyn Lock>) {
    let mut ending = Ending { core: committer.core.clone(), lock, result: None };
    // A panic here is a defect of walr's or a `Drop` of the user's; whoever waits must hear of it all the same.
    ending.result = Some(panic::catch(move || Writer::new(committer).run()).unwrap_or_else(|message| {
        let error = Error::Thread { reason: format!("the writer panicked: {message}") };
        Err(error)
    }));
}

/// Ends every wait and unlocks, however the thread ends.
struct Ending<S: Recorded> {
    core: std::sync::Arc<Core<S>>,
    lock: Box<dyn Lock>,
    result: Option<Result<()>>,
}

impl<S: Recorded> Drop for Ending<S> {
    fn drop(&mut self) {
        let result = self.result.take().unwrap_or(Ok(()));
        if let Err(error @ Error::Thread { .. }) = &result {
            self.core.latch.get_or_init(|| error.clone().into());
        }
        let unlocked = self.lock.unlock().map_err(|e| Error::io("unlock", &self.core.dir.path, e));
        self.core.queue.end();
        self.core.closed.send_replace(Some(result.and(unlocked)));
    }
}

struct Writer<S: Recorded> {
    committer: Committer<S>,
    checkpointer: Checkpointer<S>,
    /// When the oldest record that isn't synced yet came in.
    unsynced_since: Option<Instant>,
    last_group: Instant,
}

impl<S: WalState> Writer<S> {
    fn new(committer: Committer<S>) -> Self {
        let checkpointer = Checkpointer::new(&committer);
        Writer { committer, checkpointer, unsynced_since: None, last_group: Instant::now() }
    }

    fn run(mut self) -> Result<()> {
        let mut spare = Group::new();
        loop {
            let core = self.committer.core.clone();
            let mut work = core.queue.take(spare, self.deadline());
            if !work.group.calls.is_empty() {
                self.committer.commit(&mut work.group);
                self.last_group = Instant::now();
            }
            spare = core.queue.done(work.group);
            for request in work.requests {
                self.answer(request);
            }
            self.mind_the_clock();
            if let Some(closing) = work.closing {
                // No call is taken any more, and those of before were in this group or an earlier one.
                return self.close(closing);
            }
            self.checkpointer.begin_if_due(&self.committer);
        }
    }

    fn answer(&mut self, request: Request) {
        match request {
            Request::Sync(answer) => reply(answer, self.committer.sync()),
            Request::Checkpoint(answer) => self.checkpointer.ask(&mut self.committer, answer),
            Request::CheckpointDone => self.checkpointer.finish(&mut self.committer),
        }
    }

    /// When something is to be done though nobody asks for it.
    fn deadline(&self) -> Option<Instant> {
        if self.committer.core.latch.get().is_some() {
            return None;
        }
        let sync = self.sync_deadline();
        let mark = self.mark_deadline();
        match (sync, mark) {
            (Some(sync), Some(mark)) => Some(sync.min(mark)),
            (sync, mark) => sync.or(mark),
        }
    }

    fn sync_deadline(&self) -> Option<Instant> {
        let Durability::Periodic(period) = self.committer.core.config.durability else { return None };
        self.unsynced_since.and_then(|since| since.checked_add(period))
    }

    fn mark_deadline(&self) -> Option<Instant> {
        if self.committer.journal.is_marked() {
            return None;
        }
        self.last_group.checked_add(self.committer.core.config.idle_mark)
    }

    fn mind_the_clock(&mut self) {
        let now = Instant::now();
        if self.committer.core.latch.get().is_some() {
            return;
        }
        if self.sync_deadline().is_some_and(|at| at <= now) {
            // A failure is latched, and told to every later call.
            let _ = self.committer.sync();
        }
        if self.mark_deadline().is_some_and(|at| at <= now) {
            self.committer.mark();
            // Where there was no room for it, it is tried again after as long again.
            self.last_group = now;
        }
        self.unsynced_since = match (self.committer.journal.has_unsynced(), self.unsynced_since) {
            (true, None) => Some(now),
            (true, since) => since,
            (false, _) => None,
        };
    }

    fn close(mut self, closing: Closing) -> Result<()> {
        let core = self.committer.core.clone();
        while self.checkpointer.is_busy() {
            for request in core.queue.take_requests() {
                self.answer(request);
            }
        }
        let mut result = Ok(());
        if let Some(cause) = core.latch.get() {
            result = Err(Error::Failed { cause: cause.clone() });
        } else {
            if closing == Closing::Close && core.config.checkpoint != CheckpointPolicy::Manual {
                result = self.checkpointer.write_now(&mut self.committer).map(drop);
            }
            let closed = self.committer.journal.close();
            if let Err(error) = &closed {
                self.committer.latch(error.clone());
            }
            result = closed.and(result);
        }
        result
    }
}

/// Answers one who may not be waiting any more.
pub(super) fn reply(answer: oneshot::Sender<Result<Lsn>>, result: Result<Lsn>) {
    let _ = answer.send(result);
}
