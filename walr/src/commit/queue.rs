//! Where calls wait for their group: bounded by bytes, in the order of their LSNs to be.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use tokio::sync::{Semaphore, TryAcquireError, oneshot};

use super::answer::{BatchResult, OneResult};
use super::retire::Outdated;
use crate::error::{Error, Result};
use crate::log::frame::{self, HEADER};
use crate::lsn::Lsn;
use crate::panic::{Quiet, woken_quietly};
use crate::recovery::LogSnapshot;
use crate::schema::state::Recorded;

/// A buffer that grew beyond this is given back.
const SPARE_BUFFER: usize = 4 << 20;

/// A list of calls or answers that grew beyond this many bytes is given back.
const SPARE_LIST: usize = 256 << 10;

/// A lone call that took no longer than this is worth staying awake for.
const FAST_US: u32 = 300;
/// How long one stays awake at the most.
const AWAKE: Duration = Duration::from_micros(400);

/// More calls than a queue ever holds.
const MORE_THAN_ALL: usize = usize::MAX / 2;

/// Empties a list, and keeps its memory for the next group, unless a burst of calls made it large.
pub(super) fn keep_spare<T>(list: &mut Vec<T>) {
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
        // Nobody may be waiting any more.
        match self {
            Call::One { answer, .. } => send(answer, Err(error)),
            Call::Many { answer, .. } => send(answer, Err(error)),
        }
    }
}

/// The calls of one frame.
pub(crate) struct Group<S: Recorded> {
    /// [`HEADER`] free bytes, and the records behind them.
    pub(crate) frame: Vec<u8>,
    pub(crate) calls: Vec<Call<S>>,
    pub(crate) records: usize,
    /// How much of the queue's room the calls hold.
    room: usize,
}

impl<S: Recorded> Group<S> {
    pub(crate) fn new() -> Self {
        Group { frame: vec![0; HEADER], calls: Vec::new(), records: 0, room: 0 }
    }

    fn clear(&mut self) {
        if self.frame.capacity() > SPARE_BUFFER {
            self.frame = Vec::new();
        }
        self.frame.clear();
        self.frame.resize(HEADER, 0);
        keep_spare(&mut self.calls);
        self.records = 0;
        self.room = 0;
    }
}

/// What the writer is asked for besides calls.
pub(crate) enum Request<S: Recorded> {
    /// To make everything so far durable.
    Sync(oneshot::Sender<Result<Lsn>>),
    /// To write a checkpoint.
    Checkpoint(oneshot::Sender<Result<Lsn>>),
    /// A checkpoint has its name; it is this one, of so many bytes. The answer is what it outdates.
    Checkpointed(Lsn, u64, oneshot::Sender<Outdated>),
    /// The thread of the checkpoint that was under way ends.
    CheckpointDone,
    /// To write this state as the checkpoint of this LSN, whatever the live one is.
    CheckpointOf(S, Lsn, oneshot::Sender<Result<Lsn>>),
    /// To take back every record above this LSN.
    TakeBack(Lsn, oneshot::Sender<Result<Lsn>>),
    /// To make everything so far durable, and to say where it stands.
    Snapshot(oneshot::Sender<Result<LogSnapshot>>),
}

/// Answers one who may not be waiting any more.
pub(super) fn reply<T>(answer: oneshot::Sender<T>, result: T) {
    send(answer, result);
}

/// Sends an answer. If the caller is gone, the answer is dropped here. A panic of its `Drop`, or of the caller's waker, is no error of
/// the writer.
pub(super) fn send<T>(answer: oneshot::Sender<T>, value: T) {
    let _ = crate::panic::catch(|| drop(answer.send(value)));
}

/// How the store is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Closing {
    /// By `close`: with a checkpoint.
    Close,
    /// By the drop of the last handle: without.
    Drop,
}

pub(crate) struct Queue<S: Recorded> {
    // Held for moments: to add a call, or to take them all. Never across a write, a sync or an application, so that a
    // blocking mutex is right, also on an async worker.
    inner: Mutex<Inner<S>>,
    wake: Condvar,
    /// How many calls are in the group, for the writer to look at without the lock; more than all of them when something
    /// else is to be done.
    arrived: AtomicUsize,
    /// Whether a group was taken, and its first call isn't about to be answered yet.
    busy: AtomicBool,
    /// How long the last group took from its first call to its answers, in microseconds, if it had one call; else
    /// [`u32::MAX`].
    lone_us: AtomicU32,
    room: Semaphore,
    size: u32,
}

