//! The writer's thread: takes groups and requests, minds the clock, and closes the store.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::checkpointer::Checkpointer;
use super::queue::{Closing, Group, Request, reply};
use super::{Committer, Core};
use crate::error::{Error, Result};
use crate::fs::Lock;
use crate::options::{CheckpointPolicy, Durability};
use crate::panic;
use crate::schema::state::{Recorded, WalState};

/// How long the writer looks for the callers that it has just answered.
const LINGER: Duration = Duration::from_micros(60);
/// However soon a mark is wanted, it is tried no more often than this.
const SHORTEST_IDLENESS: Duration = Duration::from_millis(10);

/// Runs until the store is closed.
pub(crate) fn run<S: WalState>(core: &Arc<Core<S>>, committer: &Mutex<Committer<S>>, lock: Box<dyn Lock>) {
    let mut ending = Ending { core: core.clone(), committer, lock, result: None };
    // A panic here is a defect of walr's or a `Drop` of the user's; whoever waits must hear of it all the same.
    ending.result = Some(panic::catch(|| Writer::new(core, committer).run()).unwrap_or_else(|message| {
        let error = Error::Thread { reason: format!("the writer panicked: {message}") };
        Err(error)
    }));
}

/// Ends every wait and unlocks, however the thread ends.
struct Ending<'a, S: Recorded> {
    core: Arc<Core<S>>,
    committer: &'a Mutex<Committer<S>>,
    lock: Box<dyn Lock>,
    result: Option<Result<()>>,
}

impl<S: Recorded> Drop for Ending<'_, S> {
    fn drop(&mut self) {
        let result = self.result.take().unwrap_or(Ok(()));
        if let Err(error @ Error::Thread { .. }) = &result {
            self.core.latch.get_or_init(|| error.clone().into());
        }
        self.core.queue.end();
        // A thread that still makes a segment must not do so in the next owner's folder.
        self.committer.lock().journal.stop_preparing();
        let unlocked = self.lock.unlock().map_err(|e| Error::io("unlock", &self.core.dir.path, e));
        self.core.closed.send_replace(Some(result.and(unlocked)));
    }
}

/// Latches the store when a commit panics outside of a mutation.
pub(super) struct Fuse<'a, S: Recorded> {
    core: &'a Core<S>,
    /// A caller's thread may be unwinding already, and use its handle in a `Drop`.
    before: bool,
}

impl<'a, S: Recorded> Fuse<'a, S> {
    pub(super) fn new(core: &'a Core<S>) -> Self {
        Fuse { core, before: std::thread::panicking() }
    }
}

impl<S: Recorded> Drop for Fuse<'_, S> {
    fn drop(&mut self) {
        if std::thread::panicking() && !self.before {
            let reason = "a commit panicked half-way".to_string();
            self.core.latch.get_or_init(|| Arc::new(Error::Thread { reason }));
        }
    }
}

struct Writer<'a, S: Recorded> {
    core: &'a Core<S>,
    committer: &'a Mutex<Committer<S>>,
    checkpointer: Checkpointer<S>,
    /// What had been appended when the clock was last looked at, and since when no more was.
    appended: u64,
    quiet_since: Instant,
    /// When to look at the clock again.
    deadline: Option<Instant>,
    /// How many calls the last group had.
    group: usize,
    /// How many may soon be there.
    expected: usize,
}

impl<'a, S: WalState> Writer<'a, S> {
    fn new(core: &'a Arc<Core<S>>, committer: &'a Mutex<Committer<S>>) -> Self {
        let checkpointer = Checkpointer::new(core);
        let quiet_since = Instant::now();
        let mut writer =
            Writer { core, committer, checkpointer, appended: 0, quiet_since, deadline: None, group: 0, expected: 0 };
        writer.deadline = writer.next_deadline(&committer.lock());
        writer
    }

