//! The queue of calls: bounded by bytes, in the order of their LSNs.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::{Semaphore, TryAcquireError, oneshot};

use super::answer::{Answer, BatchResult, OneResult};
pub(crate) use super::handover::Closing;
use super::handover::{Calls, Handover};
use crate::error::{Error, Result};
use crate::log::frame::{self, HEADER};
use crate::lsn::Lsn;
use crate::panic::{Quiet, drop_quietly, woken_quietly};
use crate::recovery::LogSnapshot;
use crate::schema::state::Recorded;

/// The largest frame buffer that is kept for the next group.
const SPARE_BUFFER: usize = 4 << 20;

/// The largest list of calls or answers that is kept for the next group, in bytes.
const SPARE_LIST: usize = 256 << 10;

/// A lone caller spins for its answer if the call before took no longer than this.
const FAST_US: u32 = 300;
/// The longest time that a caller spins.
const MOST_SPIN: Duration = Duration::from_micros(400);

/// More calls than a queue ever holds.
const MORE_THAN_ALL: usize = usize::MAX / 2;

/// Empties a list, and keeps its memory for the next group, unless a burst of calls made it large.
fn keep_spare<T>(list: &mut Vec<T>) {
    list.clear();
    if list.capacity() * size_of::<T>() > SPARE_LIST {
        *list = Vec::new();
    }
}

/// A call that waits for its answer.
pub(crate) enum Call<S: Recorded> {
    One { log: Quiet<S::Log>, answer: oneshot::Sender<OneResult<S>> },
    Many { logs: Vec<Quiet<S::Log>>, answer: oneshot::Sender<BatchResult<S>> },
}

impl<S: Recorded> Call<S> {
    pub(crate) fn records(&self) -> usize {
        match self {
            Call::One { .. } => 1,
            Call::Many { logs, .. } => logs.len(),
        }
    }

    /// Answers with an error.
    pub(crate) fn fail(self, error: Error) {
        match self {
            Call::One { answer, .. } => send(answer, Err(error)),
            Call::Many { answer, .. } => send(answer, Err(error)),
        }
    }
}

/// The lists of a group, which are kept for their memory.
pub(super) struct Lists<S: Recorded> {
    pub(super) calls: Vec<Call<S>>,
    pub(super) answers: Vec<Answer<S>>,
}

/// The calls of one frame.
pub(crate) struct Group<S: Recorded> {
    /// [`HEADER`] free bytes, and the records after them.
    pub(crate) frame: Vec<u8>,
    pub(super) lists: Lists<S>,
    pub(crate) records: usize,
    /// The capacity of the queue that the calls hold.
    capacity: usize,
}

impl<S: Recorded> Group<S> {
    fn new() -> Self {
        let lists = Lists { calls: Vec::new(), answers: Vec::new() };
        Group { frame: vec![0; HEADER], lists, records: 0, capacity: 0 }
    }

    /// Returns the number of calls.
    pub(super) fn calls(&self) -> usize {
        self.lists.calls.len()
    }
}

impl<S: Recorded> Calls for Group<S> {
    fn is_empty(&self) -> bool {
        self.lists.calls.is_empty()
    }
}

/// A group that is as durable as the options ask.
pub(super) struct DurableGroup<S: Recorded> {
    pub(super) lists: Lists<S>,
    /// The LSN of the first record.
    pub(super) first: Lsn,
    /// The capacity of the queue that the calls hold.
    capacity: usize,
    /// The space in the log that is reserved for an abort of its calls.
    pub(super) abort_space: u64,
    /// The time when the log thread took the group.
    pub(super) began: Instant,
}

/// A step of the state half.
pub(super) enum Step<S: Recorded> {
    Apply(DurableGroup<S>),
    /// Answers a sync, after the groups before it.
    Synced(oneshot::Sender<Result<Lsn>>, Result<Lsn>),
}

/// A request to the log thread.
pub(crate) enum Request<S: Recorded> {
    /// Make everything so far durable.
    Sync(oneshot::Sender<Result<Lsn>>),
    /// Write a checkpoint.
    Checkpoint(oneshot::Sender<Result<Lsn>>),
    /// The thread of the checkpoint in progress ends.
    CheckpointDone,
    /// Write this state as the checkpoint of this LSN, whatever the live state is.
    CheckpointOf(S, Lsn, oneshot::Sender<Result<Lsn>>),
    /// Abort every record above this LSN.
    AbortAbove(Lsn, oneshot::Sender<Result<Lsn>>),
    /// Make everything so far durable, and return the log.
    Snapshot(oneshot::Sender<Result<LogSnapshot>>),
}