struct Inner<S: Recorded> {
    group: Group<S>,
    requests: Vec<Request<S>>,
    closing: Option<Closing>,
    /// Nothing is taken any more.
    closed: bool,
    /// The writer waits to be woken.
    asleep: bool,
    /// The writer is to look at the clock.
    nudged: bool,
}

impl<S: Recorded> Inner<S> {
    fn has_work(&self) -> bool {
        !self.group.calls.is_empty() || !self.requests.is_empty() || self.closing.is_some()
    }
}

/// What the writer finds when it wakes.
pub(crate) struct Work<S: Recorded> {
    pub(crate) group: Group<S>,
    pub(crate) requests: Vec<Request<S>>,
    pub(crate) closing: Option<Closing>,
}

impl<S: Recorded> Queue<S> {
    pub(crate) fn new(size: u32) -> Self {
        let (group, requests) = (Group::new(), Vec::new());
        let inner = Inner { group, requests, closing: None, closed: false, asleep: false, nudged: false };
        let arrived = AtomicUsize::new(0);
        Queue {
            inner: Mutex::new(inner),
            wake: Condvar::new(),
            arrived,
            busy: AtomicBool::new(false),
            lone_us: AtomicU32::new(0),
            room: Semaphore::new(size as usize),
            size,
        }
    }

    /// Takes the capacity for `bytes`, if it is free, and returns how much of it the call now holds.
    pub(crate) fn try_capacity(&self, bytes: usize) -> Result<Option<u32>> {
        let room = self.share(bytes);
        match self.room.try_acquire_many(room) {
            Ok(permit) => {
                permit.forget();
                Ok(Some(room))
            }
            Err(TryAcquireError::Closed) => Err(Error::Closed),
            Err(TryAcquireError::NoPermits) => Ok(None),
        }
    }

    /// Waits until there is capacity for `bytes`, and returns how much of it the call now holds.
    pub(crate) async fn wait_for_capacity(&self, bytes: usize) -> Result<u32> {
        let room = self.share(bytes);
        // The writer calls its waker, with those of others.
        let permit = woken_quietly(self.room.acquire_many(room)).await;
        permit.map_err(|_| Error::Closed)?.forget();
        Ok(room)
    }

    /// Returns the capacity that so many bytes take. A call that is larger than the queue takes all of it.
    fn share(&self, bytes: usize) -> u32 {
        u32::try_from(bytes).unwrap_or(u32::MAX).min(self.size)
    }

    /// Adds a call: `records` is the encoding of each of its records, one behind the other, with their ends in `ends`.
    pub(crate) fn push(&self, call: Call<S>, records: &[u8], ends: &[usize], room: u32) -> Result<()> {
        let mut inner = self.inner.lock();
        if inner.closing.is_some() || inner.closed {
            drop(inner);
            self.room.add_permits(room as usize);
            return Err(Error::Closed);
        }
        let group = &mut inner.group;
        let mut start = 0;
        for (at, &end) in ends.iter().enumerate() {
            frame::put_record(&records[start..end], at + 1 < ends.len(), &mut group.frame);
            start = end;
        }
        group.records += ends.len();
        group.room += room as usize;
        group.calls.push(call);
        self.arrived.fetch_add(1, Ordering::Relaxed);
        self.wake_writer(inner);
        Ok(())
    }

    /// Asks the writer for something; gives it back if the writer has ended.
    pub(crate) fn request(&self, request: Request<S>) -> Result<(), Request<S>> {
        let mut inner = self.inner.lock();
        if inner.closed {
            return Err(request);
        }
        inner.requests.push(request);
        self.arrived.store(MORE_THAN_ALL, Ordering::Relaxed);
        self.wake_writer(inner);
        Ok(())
    }

    /// Takes no more calls; what is in the queue is still done. The first way of closing counts.
    pub(crate) fn close(&self, closing: Closing) {
        let mut inner = self.inner.lock();
        inner.closing.get_or_insert(closing);
        self.arrived.store(MORE_THAN_ALL, Ordering::Relaxed);
        self.wake_writer(inner);
        self.room.close();
    }

