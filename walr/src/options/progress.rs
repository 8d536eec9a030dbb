//! The progress of an open, and the callback that hears of it.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::sync::Arc;

use crate::panic;

/// The bytes between two calls of the callback.
const STEP: u64 = 1 << 20;

/// A phase of an open; see [`Progress`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// Reads and decodes the newest checkpoint.
    Checkpoint,
    /// Reads and checks the log after that checkpoint, and applies nothing.
    Scan,
    /// Applies the records of the log.
    Replay,
}

/// The progress of an open; the argument of the callback of [`Options::on_progress`](crate::Options::on_progress).
///
/// The phases follow each other in order. They begin again if the newest checkpoint is corrupt and an older one is loaded, or if a
/// record panics on replay and is aborted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// The current phase.
    pub phase: Phase,
    /// The bytes of the phase's files that are done: 0 in the first call of a phase, `total` in the last.
    pub bytes: u64,
    /// The bytes of the phase's files, with the reserved space after the end of the log.
    pub total: u64,
    /// The records that were replayed so far; 0 before the replay.
    pub records: u64,
}

/// The callback of [`Options::on_progress`](crate::Options::on_progress).
#[derive(Clone)]
pub(crate) struct Listener(Arc<dyn Fn(Progress) + Send + Sync>);

impl Listener {
    pub(crate) fn new(callback: impl Fn(Progress) + Send + Sync + 'static) -> Listener {
        Listener(Arc::new(callback))
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a callback")
    }
}

/// Reports the progress of one open to a listener, if there is one.
#[derive(Debug)]
pub(crate) struct Watch {
    /// `None` after a panic of the callback.
    listener: RefCell<Option<Listener>>,
    now: Cell<Progress>,
    /// The bytes at which the listener is called next.
    due: Cell<u64>,
}

impl Watch {
    pub(crate) fn new(listener: Option<Listener>) -> Watch {
        let now = Cell::new(Progress { phase: Phase::Checkpoint, bytes: 0, total: 0, records: 0 });
        Watch { listener: RefCell::new(listener), now, due: Cell::new(0) }
    }

    /// Creates a report that nobody gets.
    pub(crate) fn none() -> Watch {
        Watch::new(None)
    }

    /// Begins a phase over `total` bytes.
    pub(crate) fn begin(&self, phase: Phase, total: u64) {
        self.now.set(Progress { phase, bytes: 0, total, records: 0 });
        self.report();
    }

    /// Sets how many bytes of the phase are done, and how many records are replayed.
    pub(crate) fn reach(&self, bytes: u64, records: u64) {
        let now = self.now.get();
        // `end` makes the last call.
        self.now.set(Progress { bytes: bytes.min(now.total), records, ..now });
        if bytes >= self.due.get() && bytes < now.total {
            self.report();
        }
    }

    /// Ends the phase.
    pub(crate) fn end(&self) {
        let now = self.now.get();
        self.now.set(Progress { bytes: now.total, ..now });
        self.report();
    }

    fn report(&self) {
        let now = self.now.get();
        self.due.set(now.bytes + STEP);
        if let Some(listener) = self.listener.take()
            && panic::catch(|| (listener.0)(now)).is_ok()
        {
            self.listener.replace(Some(listener));
        }
    }
}

#[cfg(test)]
mod tests {
    use parking_lot::Mutex;

    use super::*;

    fn heard(watch: impl FnOnce(&Watch)) -> Vec<(Phase, u64, u64, u64)> {
        let calls = Arc::new(Mutex::new(Vec::new()));
        let heard = calls.clone();
        let call = move |at: Progress| heard.lock().push((at.phase, at.bytes, at.total, at.records));
        watch(&Watch::new(Some(Listener::new(call))));
        std::mem::take(&mut *calls.lock())
    }

    #[test]
    fn a_phase_is_reported_at_its_ends_and_once_per_step() {
        let calls = heard(|watch| {
            watch.begin(Phase::Scan, 2 * STEP + 9);
            (1..=8).for_each(|eighth| watch.reach(eighth * STEP / 4, eighth));
            watch.end();
        });
        let at = |bytes, records| (Phase::Scan, bytes, 2 * STEP + 9, records);
        assert_eq!(calls, [at(0, 0), at(STEP, 4), at(2 * STEP, 8), at(2 * STEP + 9, 8)]);
    }

    #[test]
    fn an_end_that_was_reached_is_reported_once() {
        let calls = heard(|watch| {
            watch.begin(Phase::Replay, 5);
            watch.reach(5, 1);
            watch.end();
            watch.begin(Phase::Checkpoint, 0);
            watch.end();
        });
        let (replay, checkpoint) = (Phase::Replay, Phase::Checkpoint);
        assert_eq!(calls, [(replay, 0, 5, 0), (replay, 5, 5, 1), (checkpoint, 0, 0, 0), (checkpoint, 0, 0, 0)]);
    }

    #[test]
    fn a_listener_that_panics_is_not_called_again() {
        let calls = Arc::new(Mutex::new(0));
        let count = calls.clone();
        let call = move |_: Progress| {
            *count.lock() += 1;
            panic!("the listener is broken");
        };
        let watch = Watch::new(Some(Listener::new(call)));
        watch.begin(Phase::Checkpoint, 1);
        watch.end();
        assert_eq!(*calls.lock(), 1);
    }
}