/// Sends an answer. If the caller is gone, the answer is dropped here. A panic of its `Drop`, or of the caller's waker, is no error of
/// the store.
pub(super) fn send<T>(answer: oneshot::Sender<T>, value: T) {
    let _ = crate::panic::catch(|| drop(answer.send(value)));
}

pub(crate) struct Queue<S: Recorded> {
    pub(super) handover: Handover<Group<S>, Request<S>, Step<S>>,
    /// Lists and frame buffers of earlier groups.
    spare_lists: Mutex<Vec<Lists<S>>>,
    spare_frames: Mutex<Vec<Vec<u8>>>,
    /// The number of calls in the group, to be read without the lock. More than all calls if something else is to be done.
    arrived: AtomicUsize,
    /// `true` from the time when a group is taken to its first answer.
    busy: AtomicBool,
    /// The time from the take of the last group to its answers, in microseconds, if the group had one call; otherwise [`u32::MAX`].
    lone_us: AtomicU32,
    capacity: Semaphore,
    size: u32,
}

impl<S: Recorded> Queue<S> {
    pub(crate) fn new(size: u32) -> Self {
        Queue {
            handover: Handover::new(Group::new()),
            spare_lists: Mutex::default(),
            spare_frames: Mutex::default(),
            arrived: AtomicUsize::new(0),
            busy: AtomicBool::new(false),
            lone_us: AtomicU32::new(0),
            capacity: Semaphore::new(size as usize),
            size,
        }
    }

    /// Takes the capacity for `bytes`, if it is free, and returns how much of it the call now holds.
    pub(crate) fn try_capacity(&self, bytes: usize) -> Result<Option<u32>> {
        let share = self.share(bytes);
        match self.capacity.try_acquire_many(share) {
            Ok(permit) => {
                permit.forget();
                Ok(Some(share))
            }
            Err(TryAcquireError::Closed) => Err(Error::Closed),
            Err(TryAcquireError::NoPermits) => Ok(None),
        }
    }

    /// Waits until there is capacity for `bytes`, and returns how much of it the call now holds.
    pub(crate) async fn wait_for_capacity(&self, bytes: usize) -> Result<u32> {
        let share = self.share(bytes);
        // The thread that returns capacity calls this waker, with those of others.
        let permit = woken_quietly(self.capacity.acquire_many(share)).await;
        permit.map_err(|_| Error::Closed)?.forget();
        Ok(share)
    }

    /// Returns the capacity that so many bytes take. A call that is larger than the queue takes all of it.
    fn share(&self, bytes: usize) -> u32 {
        u32::try_from(bytes).unwrap_or(u32::MAX).min(self.size)
    }

    /// Adds a call, which holds `capacity`: `records` is the encoding of each of its records, one after the other, with their ends in
    /// `ends`.
    pub(crate) fn push(&self, call: Call<S>, records: &[u8], ends: &[usize], capacity: u32) -> Result<()> {
        let mut call = Some(call);
        let is_taken = self.handover.push(|group| {
            let mut start = 0;
            for (at, &end) in ends.iter().enumerate() {
                frame::put_record(&records[start..end], at + 1 < ends.len(), &mut group.frame);
                start = end;
            }
            group.records += ends.len();
            group.capacity += capacity as usize;
            group.lists.calls.extend(call.take());
            self.arrived.fetch_add(1, Ordering::Relaxed);
        });
        if is_taken {
            return Ok(());
        }
        self.capacity.add_permits(capacity as usize);
        Err(Error::Closed)
    }

    /// Sends a request to the log thread. Returns it if the thread has ended.
    pub(crate) fn request(&self, request: Request<S>) -> Result<(), Request<S>> {
        self.arrived.store(MORE_THAN_ALL, Ordering::Relaxed);
        self.handover.request(request)
    }

    /// Takes no more calls. The log thread finishes those in the queue. The first way of closing counts.
    pub(crate) fn close(&self, closing: Closing) {
        self.arrived.store(MORE_THAN_ALL, Ordering::Relaxed);
        self.handover.close(closing);
        self.capacity.close();
    }

    /// Takes nothing more, and drops what is left, so that its callers see that the store has ended.
    pub(crate) fn end(&self) {
        let (group, requests, steps) = self.handover.end(Group::new());
        self.capacity.close();
        // One by one: during the drop of a list, a second panic, of a `Drop` or a waker, would end the process.
        group.lists.calls.into_iter().for_each(drop_quietly);
        requests.into_iter().for_each(drop_quietly);
        for step in steps {
            match step {
                Step::Apply(group) => group.lists.calls.into_iter().for_each(drop_quietly),
                Step::Synced(answer, _) => drop_quietly(answer),
            }
        }
    }

    /// Returns whether the store is closing, or closed.
    pub(crate) fn is_closed(&self) -> bool {
        self.handover.is_closed()
    }

