//! Reads, checks and decodes records on a thread of its own, a few chunks ahead of the thread that applies them.
//!
//! The sink gets the same calls as from one thread: the records in order, and an error of the decoding thread after the records before
//! it. The thread ends before [`decode`] returns.

use std::collections::VecDeque;
use std::panic::resume_unwind;
use std::thread;

use parking_lot::{Condvar, Mutex};

use super::decode::{self, DecodedRecord, RecordSink, ReplayError};
use crate::error::Error;
use crate::fs::STACK_BYTES;
use crate::log::frame::FrameHeader;
use crate::log::view::{Span, View};
use crate::panic::drop_quietly;
use crate::schema::state::WalState;

/// The most chunks in the queue. There are at most two more in memory, one on each thread.
const MOST_QUEUED: usize = 2;
/// A chunk is full when it has this many bytes of records,
const CHUNK_BYTES: usize = 64 * 1024;
/// or this many records and frames.
const CHUNK_CALLS: usize = 1024;

/// Decodes the records of `span` into `sink`, on two threads.
pub(super) fn decode<S: WalState>(
    view: &View,
    span: Span,
    sink: &mut dyn RecordSink<S::Log>,
) -> Result<(), ReplayError> {
    let queue = ChunkQueue::default();
    thread::scope(|scope| {
        let builder = thread::Builder::new().name("walr-decode".into()).stack_size(STACK_BYTES);
        let thread = builder.spawn_scoped(scope, || {
            let _ended = EndGuard(&queue);
            let mut sender = ChunkSender { queue: &queue, chunk: Chunk::default() };
            let decoded = decode::decode::<S>(view, span, &mut sender);
            // The sink gets the records before an error, and then the error.
            sender.send().and(decoded)
        });
        // Without a second thread, this one decodes.
        let Ok(thread) = thread else { return decode::decode::<S>(view, span, sink) };
        let received = {
            // After an error of the sink, this ends the decoding thread.
            let _ended = EndGuard(&queue);
            receive(&queue, sink)
        };
        received?;
        thread.join().unwrap_or_else(|payload| resume_unwind(payload))
    })
}

fn receive<L>(queue: &ChunkQueue<L>, sink: &mut dyn RecordSink<L>) -> Result<(), ReplayError> {
    while let Some(mut chunk) = queue.next() {
        while let Some(call) = chunk.calls.pop_front() {
            match call {
                SinkCall::Frame(read, header) => sink.frame(read, &header)?,
                SinkCall::Record(record) => sink.record(record)?,
            }
        }
    }
    Ok(())
}

/// A queue of chunks between the two threads.
struct ChunkQueue<L> {
    /// The chunks, and `true` once one of the threads has ended.
    inner: Mutex<(VecDeque<Chunk<L>>, bool)>,
    changed: Condvar,
}

impl<L> Default for ChunkQueue<L> {
    fn default() -> Self {
        ChunkQueue { inner: Mutex::new((VecDeque::new(), false)), changed: Condvar::new() }
    }
}

impl<L> ChunkQueue<L> {
    /// Adds a chunk once there is space for it. Returns it if the other thread has ended.
    fn put(&self, chunk: Chunk<L>) -> Result<(), Chunk<L>> {
        let mut inner = self.inner.lock();
        while inner.0.len() >= MOST_QUEUED && !inner.1 {
            self.changed.wait(&mut inner);
        }
        if inner.1 {
            return Err(chunk);
        }
        inner.0.push_back(chunk);
        self.changed.notify_all();
        Ok(())
    }

    /// Waits for the next chunk. Returns `None` after the last one.
    fn next(&self) -> Option<Chunk<L>> {
        let mut inner = self.inner.lock();
        while inner.0.is_empty() && !inner.1 {
            self.changed.wait(&mut inner);
        }
        self.changed.notify_all();
        inner.0.pop_front()
    }
}

/// Tells the other thread on drop that this one has ended.
struct EndGuard<'a, L>(&'a ChunkQueue<L>);

impl<L> Drop for EndGuard<'_, L> {
    fn drop(&mut self) {
        self.0.inner.lock().1 = true;
        self.0.changed.notify_all();
    }
}

/// A call of a sink.
enum SinkCall<L> {
    Frame(u64, FrameHeader),
    Record(DecodedRecord<L>),
}

/// Some calls, in order.
struct Chunk<L> {
    calls: VecDeque<SinkCall<L>>,
    bytes: usize,
}

impl<L> Default for Chunk<L> {
    fn default() -> Self {
        Chunk { calls: VecDeque::new(), bytes: 0 }
    }
}

impl<L> Drop for Chunk<L> {
    fn drop(&mut self) {
        // One by one: if two values panicked during the drop of a list, the second panic would end the process.
        while let Some(call) = self.calls.pop_front() {
            drop_quietly(call);
        }
    }
}

/// A sink that sends its calls to the queue in chunks.
struct ChunkSender<'a, L> {
    queue: &'a ChunkQueue<L>,
    chunk: Chunk<L>,
}

impl<L> ChunkSender<'_, L> {
    fn put(&mut self, call: SinkCall<L>, bytes: usize) -> Result<(), ReplayError> {
        self.chunk.calls.push_back(call);
        self.chunk.bytes += bytes;
        if self.chunk.bytes >= CHUNK_BYTES || self.chunk.calls.len() >= CHUNK_CALLS { self.send() } else { Ok(()) }
    }

    fn send(&mut self) -> Result<(), ReplayError> {
        // If the receiver has ended, its own error is returned, and not this one.
        self.queue.put(std::mem::take(&mut self.chunk)).map_err(|_| Error::Closed.into())
    }
}

impl<L> RecordSink<L> for ChunkSender<'_, L> {
    fn frame(&mut self, read: u64, header: &FrameHeader) -> Result<(), ReplayError> {
        self.put(SinkCall::Frame(read, *header), 0)
    }

    fn record(&mut self, record: DecodedRecord<L>) -> Result<(), ReplayError> {
        let bytes = record.bytes;
        self.put(SinkCall::Record(record), bytes)
    }
}
