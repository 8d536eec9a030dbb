//! Decoding ahead of applying: reading, checking and decoding on a thread of its own, a few chunks ahead of who takes the
//! records.
//!
//! What is seen is what one thread would do: the records come in order, and an error of the reading comes behind the records
//! before it. The thread ends before [`decode`] does.

use std::collections::VecDeque;
use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use super::decode::{self, Decoded, Sink, Stopped};
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
pub(super) fn decode<S: WalState>(view: &View, span: Span, sink: &mut dyn Sink<S::Log>) -> Result<(), Stopped> {
    let (send, chunks) = sync_channel(AHEAD);
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("walr-decode".into()).spawn_scoped(scope, move || {
            let mut ahead = Ahead { send, chunk: Chunk::default() };
            let decoded = decode::decode::<S>(view, span, &mut ahead);
            // What came before an error is applied before it is met.
            ahead.hand_over().and(decoded)
        });
        // Where no more threads can be had, one does.
        let Ok(thread) = thread else { return decode::decode::<S>(view, span, sink) };
        // The chunks are gone when this returns: a thread that still wants to send ends.
        take(chunks, sink)?;
        thread.join().unwrap_or_else(|payload| resume_unwind(payload))
    })
}

fn take<L>(chunks: Receiver<Chunk<L>>, sink: &mut dyn Sink<L>) -> Result<(), Stopped> {
    for mut chunk in chunks {
        while let Some(piece) = chunk.pieces.pop_front() {
            match piece {
                Piece::Frame(read) => sink.frame(read)?,
                Piece::Record(record) => sink.record(record)?,
            }
        }
    }
    Ok(())
}

/// What a sink is told.
enum Piece<L> {
    Frame(u64),
    Record(Decoded<L>),
}

/// Some pieces, in order.
struct Chunk<L> {
    pieces: VecDeque<Piece<L>>,
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

/// Collects pieces, and sends them in chunks.
struct Ahead<L> {
    send: SyncSender<Chunk<L>>,
    chunk: Chunk<L>,
}

impl<L> Ahead<L> {
    fn put(&mut self, piece: Piece<L>, bytes: usize) -> Result<(), Stopped> {
        self.chunk.pieces.push_back(piece);
        self.chunk.bytes += bytes;
        if self.chunk.bytes >= CHUNK || self.chunk.pieces.len() >= MOST { self.hand_over() } else { Ok(()) }
    }

    fn hand_over(&mut self) -> Result<(), Stopped> {
        // Who took them ended early, for a reason of its own.
        self.send.send(std::mem::take(&mut self.chunk)).map_err(|_| Error::Closed.into())
    }
}

impl<L> Sink<L> for Ahead<L> {
    fn frame(&mut self, read: u64) -> Result<(), Stopped> {
        self.put(Piece::Frame(read), 0)
    }

    fn record(&mut self, record: Decoded<L>) -> Result<(), Stopped> {
        let bytes = record.bytes;
        self.put(Piece::Record(record), bytes)
    }
}
