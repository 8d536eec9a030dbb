//! The hand-over in many schedules of its threads: a model of a store, whose calls are numbers, under `shuttle`.
//!
//! The threads take the turns as those of [`log_thread`](super::log_thread), [`state_half`](super::state_half) and
//! [`alone`](super::alone) do. A lost wake-up is a deadlock, which `shuttle` reports.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use shuttle::rand::{Rng, thread_rng};
use shuttle::sync::mpsc::{Receiver, Sender, channel};
use shuttle::thread::{self, JoinHandle};

use self::handover::{Calls, Closing, Handover, MOST_AHEAD};

// A second copy of the type, whose `super::sync` is the module below.
#[allow(clippy::duplicate_mod)]
#[path = "handover.rs"]
mod handover;

/// The lock and the condition variable of `shuttle`.
mod sync {
    use std::time::Instant;

    use shuttle::rand::{Rng, thread_rng};
    use shuttle::sync::{Condvar, Mutex, MutexGuard};

    pub(super) struct Lock<T>(Mutex<T>);

    impl<T> Lock<T> {
        pub(super) fn new(value: T) -> Self {
            Lock(Mutex::new(value))
        }

        pub(super) fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().unwrap()
        }
    }

    #[derive(Default)]
    pub(super) struct Wake(Condvar);

    impl Wake {
        /// Waits until it is notified. A deadline fires at random, before the wait.
        pub(super) fn wait<'a, T>(
            &self,
            guard: MutexGuard<'a, T>,
            deadline: Option<Instant>,
        ) -> (MutexGuard<'a, T>, bool) {
            if deadline.is_some() && thread_rng().gen_bool(0.3) {
                return (guard, false);
            }
            (self.0.wait(guard).unwrap(), true)
        }

        pub(super) fn notify(&self) {
            self.0.notify_one();
        }
    }
}

/// The sender of an answer: the LSN, or `None` if the group failed.
struct Answer {
    call: usize,
    sender: Sender<Option<usize>>,
}

#[derive(Default)]
struct TestGroup(Vec<Answer>);

impl Calls for TestGroup {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

enum TestStep {
    Apply { first: usize, calls: Vec<Answer> },
    Synced(Answer),
}

enum TestRequest {
    Sync(Answer),
    /// Answered once every call before it is applied.
    Settle(Answer),
    Checkpoint(Answer),
    CheckpointDone,
}

/// The record of the threads' steps, which the test checks. `shuttle` switches no thread while this lock is held.
#[derive(Default)]
struct Seen {
    /// The number of answers to each call and request.
    answers: Vec<usize>,
    /// The calls that have entered the group, or are committed alone.
    pushed: Vec<usize>,
    /// Those of them that are recorded, or failed.
    recorded: Vec<usize>,
    /// The LSNs of the newest record that is durable, and of the newest that is applied.
    durable: usize,
    applied: usize,
    groups_ahead: usize,
    /// The number of steps that are durable and wait for a turn of the state.
    waiting: usize,
    /// The number of calls in the group.
    unrecorded: usize,
    /// `true` while the log thread may wait for an application.
    settling: bool,
    /// The applications that go on only once the log thread has gone on, as user code that takes long.
    long_applications: Vec<Sender<()>>,
    logging: bool,
    applying: bool,
    ended: bool,
    /// Those that wait until the log thread looks at its clock.
    nudges: Vec<Sender<()>>,
}

struct World {
    handover: Handover<TestGroup, TestRequest, TestStep>,
    seen: Mutex<Seen>,
    has_clock: bool,
    in_background: bool,
    may_die: bool,
    is_slow: bool,
}

fn chance(probability: f64) -> bool {
    thread_rng().gen_bool(probability)
}

impl World {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }

    fn expect_answer(&self) -> (Answer, Receiver<Option<usize>>) {
        let (sender, receiver) = channel();
        let mut seen = self.seen();
        seen.answers.push(0);
        (Answer { call: seen.answers.len() - 1, sender }, receiver)
    }

    fn answer(&self, answer: Answer, result: Option<usize>) {
        let mut seen = self.seen();
        seen.answers[answer.call] += 1;
        assert!(result.is_none_or(|lsn| lsn <= seen.durable), "an answer before its group is durable");
        drop(seen);
        let _ = answer.sender.send(result);
    }

    /// Drops an answer of a store that has ended.
    fn give_up(&self, answer: Answer) {
        self.seen().answers[answer.call] += 1;
    }

    /// Notes what the log thread does, and lets the long applications go on.
    fn log_goes_on(&self, note: impl FnOnce(&mut Seen)) {
        let mut seen = self.seen();
        note(&mut seen);
        let released = std::mem::take(&mut seen.long_applications);
        drop(seen);
        released.into_iter().for_each(drop);
    }

    /// Applies for long in a slow world: whenever the log thread can take a group, this waits until it has taken one.
    fn apply_for_long(&self) {
        for _ in 0..if self.is_slow { 30 } else { 0 } {
            let (sender, receiver) = channel::<()>();
            let mut seen = self.seen();
            if seen.unrecorded > 0 && seen.waiting < MOST_AHEAD && !seen.settling && !seen.ended {
                seen.long_applications.push(sender);
                drop(seen);
                // The drop of the sender is the signal.
                let _ = receiver.recv();
            } else {
                drop(seen);
                thread::yield_now();
            }
        }
    }

    fn begin_logging(&self) {
        assert!(!std::mem::replace(&mut self.seen().logging, true), "two threads write calls");
        thread::yield_now();
    }

    fn begin_applying(&self) {
        assert!(!std::mem::replace(&mut self.seen().applying, true), "two threads apply");
        thread::yield_now();
    }

