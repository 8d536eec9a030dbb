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

/// What the threads have done, to be checked. No thread is switched while its lock is held.
#[derive(Default)]
struct Seen {
    /// The number of answers to each call and request.
    answers: Vec<usize>,
    /// The calls that have entered the group, or are committed alone.
    pushed: Vec<usize>,
    /// The LSNs of the newest record that is durable, and of the newest that is applied.
    durable: usize,
    applied: usize,
    groups_ahead: usize,
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

    fn take_step(&self, step: TestStep) {
        let _turn = Turn(self);
        self.begin_applying();
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
            self.take_step(step);
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
            self.seen().pushed.extend(answer.as_ref().map(|answer| answer.call));
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
        if !self.handover.try_alone() {
            return false;
        }
        let mut turns = AloneTurns { world: self, logs: true };
        self.begin_logging();
        self.begin_applying();
        if chance(0.1) {
            return false;
        }
        let (answer, _receiver) = self.expect_answer();
        self.seen().pushed.push(answer.call);
        let Some(lsn) = self.record(1) else {
            self.answer(answer, None);
            return true;
        };
        let nudged = chance(0.3).then(|| self.nudge());
        if chance(0.5) {
            turns.end_log();
        }
        self.apply(lsn, 1);
        self.answer(answer, Some(lsn));
        drop(turns);
        if let Some(looked) = nudged {
            // An error says that the store has ended.
            let _ = looked.recv();
        }
        true
    }

    fn nudge(&self) -> Receiver<()> {
        let (sender, receiver) = channel();
        let mut seen = self.seen();
        if !seen.ended {
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
