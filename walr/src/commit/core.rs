//! What handles, the writer and a checkpoint share.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use parking_lot::{Mutex, RwLock};
use tokio::sync::{oneshot, watch};

use super::queue::{Call, Closing, Queue, Request};
use super::stats::Stats;
use crate::codec;
use crate::error::{Error, Result};
use crate::layout::{Dir, StoreId};
use crate::lsn::Lsn;
use crate::options::Config;
use crate::recovery::Recovery;
use crate::reentry::{self, Place};
use crate::state::{Recorded, WalState};

/// The state, and the LSN that it is as of.
pub(crate) struct Live<S> {
    /// `None` when a mutation panicked and the state couldn't be built again.
    pub(crate) state: Option<S>,
    pub(crate) lsn: Lsn,
}

pub(crate) struct Core<S: Recorded> {
    pub(crate) dir: Dir,
    pub(crate) store: StoreId,
    pub(crate) config: Config,
    pub(crate) recovery: Recovery,
    pub(crate) queue: Queue<S>,
    /// Written by the writer alone, and only when the records that it applies are as durable as the options ask: what a
    /// reader sees can't be taken back.
    pub(crate) live: RwLock<Live<S>>,
    /// The first failure of a write or a sync. Once it is there, nothing is written any more.
    pub(crate) latch: OnceLock<Arc<Error>>,
    pub(crate) stats: Mutex<Stats>,
    /// Set when the last handle is dropped: a checkpoint that is under way is abandoned.
    pub(crate) abandon: AtomicBool,
    /// What became of the close; `None` until it is done.
    pub(crate) closed: watch::Sender<Option<Result<()>>>,
    /// The process that opened the store.
    process: u32,
}

impl<S: Recorded> Core<S> {
    pub(crate) fn new(dir: Dir, store: StoreId, config: Config, recovery: Recovery, state: S) -> Self {
        let lsn = recovery.last;
        let stats = Stats { last: lsn, durable: lsn, checkpoint: recovery.checkpoint, ..Stats::default() };
        Core {
            dir,
            store,
            queue: Queue::new(config.queue_size),
            config,
            recovery,
            live: RwLock::new(Live { state: Some(state), lsn }),
            latch: OnceLock::new(),
            stats: Mutex::new(stats),
            abandon: AtomicBool::new(false),
            closed: watch::Sender::new(None),
            process: std::process::id(),
        }
    }

    /// What tells this store from others in `reentry`.
    pub(crate) fn id(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// Whether this process was forked off the one that opened the store: it has the memory, and not the writer.
    pub(crate) fn is_forked(&self) -> bool {
        std::process::id() != self.process
    }

    /// Refuses calls that could never be answered.
    fn admit(&self) -> Result<()> {
        if self.is_forked() {
            return Err(Error::Forked);
        }
        match reentry::inside(self.id()) {
            Some(Place::Read) => Err(Error::Reentrant { place: "a `read`" }),
            Some(Place::Mutation) => Err(Error::Reentrant { place: "a mutation" }),
            None => Ok(()),
        }
    }

    fn failed(&self) -> Result<()> {
        match self.latch.get() {
            Some(cause) => Err(Error::Failed { cause: cause.clone() }),
            None => Ok(()),
        }
    }

    /// Sends a request to the writer and waits for its answer.
    pub(crate) async fn ask<T>(&self, request: impl FnOnce(oneshot::Sender<Result<T>>) -> Request) -> Result<T> {
        self.admit()?;
        let (answer, answered) = oneshot::channel();
        self.queue.request(request(answer)).map_err(|_| Error::Closed)?;
        answered.await.unwrap_or_else(|_| Err(self.ended()))
    }

    /// Why a call got no answer.
    fn ended(&self) -> Error {
        Error::Thread { reason: "the writer ended without an answer".to_string() }
    }

    /// Closes the store, and waits until that is done.
    pub(crate) async fn close(&self) -> Result<()> {
        self.admit()?;
        self.queue.close(Closing::Close);
        let mut closed = self.closed.subscribe();
        let done = closed.wait_for(Option::is_some).await.map_err(|_| self.ended())?;
        done.clone().unwrap_or(Ok(()))
    }

    /// Closes the store without a checkpoint, and doesn't wait.
    pub(crate) fn abandon(&self) {
        self.abandon.store(true, Ordering::Relaxed);
        self.queue.close(Closing::Drop);
    }
}

impl<S: WalState> Core<S> {
    /// Calls `f` on the state.
    pub(crate) fn read<R>(&self, f: impl FnOnce(&S) -> R) -> R {
        let live = match reentry::inside(self.id()) {
            None => self.live.read(),
            // A writer that waits for the outer read to end must not come between.
            Some(Place::Read) => self.live.read_recursive(),
            Some(Place::Mutation) => panic!("`read` was called inside a mutation of the same store; use `self` there"),
        };
        let _entered = reentry::enter(self.id(), Place::Read);
        match &live.state {
            Some(state) => f(state),
            None => panic!("a mutation panicked and the state could not be read back from disk; open the store again"),
        }
    }

