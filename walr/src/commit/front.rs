//! The calls of a handle: checks and encodes them on the caller's thread, and queues them, or commits them there if no sync is to be
//! waited for.

use std::cell::RefCell;
use std::sync::Arc;

use tokio::sync::oneshot;

#[cfg(test)]
use super::answer::BatchResult;
use super::core::Core;
use super::queue::{Call, Closing, Request};
use crate::codec::{self, Refusal};
use crate::error::{Error, Fate, Result};
use crate::options::Durability;
use crate::panic::{Quiet, woken_quietly};
use crate::schema::state::{Begun, Mutation, Recorded, WalState};
use crate::schema::waiting::Waiting;

/// The largest buffer that is kept for the next call.
const SPARE_BUFFER: usize = 2 << 20;

thread_local! {
    /// The buffer for the encoding of a call, which is kept for its memory.
    static ENCODED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// The calling side of an open store.
pub(crate) struct Front<S: Recorded> {
    pub(crate) core: Arc<Core<S>>,
}

impl<S: Recorded> Front<S> {
    pub(crate) fn new(core: Arc<Core<S>>) -> Self {
        Front { core }
    }

    /// Refuses calls that could never be answered.
    pub(crate) fn admit(&self) -> Result<()> {
        self.core.admission.check(Fate::NotRecorded)
    }

    /// Sends a request to the log thread, and waits for its answer.
    pub(crate) async fn ask<T>(&self, request: impl FnOnce(oneshot::Sender<Result<T>>) -> Request<S>) -> Result<T> {
        self.admit()?;
        let (answer, answered) = oneshot::channel();
        self.core.queue.request(request(answer)).map_err(|_| Error::Closed)?;
        let answered = async { answered.await.unwrap_or_else(|_| Err(self.ended())) };
        self.core.admission.outside(Fate::Unknown, answered).await
    }

    /// Returns the error of a call without an answer.
    fn ended(&self) -> Error {
        match self.core.latch.get() {
            Some(_) => Error::Thread { reason: "the store's threads ended without an answer".to_string() },
            None => Error::Closed,
        }
    }

    /// Closes the store, and waits until that is done.
    pub(crate) async fn close(&self) -> Result<()> {
        self.admit()?;
        self.core.queue.close(Closing::Close);
        let mut closed = self.core.closed.subscribe();
        let done = async {
            let done = woken_quietly(closed.wait_for(Option::is_some)).await.map_err(|_| self.ended())?;
            done.clone().unwrap_or(Ok(()))
        };
        self.core.admission.outside(Fate::Unknown, done).await
    }
}

impl<S: WalState> Front<S> {
    /// Records one log value.
    pub(crate) async fn mutate(&self, log: S::Log) -> Result<S::Outcome> {
        self.begin(log).outcome().await
    }

    /// Begins a call: commits it here, or puts it into the queue, or returns its wait for capacity.
    pub(crate) fn begin(&self, log: S::Log) -> Begun<'_, S> {
        self.try_begin(log).unwrap_or_else(|error| Begun::Answered(Err(error)))
    }

    fn try_begin(&self, log: S::Log) -> Result<Begun<'_, S>> {
        self.admit()?;
        self.core.failed()?;
        let mut record = ENCODED.take();
        record.clear();
        let mut log = Quiet::new(self.core.check(log, &mut record)?);
        if self.commits_alone() {
            match self.core.commit_alone(log, &record) {
                Ok(result) => {
                    keep(record);
                    return result.map(|outcome| Begun::Answered(Ok(outcome.into_inner())));
                }
                Err(back) => log = back,
            }
        }
        match self.core.queue.try_capacity(record.len())? {
            Some(capacity) => Ok(Begun::Queued(self.queue_one(log, record, capacity)?)),
            None => Ok(Begun::Delayed(Box::pin(async move {
                let capacity = self.capacity_for(record.len()).await?;
                self.queue_one(log, record, capacity)?.answer().await.map(Quiet::into_inner)
            }))),
        }
    }

    /// Puts a call into the queue, whose capacity it holds already.
    fn queue_one(&self, log: Quiet<S::Log>, record: Vec<u8>, capacity: u32) -> Result<Waiting<Quiet<S::Outcome>>> {
        let (answer, waiting) = self.waiting();
        self.core.queue.push(Call::One { log, answer }, &record, &[record.len()], capacity)?;
        keep(record);
        Ok(waiting)
    }

    /// Makes the two ends of an answer. The call isn't in the queue yet.
    fn waiting<T>(&self) -> (oneshot::Sender<Result<T>>, Waiting<T>) {
        let (sender, answer) = oneshot::channel();
        let spin = self.core.queue.spin();
        (sender, Waiting { answer, spin, admission: self.core.admission })
    }

    /// Waits until the queue has the capacity for so many bytes of records.
    async fn capacity_for(&self, bytes: usize) -> Result<u32> {
        if let Some(capacity) = self.core.queue.try_capacity(bytes)? {
            return Ok(capacity);
        }
        self.core.admission.outside(Fate::NotRecorded, self.core.queue.wait_for_capacity(bytes)).await
    }

    /// Returns whether a caller commits its own call, because no sync is to be waited for, or because the user wants it.
    fn commits_alone(&self) -> bool {
        self.core.config.durability != Durability::Sync || self.core.config.commit_on_caller
    }

    /// Records log values as one batch.
    pub(crate) async fn mutate_all(&self, logs: Vec<S::Log>) -> Result<Vec<S::Outcome>> {
        self.admit()?;
        self.core.failed()?;
        if logs.is_empty() {
            return Ok(Vec::new());
        }
        let Batch { logs, records, ends } = self.core.check_all(logs)?;
        let capacity = self.capacity_for(records.len()).await?;
        let (answer, waiting) = self.waiting();
        self.core.queue.push(Call::Many { logs, answer }, &records, &ends, capacity)?;
        drop(records);
        let outcomes = waiting.answer().await;
        outcomes.map(|outcomes| outcomes.into_iter().map(Quiet::into_inner).collect())
    }
}

