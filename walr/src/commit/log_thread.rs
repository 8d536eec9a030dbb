//! The log thread: takes groups and requests, keeps the clock, and closes the store.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::checkpointer::Checkpointer;
use super::core::Core;
use super::queue::{Closing, Group, Request, Step, send};
use crate::error::{Error, Result};
use crate::fs::{Lock, spawn};
use crate::options::{CheckpointPolicy, Durability};
use crate::panic;
use crate::schema::state::{Recorded, WalState};

/// The time that the log thread spins for the callers that were just answered.
const LINGER: Duration = Duration::from_micros(60);
/// The shortest time without calls before a mark.
const SHORTEST_IDLENESS: Duration = Duration::from_millis(10);
/// The log thread applies a group of at most this many records itself, also while other calls wait: `docs/performance.md` has the
/// measurement.
const FEW_RECORDS: usize = 512;

/// Runs until the store is closed.
pub(crate) fn run<S: WalState>(core: &Arc<Core<S>>, lock: Box<dyn Lock>) {
    let mut ending = Ending { core: core.clone(), lock, result: None };
    // A panic here is a defect of walr or of a `Drop` of the user. Every caller that waits gets an answer all the same.
    ending.result = Some(panic::catch(|| LogThread::new(core).run()).unwrap_or_else(|message| {
        let error = Error::Thread { reason: format!("the log thread panicked: {message}") };
        Err(error)
    }));
}

/// Ends every wait and unlocks the folder, however the thread ends.
struct Ending<S: Recorded> {
    core: Arc<Core<S>>,
    lock: Box<dyn Lock>,
    result: Option<Result<()>>,
}

impl<S: Recorded> Drop for Ending<S> {
    fn drop(&mut self) {
        let result = self.result.take().unwrap_or(Ok(()));
        if let Err(error @ Error::Thread { .. }) = &result {
            self.core.latch.get_or_init(|| error.clone().into());
        }
        self.core.queue.end();
        // A thread that still creates a segment must not do so in the next owner's folder.
        self.core.log.lock().journal.stop_preparing();
        let unlocked = self.lock.unlock().map_err(|e| Error::io("unlock", &self.core.dir.path, e));
        self.core.closed.send_replace(Some(result.and(unlocked)));
    }
}

/// The state thread. Its drop waits for the thread's end.
struct StateThread<'a, S: Recorded> {
    core: &'a Core<S>,
    thread: Option<JoinHandle<()>>,
}

impl<S: Recorded> Drop for StateThread<'_, S> {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            self.core.queue.end();
            // The thread catches its panics.
            let _ = thread.join();
        }
    }
}

struct LogThread<'a, S: Recorded> {
    core: &'a Arc<Core<S>>,
    checkpointer: Checkpointer<S>,
    state_thread: StateThread<'a, S>,
    /// The bytes that had been appended when the clock was last looked at, and the time since when no more were.
    appended: u64,
    quiet_since: Instant,
    /// The time to look at the clock again.
    deadline: Option<Instant>,
    /// The number of calls that may soon be there. The thread spins for them.
    expected: usize,
}

impl<'a, S: WalState> LogThread<'a, S> {
    fn new(core: &'a Arc<Core<S>>) -> Self {
        let checkpointer = Checkpointer::new(core);
        let state_thread = StateThread { core, thread: None };
        let quiet_since = Instant::now();
        let mut this =
            LogThread { core, checkpointer, state_thread, appended: 0, quiet_since, deadline: None, expected: 0 };
        this.deadline = this.next_deadline();
        this
    }

    fn run(mut self) -> Result<()> {
        self.checkpointer.write_if_due_at_open();
        loop {
            if self.expected > 0 {
                self.core.queue.spin_for(self.expected, LINGER);
            }
            let work = self.core.queue.next(self.deadline);
            self.expected = 0;
            match work.group {
                Some(group) => self.commit(group),
                None => self.core.take_steps(),
            }
            for request in work.requests {
                self.answer(request);
            }
            if let Some(closing) = work.closing {
                // No call is taken any more, and those before were in this group or an earlier one.
                return self.close(closing);
            }
            self.keep_the_clock();
            self.checkpointer.begin_if_due();
        }
    }

    /// Records a group, and applies it or leaves it to the state thread.
    fn commit(&mut self, group: Group<S>) {
        let core = self.core;
        let (calls, records) = (group.calls(), group.records);
        if !core.commit_group(group) {
            return;
        }
        // The calls that wait already will be committed with the next calls of those that are answered now.
        let waiting = core.queue.arrived();
        let is_short = waiting == 0 || records <= FEW_RECORDS;
        // A mutation must not stop the clock of `Periodic`.
        let applies_here = is_short && !matches!(core.config.durability, Durability::Periodic(_));
        if applies_here || !self.has_state_thread() {
            core.take_steps();
            self.expected = calls + waiting;
        } else {
            core.queue.handover.wake_state();
        }
        core.log.lock().prepare();
    }