    /// Takes nothing any more, and drops what is left: its callers see that the writer has ended.
    pub(crate) fn end(&self) {
        let mut inner = self.inner.lock();
        inner.closed = true;
        let (calls, requests) = (std::mem::take(&mut inner.group.calls), std::mem::take(&mut inner.requests));
        drop(inner);
        self.room.close();
        // One by one: during the drop of a list, a second panic, of a `Drop` or a waker, would end the process.
        calls.into_iter().for_each(crate::panic::drop_quietly);
        requests.into_iter().for_each(crate::panic::drop_quietly);
    }

    /// Whether the store is closing, or closed.
    pub(crate) fn is_closed(&self) -> bool {
        let inner = self.inner.lock();
        inner.closed || inner.closing.is_some()
    }

    fn wake_writer(&self, mut inner: parking_lot::MutexGuard<'_, Inner<S>>) {
        if std::mem::take(&mut inner.asleep) {
            drop(inner);
            self.wake.notify_one();
        }
    }

    /// Whether anything is there to be taken, or the store is closing.
    pub(crate) fn has_work(&self) -> bool {
        self.inner.lock().has_work()
    }

    /// Wakes the writer, to look at the clock.
    pub(crate) fn nudge(&self) {
        let mut inner = self.inner.lock();
        inner.nudged = true;
        self.wake_writer(inner);
    }

    /// How many calls are in the group.
    pub(crate) fn arrived(&self) -> usize {
        self.arrived.load(Ordering::Relaxed)
    }

    /// Takes note that the group's calls will be answered now: who has an answer may be the only caller.
    pub(crate) fn answering(&self) {
        self.busy.store(false, Ordering::Relaxed);
    }

    /// Takes note of a group of so many calls that took so long.
    pub(crate) fn note(&self, calls: usize, took: Duration) {
        let lone_us = if calls == 1 { took.as_micros().try_into().unwrap_or(u32::MAX) } else { u32::MAX };
        self.lone_us.store(lone_us, Ordering::Relaxed);
    }

    /// How long a caller whose call comes next does well to stay awake for its answer: until about when it is due, where it
    /// seems to be the only caller and the disk is fast. To be put to sleep and woken takes a good part of such a sync.
    pub(crate) fn worth_staying_awake(&self) -> Option<Duration> {
        let lone_us = self.lone_us.load(Ordering::Relaxed);
        let alone = self.arrived() == 0 && !self.busy.load(Ordering::Relaxed);
        (alone && lone_us <= FAST_US).then_some(AWAKE)
    }

    /// Looks for `calls` calls without going to sleep, for `most` at the longest.
    pub(crate) fn look_for(&self, calls: usize, most: Duration) {
        let until = Instant::now() + most;
        while self.arrived() < calls && Instant::now() < until {
            std::thread::yield_now();
        }
    }

    /// Waits for work until `deadline`.
    pub(crate) fn wait(&self, deadline: Option<Instant>) {
        let mut inner = self.inner.lock();
        while !inner.has_work() && !std::mem::take(&mut inner.nudged) {
            inner.asleep = true;
            let timed_out = match deadline {
                Some(deadline) => self.wake.wait_until(&mut inner, deadline).timed_out(),
                None => {
                    self.wake.wait(&mut inner);
                    false
                }
            };
            inner.asleep = false;
            if timed_out {
                break;
            }
        }
    }

    /// Takes all there is. `spare` is what an earlier group left of its buffers.
    pub(crate) fn take(&self, spare: Group<S>) -> Work<S> {
        let mut inner = self.inner.lock();
        self.arrived.store(0, Ordering::Relaxed);
        let group = std::mem::replace(&mut inner.group, spare);
        self.busy.store(!group.calls.is_empty(), Ordering::Relaxed);
        Work { group, requests: std::mem::take(&mut inner.requests), closing: inner.closing }
    }

    /// Waits for requests alone, once the store is closing.
    pub(crate) fn take_requests(&self) -> Vec<Request<S>> {
        let mut inner = self.inner.lock();
        while inner.requests.is_empty() {
            inner.asleep = true;
            self.wake.wait(&mut inner);
            inner.asleep = false;
        }
        std::mem::take(&mut inner.requests)
    }

    /// Gives back the room that an answered group held, and returns its emptied buffers.
    pub(crate) fn done(&self, mut group: Group<S>) -> Group<S> {
        self.busy.store(false, Ordering::Relaxed);
        self.room.add_permits(group.room);
        group.clear();
        group
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
        let mut group = Group::<Tally>::new();
        group.frame.reserve_exact(SPARE_BUFFER);
        group.clear();
        assert!(group.frame.len() == HEADER && group.frame.capacity() < SPARE_BUFFER);
    }
}