/// A batch that was checked.
struct Batch<S: Recorded> {
    /// The log values as a replay would decode them.
    logs: Vec<Quiet<S::Log>>,
    /// Their encodings, one after the other.
    records: Vec<u8>,
    /// The end of each encoding.
    ends: Vec<usize>,
}

/// Keeps a buffer for this thread's next call.
fn keep(buffer: Vec<u8>) {
    if buffer.capacity() <= SPARE_BUFFER {
        ENCODED.set(buffer);
    }
}

impl<S: WalState> Core<S> {
    /// Puts a call into the queue without waiting for capacity or for the answer, as a crash test does.
    #[cfg(test)]
    pub(crate) fn enqueue(&self, logs: Vec<S::Log>) -> Result<oneshot::Receiver<BatchResult<S>>> {
        let Batch { logs, records, ends } = self.check_all(logs)?;
        let (answer, answered) = oneshot::channel();
        self.queue.push(Call::Many { logs, answer }, &records, &ends, 0)?;
        Ok(answered)
    }

    /// Commits a call on the caller's thread, as `mutate` does. Returns the call if that can't be done.
    #[cfg(test)]
    pub(crate) fn apply_alone(&self, log: S::Log) -> Result<Result<S::Outcome>, S::Log> {
        let mut record = Vec::new();
        match self.check(log, &mut record) {
            Ok(log) => match self.commit_alone(Quiet::new(log), &record) {
                Ok(result) => Ok(result.map(Quiet::into_inner)),
                Err(log) => Err(log.into_inner()),
            },
            Err(error) => Ok(Err(error)),
        }
    }

    fn check_all(&self, logs: Vec<S::Log>) -> Result<Batch<S>> {
        let count = logs.len();
        if count as u64 > u64::from(self.config.batch_records) {
            return Err(Error::TooMany { records: count as u64, max: self.config.batch_records.into() });
        }
        let mut batch = Batch { logs: Vec::with_capacity(count), records: Vec::new(), ends: Vec::with_capacity(count) };
        for log in logs {
            batch.logs.push(Quiet::new(self.check(log, &mut batch.records)?));
            batch.ends.push(batch.records.len());
        }
        Ok(batch)
    }

    /// Appends the encoding of `log` to `records`, and returns the value that a replay would decode from it. That value, and not the
    /// caller's, is applied. If the two are known to be the same, nothing is decoded.
    fn check(&self, log: S::Log, records: &mut Vec<u8>) -> Result<S::Log> {
        let start = records.len();
        let mutation = S::MUTATIONS.get(S::index(&log));
        let name = mutation.map_or("?", |mutation: &Mutation| mutation.name);
        let reads_back = mutation.is_some_and(|mutation| mutation.reads_back);
        let params = mutation.map_or(&[][..], |mutation| mutation.params);
        let refused = |refusal: Refusal| refusal.of_call(name, params);
        let tokens = match reads_back {
            true => codec::encode(&log, records).map(|()| None).map_err(Refusal::encoding),
            false => codec::encode_noted(&log, records).map(Some),
        };
        let tokens = tokens.map_err(refused)?;
        let size = (records.len() - start) as u64;
        if size > self.config.max_record_size {
            let max = self.config.max_record_size;
            return Err(Error::TooLarge { mutation: name, size, max });
        }
        match tokens {
            None => Ok(log),
            Some(tokens) => codec::decode_again(&log, &records[start..], &tokens).map_err(refused),
        }
    }
}