    /// Makes calls durable. Returns the first LSN, or `None` if that fails.
    fn record(&self, calls: usize) -> Option<usize> {
        thread::yield_now();
        if chance(0.15) {
            return None;
        }
        let mut seen = self.seen();
        seen.durable += calls;
        Some(seen.durable + 1 - calls)
    }

    fn apply(&self, first: usize, calls: usize) {
        thread::yield_now();
        let mut seen = self.seen();
        assert_eq!(first, seen.applied + 1, "the groups are applied in another order");
        seen.applied += calls;
        assert!(seen.applied <= seen.durable, "applied before it is durable");
    }

    fn take_step(&self, step: TestStep, is_log_thread: bool) {
        let _turn = Turn(self);
        self.seen().waiting -= 1;
        self.begin_applying();
        if !is_log_thread {
            self.apply_for_long();
        }
        match step {
            TestStep::Apply { first, calls } => {
                self.apply(first, calls.len());
                self.seen().groups_ahead -= 1;
                let panics_at = if chance(0.1) { thread_rng().gen_range(0..calls.len()) } else { calls.len() };
                for (at, answer) in calls.into_iter().enumerate() {
                    // A panic drops the answers that are left. It doesn't unwind here, because `shuttle` would fail the test.
                    if at < panics_at { self.answer(answer, Some(first + at)) } else { self.give_up(answer) }
                }
            }
            TestStep::Synced(answer) => self.answer(answer, None),
        }
    }

    fn take_steps(&self) {
        while let Some(step) = self.handover.begin_applying() {
            self.take_step(step, true);
        }
    }

    /// Sends a request and waits for its answer. Every call before it must then have its answer.
    fn request(&self, of: impl FnOnce(Answer) -> TestRequest, comes_after_calls: bool) {
        let (answer, receiver) = self.expect_answer();
        let before = self.seen().pushed.clone();
        if let Err(TestRequest::Sync(answer) | TestRequest::Settle(answer) | TestRequest::Checkpoint(answer)) =
            self.handover.request(of(answer))
        {
            return self.give_up(answer);
        }
        if receiver.recv().is_ok() && comes_after_calls {
            let seen = self.seen();
            assert!(before.iter().all(|&call| seen.answers[call] == 1), "a request overtakes a call");
        }
    }

    /// Pushes a call, and returns the receiver of its answer, unless the store is closed.
    fn push(&self) -> Option<Receiver<Option<usize>>> {
        let (answer, receiver) = self.expect_answer();
        let mut answer = Some(answer);
        self.handover.push(|group| {
            let mut seen = self.seen();
            seen.pushed.extend(answer.as_ref().map(|answer| answer.call));
            seen.unrecorded += 1;
            drop(seen);
            group.0.extend(answer.take());
        });
        answer.map_or(Some(receiver), |answer| {
            assert!(self.handover.is_closed());
            self.give_up(answer);
            None
        })
    }

    /// Commits a call on this thread, if nothing is pending. Returns `false` if the call must be pushed.
    fn commit_alone(&self) -> bool {
        let before = self.seen().pushed.clone();
        if !self.handover.try_alone() {
            return false;
        }
        assert!(before.iter().all(|call| self.seen().recorded.contains(call)), "a caller alone overtakes a call");
        let mut turns = AloneTurns { world: self, logs: true };
        self.begin_logging();
        self.begin_applying();
        if chance(0.1) {
            return false;
        }
        let (answer, _receiver) = self.expect_answer();
        self.seen().pushed.push(answer.call);
        let recorded = self.record(1);
        self.seen().recorded.push(answer.call);
        let Some(lsn) = recorded else {
            self.answer(answer, None);
            return true;
        };
        if chance(0.3) {
            // The log thread looks at its clock while this call is applied. An error says that it settles, or has ended.
            let _ = self.nudge().recv();
        }
        if chance(0.5) {
            turns.end_log();
            self.apply_for_long();
        }
        self.apply(lsn, 1);
        self.answer(answer, Some(lsn));
        true
    }

    fn nudge(&self) -> Receiver<()> {
        let (sender, receiver) = channel();
        let mut seen = self.seen();
        if !seen.ended && !seen.settling {
            seen.nudges.push(sender);
        }
        drop(seen);
        self.handover.nudge();
        receiver
    }

    fn end(&self) -> bool {
        let (group, requests, steps) = self.handover.end(TestGroup::default());
        let is_empty = group.0.is_empty() && steps.is_empty();
        group.0.into_iter().for_each(|answer| self.give_up(answer));
        for request in requests {
            match request {
                TestRequest::Sync(answer) | TestRequest::Settle(answer) | TestRequest::Checkpoint(answer) => {
                    self.give_up(answer);
                }
                TestRequest::CheckpointDone => {}
            }
        }
        for step in steps {
            match step {
                TestStep::Apply { calls, .. } => calls.into_iter().for_each(|answer| self.give_up(answer)),
                TestStep::Synced(answer) => self.give_up(answer),
            }
        }
        is_empty
    }
}

/// A turn of the state. Its drop ends the turn.
struct Turn<'a>(&'a World);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.seen().applying = false;
        self.0.handover.applied();
    }
}

struct AloneTurns<'a> {
    world: &'a World,
    logs: bool,
}

impl AloneTurns<'_> {
    fn end_log(&mut self) {
        self.logs = false;
        self.world.seen().logging = false;
        self.world.handover.logged_alone();
    }
}

impl Drop for AloneTurns<'_> {
    fn drop(&mut self) {
        let mut seen = self.world.seen();
        seen.applying = false;
        seen.logging &= !self.logs;
        drop(seen);
        self.world.handover.done_alone(self.logs);
    }
}

mod model;
