//! The hand-over between the two halves of a store: a state machine of who writes the log, and who changes the state.
//!
//! A call waits in the *group*. The log thread takes the group, makes it as durable as the options ask, and hands it over. Then it is
//! *durable*, and is applied in its turn. At most one thread writes calls to the log, and at most one applies calls:
//!
//! ```text
//!            push            next                 hand_over              begin_applying        applied
//!  caller ----------> group ------> log thread ------------> durable queue ----------> a thread --------> answered
//!     \                                                                                   ^
//!      \---------------- try_alone: both turns at once, if nothing is pending ------------/
//! ```
//!
//! Any thread may apply: the log thread when nothing else waits for it, so that a lone caller is served without a second thread; the
//! state thread under load; a caller that took both turns. The end of a turn wakes the thread that can continue.

use std::collections::VecDeque;
use std::time::Instant;

use super::sync::{Lock, Wake};

/// The most groups that are durable and wait to be applied.
pub(crate) const MOST_AHEAD: usize = 4;

/// The ways in which a store is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Closing {
    /// `close` was called: the store writes a checkpoint.
    Close,
    /// The last handle was dropped: the store writes no checkpoint.
    Drop,
}

/// The calls that become one frame.
pub(super) trait Calls {
    fn is_empty(&self) -> bool;
}

/// The hand-over of groups `G`, requests to the log thread `R`, and durable groups `D`.
pub(super) struct Handover<G, R, D> {
    /// Held briefly: never across a write, a sync or an application, so that a blocking lock is right on an async worker too.
    inner: Lock<Inner<G, R, D>>,
    log: Wake,
    state: Wake,
}

struct Inner<G, R, D> {
    group: G,
    requests: Vec<R>,
    closing: Option<Closing>,
    /// `true` once nothing more is taken.
    ended: bool,
    /// `true` while a thread writes calls to the log. Calls enter the log in the order of these turns.
    logging: bool,
    /// The durable groups, in the order of their LSNs.
    durable: VecDeque<D>,
    /// `true` while a thread applies calls.
    applying: bool,
    /// `true` while the state thread runs.
    has_state_thread: bool,
    log_sleeps: bool,
    state_sleeps: bool,
    /// `true` while the log thread waits for the durable groups to be applied.
    settling: bool,
    /// `true` if the log thread is to look at its clock.
    nudged: bool,
}

/// The work of the log thread.
pub(super) struct Work<G, R> {
    pub(super) group: Option<G>,
    pub(super) requests: Vec<R>,
    /// Set once every call is taken.
    pub(super) closing: Option<Closing>,
}

impl<G: Calls, R, D> Inner<G, R, D> {
    fn takes_group(&self) -> bool {
        !self.group.is_empty() && !self.logging && self.durable.len() < MOST_AHEAD
    }

    /// Returns whether the log thread has something to do. Requests wait for the calls before them.
    fn has_work(&self) -> bool {
        let is_stuck = !self.group.is_empty() && !self.takes_group();
        let asked = self.takes_group() || !self.requests.is_empty() || self.closing.is_some();
        asked && !is_stuck || self.nudged || self.can_apply() && !self.has_state_thread
    }

    fn can_apply(&self) -> bool {
        !self.durable.is_empty() && !self.applying
    }

    fn is_settled(&self) -> bool {
        self.durable.is_empty() && !self.applying
    }
}

impl<G: Calls, R, D> Handover<G, R, D> {
    pub(super) fn new(group: G) -> Self {
        let inner = Inner {
            group,
            requests: Vec::new(),
            closing: None,
            ended: false,
            logging: false,
            durable: VecDeque::new(),
            applying: false,
            has_state_thread: false,
            log_sleeps: false,
            state_sleeps: false,
            settling: false,
            nudged: false,
        };
        Handover { inner: Lock::new(inner), log: Wake::default(), state: Wake::default() }
    }

    /// Adds a call to the group by `add`. Returns `false` if the store takes no more calls.
    pub(super) fn push(&self, add: impl FnOnce(&mut G)) -> bool {
        let mut inner = self.inner.lock();
        if inner.closing.is_some() || inner.ended {
            return false;
        }
        add(&mut inner.group);
        self.wake_log(inner);
        true
    }

    /// Sends a request to the log thread. Returns it if the thread has ended.
    pub(super) fn request(&self, request: R) -> Result<(), R> {
        let mut inner = self.inner.lock();
        if inner.ended {
            return Err(request);
        }
        inner.requests.push(request);
        self.wake_log(inner);
        Ok(())
    }

    /// Takes no more calls. The log thread finishes those that are pending. The first way of closing counts.
    pub(super) fn close(&self, closing: Closing) {
        let mut inner = self.inner.lock();
        inner.closing.get_or_insert(closing);
        self.wake_log(inner);
    }

    /// Takes nothing more, and returns what is left. The state thread ends after its group.
    pub(super) fn end(&self, empty: G) -> (G, Vec<R>, VecDeque<D>) {
        let mut inner = self.inner.lock();
        inner.ended = true;
        let left = (
            std::mem::replace(&mut inner.group, empty),
            std::mem::take(&mut inner.requests),
            std::mem::take(&mut inner.durable),
        );
        drop(inner);
        self.state.notify();
        left
    }

    pub(super) fn is_closed(&self) -> bool {
        let inner = self.inner.lock();
        inner.ended || inner.closing.is_some()
    }