    /// Returns the number of calls in the group.
    pub(super) fn arrived(&self) -> usize {
        self.arrived.load(Ordering::Relaxed)
    }

    /// Notes that a group's calls will be answered now: a caller with an answer may be the only caller.
    pub(super) fn answering(&self) {
        self.busy.store(false, Ordering::Relaxed);
    }

    /// Returns the time that a caller whose call comes next spins for its answer: about as long as the call takes, if the caller seems to
    /// be the only one and the disk is fast. The caller's sleep and wake-up would take a good part of such a sync.
    pub(crate) fn spin(&self) -> Option<Duration> {
        let lone_us = self.lone_us.load(Ordering::Relaxed);
        let alone = self.arrived() == 0 && !self.busy.load(Ordering::Relaxed);
        (alone && lone_us <= FAST_US).then_some(MOST_SPIN)
    }

    /// Waits for `calls` calls without sleeping, for `most` at the longest.
    pub(super) fn spin_for(&self, calls: usize, most: Duration) {
        let until = Instant::now() + most;
        while self.arrived() < calls && Instant::now() < until {
            std::thread::yield_now();
        }
    }

    /// Waits for work of the log thread until `deadline`, and takes it.
    pub(super) fn next(&self, deadline: Option<Instant>) -> super::handover::Work<Group<S>, Request<S>> {
        let work = self.handover.next(deadline, || {
            self.arrived.store(0, Ordering::Relaxed);
            self.spare_group()
        });
        if work.group.is_some() {
            self.busy.store(true, Ordering::Relaxed);
        } else if !work.requests.is_empty() || work.closing.is_some() {
            self.arrived.store(0, Ordering::Relaxed);
        }
        work
    }

    fn spare_group(&self) -> Group<S> {
        let lists = self.spare_lists.lock().pop();
        let lists = lists.unwrap_or_else(|| Lists { calls: Vec::new(), answers: Vec::new() });
        let frame = self.spare_frames.lock().pop().unwrap_or_else(|| vec![0; HEADER]);
        Group { frame, lists, records: 0, capacity: 0 }
    }

    /// Hands over a group that is durable.
    pub(super) fn hand_over(&self, group: Group<S>, first: Lsn, abort_space: u64, began: Instant) {
        let Group { frame, lists, capacity, .. } = group;
        self.keep_frame(frame);
        let durable = DurableGroup { lists, first, capacity, abort_space, began };
        self.handover.hand_over(Some(Step::Apply(durable)));
    }

    /// Ends the turn of a group that failed, and answers its calls.
    pub(super) fn fail(&self, mut group: Group<S>, error: &Error) {
        self.busy.store(false, Ordering::Relaxed);
        self.handover.hand_over(None);
        group.lists.calls.drain(..).for_each(|call| call.fail(error.clone()));
        self.keep_frame(std::mem::take(&mut group.frame));
        self.keep_lists(group.lists, group.capacity);
    }

    /// Notes that the group is answered: its callers' capacity is free.
    pub(super) fn answered(&self, group: DurableGroup<S>, calls: usize) {
        let took = group.began.elapsed();
        let lone_us = if calls == 1 { took.as_micros().try_into().unwrap_or(u32::MAX) } else { u32::MAX };
        self.lone_us.store(lone_us, Ordering::Relaxed);
        self.keep_lists(group.lists, group.capacity);
    }

    fn keep_frame(&self, mut frame: Vec<u8>) {
        if frame.capacity() <= SPARE_BUFFER {
            frame.clear();
            frame.resize(HEADER, 0);
            self.spare_frames.lock().push(frame);
        }
    }

    fn keep_lists(&self, mut lists: Lists<S>, capacity: usize) {
        keep_spare(&mut lists.calls);
        keep_spare(&mut lists.answers);
        self.spare_lists.lock().push(lists);
        self.capacity.add_permits(capacity);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crash_tests::state::Tally;

    #[test]
    fn only_small_lists_and_buffers_are_kept() {
        for (bytes, is_kept) in [(SPARE_LIST, true), (SPARE_LIST + 1, false)] {
            let mut list = Vec::<u8>::with_capacity(bytes);
            keep_spare(&mut list);
            assert_eq!(list.capacity() > 0, is_kept, "{bytes} bytes");
        }
        let queue = Queue::<Tally>::new(1);
        queue.keep_frame(Vec::with_capacity(SPARE_BUFFER));
        queue.keep_frame(Vec::with_capacity(SPARE_BUFFER + 1));
        let frame = queue.spare_group().frame;
        assert!(frame.len() == HEADER && frame.capacity() == SPARE_BUFFER);
        assert!(queue.spare_group().frame.capacity() < SPARE_BUFFER);
    }
}