    /// Records one log value.
    pub(crate) async fn mutate(&self, log: S::Log) -> Result<S::Outcome> {
        self.admit()?;
        self.failed()?;
        let mut records = Vec::new();
        let log = self.check(log, &mut records)?;
        let (answer, answered) = oneshot::channel();
        let room = self.queue.wait_for_room(records.len()).await?;
        let ends = [records.len()];
        self.queue.push(Call::One { log, answer }, &records, &ends, room)?;
        drop(records);
        answered.await.unwrap_or_else(|_| Err(self.ended()))
    }

    /// Records log values as one batch.
    pub(crate) async fn mutate_all(&self, logs: Vec<S::Log>) -> Result<Vec<S::Outcome>> {
        self.admit()?;
        self.failed()?;
        if logs.is_empty() {
            return Ok(Vec::new());
        }
        let (mut records, mut ends) = (Vec::new(), Vec::with_capacity(logs.len()));
        let mut decoded = Vec::with_capacity(logs.len());
        for log in logs {
            decoded.push(self.check(log, &mut records)?);
            ends.push(records.len());
        }
        let (answer, answered) = oneshot::channel();
        let room = self.queue.wait_for_room(records.len()).await?;
        self.queue.push(Call::Many { logs: decoded, answer }, &records, &ends, room)?;
        drop(records);
        answered.await.unwrap_or_else(|_| Err(self.ended()))
    }

    /// Puts a call into the queue without waiting for room or for the answer, as a crash test does.
    #[cfg(test)]
    pub(crate) fn enqueue(&self, logs: Vec<S::Log>) -> Result<oneshot::Receiver<Result<Vec<S::Outcome>>>> {
        let (mut records, mut ends, mut decoded) = (Vec::new(), Vec::new(), Vec::new());
        for log in logs {
            decoded.push(self.check(log, &mut records)?);
            ends.push(records.len());
        }
        let (answer, answered) = oneshot::channel();
        self.queue.push(Call::Many { logs: decoded, answer }, &records, &ends, 0)?;
        Ok(answered)
    }

    /// Appends the encoding of `log` to `records`, and returns what a replay would decode from it: that, and not the
    /// caller's value, is what will be applied.
    pub(super) fn check(&self, log: S::Log, records: &mut Vec<u8>) -> Result<S::Log> {
        let start = records.len();
        let name = |index| S::MUTATIONS.get(index).map_or("?", |mutation: &crate::state::Mutation| mutation.name);
        let codec = |step, reason| Error::Codec { what: name(S::index(&log)).to_string(), step, reason };
        codec::encode(&log, records).map_err(|reason| codec("encoded", reason))?;
        let size = (records.len() - start) as u64;
        if size > self.config.max_record_size {
            let max = self.config.max_record_size;
            return Err(Error::TooLarge { mutation: name(S::index(&log)), size, max });
        }
        codec::decode(&records[start..]).map_err(|reason| codec("decoded again", reason))
    }
}