    /// Returns whether there is a state thread, and starts it if this is the first need of one.
    fn has_state_thread(&mut self) -> bool {
        if self.state_thread.thread.is_some() {
            return true;
        }
        if !self.core.config.in_background {
            return false;
        }
        let core = self.core.clone();
        let work = move || {
            core.state_thread.get_or_init(|| std::thread::current().id());
            while let Some(step) = core.queue.handover.next_durable() {
                // A panic here has latched the store. The next steps are answered with that.
                let _ = panic::catch(|| core.take_step(step));
            }
        };
        match spawn("walr-state", Box::new(work)) {
            Ok(thread) => {
                self.state_thread.thread = Some(thread);
                self.core.queue.handover.set_state_thread();
                true
            }
            // Without it, this thread applies the calls.
            Err(_) => false,
        }
    }

    /// Waits until every durable group is applied.
    fn settle(&self) {
        self.core.queue.handover.wake_state();
        loop {
            self.core.take_steps();
            if self.core.queue.handover.settle() {
                return;
            }
        }
    }

    fn answer(&mut self, request: Request<S>) {
        match request {
            Request::Sync(answer) => {
                let synced = self.core.log.lock().sync();
                // The callers of the calls before it have their answers first.
                if let Err(Step::Synced(answer, synced)) = self.core.queue.handover.follow(Step::Synced(answer, synced))
                {
                    send(answer, synced);
                }
            }
            Request::Checkpoint(answer) => self.checkpointer.ask(answer),
            Request::CheckpointDone => self.checkpointer.finish(),
            Request::CheckpointOf(state, lsn, answer) => {
                self.settle();
                send(answer, self.checkpointer.write_given(state, lsn));
            }
            Request::AbortAbove(above, answer) => {
                self.settle();
                let aborted = self.core.log.lock().abort_above(above);
                send(answer, aborted);
            }
            Request::Snapshot(answer) => {
                self.settle();
                let snapshot = self.core.log.lock().snapshot();
                send(answer, snapshot);
            }
        }
    }

    /// Syncs and marks the log when that is due, and notes when to look again.
    fn keep_the_clock(&mut self) {
        let now = Instant::now();
        let mut log = self.core.log.lock();
        if log.journal.appended() != self.appended {
            (self.appended, self.quiet_since) = (log.journal.appended(), now);
        }
        if log.sync_deadline().is_some_and(|at| at <= now) {
            // A failure is latched, and reported to every later call.
            let _ = log.sync();
        }
        if self.mark_deadline(log.journal.is_marked()).is_some_and(|at| at <= now) {
            log.mark();
            // If there was no space for the mark, or a call isn't applied yet, it is tried again after the same time.
            (self.appended, self.quiet_since) = (log.journal.appended(), now);
        }
        drop(log);
        self.deadline = self.next_deadline();
    }

    fn next_deadline(&self) -> Option<Instant> {
        if self.core.latch.get().is_some() {
            return None;
        }
        let log = self.core.log.lock();
        let (sync, mark) = (log.sync_deadline(), self.mark_deadline(log.journal.is_marked()));
        sync.into_iter().chain(mark).min()
    }

    fn mark_deadline(&self, is_marked: bool) -> Option<Instant> {
        if is_marked {
            return None;
        }
        self.quiet_since.checked_add(self.core.config.idle_mark.max(SHORTEST_IDLENESS))
    }

    fn close(mut self, closing: Closing) -> Result<()> {
        let core = self.core;
        // Acknowledged calls of `Periodic` don't wait for a checkpoint, or for the mutations before it. A failure is latched.
        let _ = core.log.lock().sync();
        self.settle();
        core.checkpoint.unthrottle();
        while self.checkpointer.is_busy() {
            for request in core.queue.handover.next_requests() {
                self.answer(request);
            }
        }
        let mut result = Ok(());
        let wanted = core.config.checkpoint_on_close && core.config.checkpoint != CheckpointPolicy::Manual;
        if wanted && closing == Closing::Close && core.latch.get().is_none() {
            result = self.checkpointer.write_now().map(drop);
            if core.latch.get().is_none() {
                result = result.map_err(|error| Error::NoCheckpoint { cause: Arc::new(error) });
            }
        }
        let closed = core.log.lock().close();
        closed.and(result)
    }
}