    /// Makes the log thread look at its clock.
    pub(super) fn nudge(&self) {
        let mut inner = self.inner.lock();
        inner.nudged = true;
        self.wake_log(inner);
    }

    fn wake_log(&self, mut inner: impl std::ops::DerefMut<Target = Inner<G, R, D>>) {
        let settled = inner.settling && inner.is_settled();
        if inner.log_sleeps && (inner.has_work() || settled) {
            inner.log_sleeps = false;
            drop(inner);
            self.log.notify();
        }
    }

    /// Waits for work of the log thread until `deadline`, and takes it. `spare` becomes the new group.
    pub(super) fn next(&self, deadline: Option<Instant>, spare: impl FnOnce() -> G) -> Work<G, R> {
        let mut inner = self.inner.lock();
        while !inner.has_work() {
            inner.log_sleeps = true;
            let (guard, in_time) = self.log.wait(inner, deadline);
            inner = guard;
            inner.log_sleeps = false;
            if !in_time {
                break;
            }
        }
        inner.nudged = false;
        let takes = inner.takes_group();
        if !takes && !inner.group.is_empty() {
            return Work { group: None, requests: Vec::new(), closing: None };
        }
        inner.logging |= takes;
        let group = takes.then(|| std::mem::replace(&mut inner.group, spare()));
        Work { group, requests: std::mem::take(&mut inner.requests), closing: inner.closing }
    }

    /// Waits for requests alone, once the store is closing.
    pub(super) fn next_requests(&self) -> Vec<R> {
        let mut inner = self.inner.lock();
        while inner.requests.is_empty() {
            inner.log_sleeps = true;
            inner = self.log.wait(inner, None).0;
            inner.log_sleeps = false;
        }
        std::mem::take(&mut inner.requests)
    }

    /// Ends the turn of the log: the group is durable, and waits to be applied. `None` if the group failed.
    pub(super) fn hand_over(&self, durable: Option<D>) {
        let mut inner = self.inner.lock();
        inner.logging = false;
        inner.durable.extend(durable);
    }

    /// Adds `step` behind the durable groups. Returns it if there are none.
    pub(super) fn follow(&self, step: D) -> Result<(), D> {
        let mut inner = self.inner.lock();
        if inner.is_settled() {
            return Err(step);
        }
        inner.durable.push_back(step);
        Ok(())
    }

    /// Begins a turn of the state on the log thread, with the oldest durable group; `None` if there is none, or another thread has the turn.
    pub(super) fn begin_applying(&self) -> Option<D> {
        let mut inner = self.inner.lock();
        if inner.applying {
            return None;
        }
        let durable = inner.durable.pop_front();
        inner.applying = durable.is_some();
        durable
    }

    /// Ends a turn of the state.
    pub(super) fn applied(&self) {
        let mut inner = self.inner.lock();
        inner.applying = false;
        self.pass_on(inner);
    }

    /// Wakes the thread that can continue after a turn of the state.
    fn pass_on(&self, mut inner: impl std::ops::DerefMut<Target = Inner<G, R, D>>) {
        let wakes_state = inner.state_sleeps && inner.can_apply();
        inner.state_sleeps &= !wakes_state;
        self.wake_log(inner);
        if wakes_state {
            self.state.notify();
        }
    }

    /// Notes that the state thread runs.
    pub(super) fn set_state_thread(&self) {
        self.inner.lock().has_state_thread = true;
    }

    /// Wakes the state thread, if it can continue.
    pub(super) fn wake_state(&self) {
        self.pass_on(self.inner.lock());
    }

    /// Waits for a turn of the state, as the state thread; `None` once the store has ended.
    pub(super) fn next_durable(&self) -> Option<D> {
        let mut inner = self.inner.lock();
        loop {
            if inner.ended {
                return None;
            }
            if inner.can_apply() {
                let durable = inner.durable.pop_front();
                inner.applying = durable.is_some();
                self.wake_log(inner);
                return durable;
            }
            inner.state_sleeps = true;
            inner = self.state.wait(inner, None).0;
            inner.state_sleeps = false;
        }
    }

    /// Waits until every durable group is applied. Returns `false` if the log thread, which calls this, is to apply one itself.
    pub(super) fn settle(&self) -> bool {
        let mut inner = self.inner.lock();
        inner.settling = true;
        // Without a state thread, the log thread applies what another thread has left.
        while !inner.is_settled() && (inner.has_state_thread || !inner.can_apply()) {
            inner.log_sleeps = true;
            inner = self.log.wait(inner, None).0;
            inner.log_sleeps = false;
        }
        inner.settling = false;
        inner.is_settled()
    }

    /// Takes both turns for a caller, if nothing is pending.
    pub(super) fn try_alone(&self) -> bool {
        let mut inner = self.inner.lock();
        let is_idle = inner.group.is_empty() && inner.requests.is_empty() && !inner.logging && inner.is_settled();
        if !is_idle || inner.closing.is_some() || inner.ended {
            return false;
        }
        (inner.logging, inner.applying) = (true, true);
        true
    }

    /// Ends the log's turn of a caller that keeps the state's.
    pub(super) fn logged_alone(&self) {
        let mut inner = self.inner.lock();
        inner.logging = false;
        self.wake_log(inner);
    }

    /// Ends the turns of a caller: the state's, and the log's unless that has ended.
    pub(super) fn done_alone(&self, holds_log: bool) {
        let mut inner = self.inner.lock();
        inner.applying = false;
        inner.logging &= !holds_log;
        self.pass_on(inner);
    }
}