    fn run(mut self) -> Result<()> {
        let mut spare = Group::new();
        self.checkpointer.catch_up(&mut self.committer.lock());
        loop {
            self.linger();
            self.core.queue.wait(self.deadline);
            // Taken under the committer's lock: a caller that commits by itself must see what is in the queue before it.
            let mut committer = self.committer.lock();
            // Dropped before the lock is: nobody commits on top of what a panic left half done.
            let _fuse = Fuse::new(self.core);
            let mut work = self.core.queue.take(spare);
            self.group = work.group.calls.len();
            if self.group > 0 {
                let began = Instant::now();
                committer.commit(&mut work.group);
                self.core.queue.note(self.group, began.elapsed());
                self.expected = committer.expected(self.group);
            }
            spare = self.core.queue.done(work.group);
            for request in work.requests {
                self.answer(&mut committer, request);
            }
            if let Some(closing) = work.closing {
                // No call is taken any more, and those of before were in this group or an earlier one.
                return self.close(&mut committer, closing);
            }
            self.mind_the_clock(&mut committer);
            self.checkpointer.begin_if_due(&mut committer);
        }
    }

    /// After a group, spins before it sleeps or writes: callers that were just answered are likely to call again at once. A lone
    /// caller's next call is then committed without a wake-up. With several callers, half of their next calls would just miss the next
    /// sync, so that this sync waits for them, for at most [`LINGER`].
    fn linger(&self) {
        if self.group > 0 {
            self.core.queue.look_for(self.expected, LINGER);
        }
    }

    fn answer(&mut self, committer: &mut Committer<S>, request: Request<S>) {
        match request {
            Request::Sync(answer) => reply(answer, committer.sync()),
            Request::Checkpoint(answer) => self.checkpointer.ask(committer, answer),
            Request::Checkpointed(lsn, bytes, answer) => reply(answer, self.checkpointer.named(committer, lsn, bytes)),
            Request::CheckpointDone => self.checkpointer.finish(committer),
            Request::CheckpointOf(state, lsn, answer) => {
                reply(answer, self.checkpointer.write_given(committer, state, lsn));
            }
            Request::TakeBack(above, answer) => reply(answer, committer.take_back_above(above)),
            Request::Snapshot(answer) => reply(answer, committer.snapshot()),
        }
    }

    /// Does what is due without being asked for, and notes when the next such thing is.
    fn mind_the_clock(&mut self, committer: &mut Committer<S>) {
        let now = Instant::now();
        if committer.journal.appended() != self.appended {
            (self.appended, self.quiet_since) = (committer.journal.appended(), now);
        }
        if self.sync_deadline(committer).is_some_and(|at| at <= now) {
            // A failure is latched, and told to every later call.
            let _ = committer.sync();
        }
        if self.mark_deadline(committer).is_some_and(|at| at <= now) {
            committer.mark();
            // Where there was no room for it, it is tried again after as long again.
            (self.appended, self.quiet_since) = (committer.journal.appended(), now);
        }
        self.deadline = self.next_deadline(committer);
    }

    fn next_deadline(&self, committer: &Committer<S>) -> Option<Instant> {
        if self.core.latch.get().is_some() {
            return None;
        }
        match (self.sync_deadline(committer), self.mark_deadline(committer)) {
            (Some(sync), Some(mark)) => Some(sync.min(mark)),
            (sync, mark) => sync.or(mark),
        }
    }

    fn sync_deadline(&self, committer: &Committer<S>) -> Option<Instant> {
        let Durability::Periodic(period) = self.core.config.durability else { return None };
        committer.unsynced_since.and_then(|since| since.checked_add(period))
    }

    fn mark_deadline(&self, committer: &Committer<S>) -> Option<Instant> {
        if committer.journal.is_marked() {
            return None;
        }
        self.quiet_since.checked_add(self.core.config.idle_mark.max(SHORTEST_IDLENESS))
    }

    fn close(mut self, committer: &mut Committer<S>, closing: Closing) -> Result<()> {
        let core = self.core;
        // What `Periodic` has acknowledged doesn't wait for a checkpoint. A failure is latched.
        let _ = committer.sync();
        core.checkpoint.unthrottle();
        while self.checkpointer.is_busy() {
            for request in core.queue.take_requests() {
                self.answer(committer, request);
            }
        }
        let mut result = Ok(());
        let wanted = core.config.checkpoint_on_close && core.config.checkpoint != CheckpointPolicy::Manual;
        if wanted && closing == Closing::Close && core.latch.get().is_none() {
            result = self.checkpointer.write_now(committer).map(drop);
            if core.latch.get().is_none() {
                result = result.map_err(|error| Error::NoCheckpoint { cause: Arc::new(error) });
            }
        }
        committer.close().and(result)
    }
}
