//! Decoding ahead of applying: reading, checking and decoding on a thread of its own, a few chunks ahead of who takes the
//! records.
//!
//! What is seen is what one thread would do: the records come in order, and an error of the reading comes behind the records
//! before it. The thread ends before [`decode`] does.

use std::collections::VecDeque;
use std::panic::resume_unwind;
use std::thread;

use parking_lot::{Condvar, Mutex};

use super::decode::{self, DecodedRecord, RecordSink, ReplayError};
use crate::error::Error;
use crate::log::view::{Span, View};
use crate::panic::drop_quietly;
use crate::schema::state::WalState;

/// How many chunks may wait to be taken. In memory there are at most two more: one is filled, one is emptied.
const AHEAD: usize = 2;
/// A chunk is full with this many bytes of records, or with one record that is larger,
const CHUNK: usize = 64 * 1024;
/// or with this many records and frames.
const MOST: usize = 1024;

/// Decodes the records of `span` into `sink`, on two threads.
pub(super) fn decode<S: WalState>(
    view: &View,
    span: Span,
    sink: &mut dyn RecordSink<S::Log>,
) -> Result<(), ReplayError> {
    let line = ChunkQueue::default();
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("walr-decode".into()).spawn_scoped(scope, || {
            let _ended = EndGuard(&line);
            let mut ahead = ChunkSender { line: &line, chunk: Chunk::default() };
            let decoded = decode::decode::<S>(view, span, &mut ahead);
            // What came before an error is applied before it is met.
            ahead.hand_over().and(decoded)
        });
        // Where no more threads can be had, one does.
        let Ok(thread) = thread else { return decode::decode::<S>(view, span, sink) };
        let taken = {
            // A thread that still wants to hand over ends.
            let _ended = EndGuard(&line);
            take(&line, sink)
        };
        taken?;
        thread.join().unwrap_or_else(|payload| resume_unwind(payload))
    })
}

fn take<L>(line: &ChunkQueue<L>, sink: &mut dyn RecordSink<L>) -> Result<(), ReplayError> {
    while let Some(mut chunk) = line.next() {
        while let Some(piece) = chunk.pieces.pop_front() {
            match piece {
                SinkCall::Frame(read) => sink.frame(read)?,
                SinkCall::Record(record) => sink.record(record)?,
            }
        }
    }
    Ok(())
}

/// A queue of chunks between the two threads. Both wait until there is a chunk, or space for one, or the other has ended.
struct ChunkQueue<L> {
    inner: Mutex<(VecDeque<Chunk<L>>, bool)>,
    changed: Condvar,
}

impl<L> Default for ChunkQueue<L> {
    fn default() -> Self {
        ChunkQueue { inner: Mutex::new((VecDeque::new(), false)), changed: Condvar::new() }
    }
}

impl<L> ChunkQueue<L> {
    /// Adds a chunk; gives it back if nobody takes it any more.
    fn put(&self, chunk: Chunk<L>) -> Result<(), Chunk<L>> {
        let mut inner = self.inner.lock();
        while inner.0.len() >= AHEAD && !inner.1 {
            self.changed.wait(&mut inner);
        }
        if inner.1 {
            return Err(chunk);
        }
        inner.0.push_back(chunk);
        self.changed.notify_all();
        Ok(())
    }

    /// The next chunk; `None` when all are taken and no more will come.
    fn next(&self) -> Option<Chunk<L>> {
        let mut inner = self.inner.lock();
        while inner.0.is_empty() && !inner.1 {
            self.changed.wait(&mut inner);
        }
        self.changed.notify_all();
        inner.0.pop_front()
    }
}

/// Tells the other thread, however this one ends.
struct EndGuard<'a, L>(&'a ChunkQueue<L>);

impl<L> Drop for EndGuard<'_, L> {
    fn drop(&mut self) {
        self.0.inner.lock().1 = true;
        self.0.changed.notify_all();
    }
}

/// What a sink is told.
enum SinkCall<L> {
    Frame(u64),
    Record(DecodedRecord<L>),
}

/// Some pieces, in order.
struct Chunk<L> {
    pieces: VecDeque<SinkCall<L>>,
    bytes: usize,
}

impl<L> Default for Chunk<L> {
    fn default() -> Self {
        Chunk { pieces: VecDeque::new(), bytes: 0 }
    }
}

impl<L> Drop for Chunk<L> {
    fn drop(&mut self) {
        // One by one: of two values that panic as they go, the second would end the process.
        while let Some(piece) = self.pieces.pop_front() {
            drop_quietly(piece);
        }
    }
}

/// Collects pieces, and hands them over in chunks.
struct ChunkSender<'a, L> {
    line: &'a ChunkQueue<L>,
    chunk: Chunk<L>,
}

impl<L> ChunkSender<'_, L> {
    fn put(&mut self, piece: SinkCall<L>, bytes: usize) -> Result<(), ReplayError> {
        self.chunk.pieces.push_back(piece);
        self.chunk.bytes += bytes;
        if self.chunk.bytes >= CHUNK || self.chunk.pieces.len() >= MOST { self.hand_over() } else { Ok(()) }
    }

    fn hand_over(&mut self) -> Result<(), ReplayError> {
        // Who took them ended early, for a reason of its own.
        self.line.put(std::mem::take(&mut self.chunk)).map_err(|_| Error::Closed.into())
    }
}

impl<L> RecordSink<L> for ChunkSender<'_, L> {
    fn frame(&mut self, read: u64) -> Result<(), ReplayError> {
        self.put(SinkCall::Frame(read), 0)
    }

    fn record(&mut self, record: DecodedRecord<L>) -> Result<(), ReplayError> {
        let bytes = record.bytes;
        self.put(SinkCall::Record(record), bytes)
    }
}
