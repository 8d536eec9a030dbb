//! How far an open is, and who wants to know.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::sync::Arc;

use crate::panic;

/// A callback is called again after this many bytes.
const STEP: u64 = 1 << 20;

/// What an open is at; see [`Progress`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// The newest checkpoint is read and decoded.
    Checkpoint,
    /// The log above it is read and checked; nothing is applied yet.
    Scan,
    /// The log's records are applied.
    Replay,
}

/// How far an open is; what the callback of [`Options::on_progress`](crate::Options::on_progress) gets.
///
/// The phases come in their order. One begins anew, with the checkpoint, where an older checkpoint stands in for a damaged
/// one, or where a record is taken back because it panicked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// What the open is at.
    pub phase: Phase,
    /// How many bytes of the phase's files are done: 0 in its first call, `total` in its last.
    pub bytes: u64,
    /// How many there are, the space that is reserved behind the log's end included.
    pub total: u64,
    /// How many records are replayed so far; 0 before the replay.
    pub records: u64,
}

/// A callback for progress.
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

/// Watches one open for a listener, if there is one.
#[derive(Debug)]
pub(crate) struct Watch {
    /// `None` also once it has panicked.
    listener: RefCell<Option<Listener>>,
    now: Cell<Progress>,
    /// At how many bytes the listener is called next.
    due: Cell<u64>,
}

impl Watch {
    pub(crate) fn new(listener: Option<Listener>) -> Watch {
        let now = Cell::new(Progress { phase: Phase::Checkpoint, bytes: 0, total: 0, records: 0 });
        Watch { listener: RefCell::new(listener), now, due: Cell::new(0) }
    }

    /// A phase begins, over `total` bytes.
    pub(crate) fn begin(&self, phase: Phase, total: u64) {
        self.now.set(Progress { phase, bytes: 0, total, records: 0 });
        self.tell();
    }

    /// So many bytes of the phase are done, and so many records replayed.
    pub(crate) fn reach(&self, bytes: u64, records: u64) {
        let now = self.now.get();
        // The last call is the phase's end.
        self.now.set(Progress { bytes: bytes.min(now.total), records, ..now });
        if bytes >= self.due.get() && bytes < now.total {
            self.tell();
        }
    }

    /// The phase is over.
    pub(crate) fn end(&self) {
        let now = self.now.get();
        self.now.set(Progress { bytes: now.total, ..now });
        self.tell();
    }

    fn tell(&self) {
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
    fn a_phase_is_told_at_its_ends_and_no_more_often_than_by_the_step() {
        let calls = heard(|watch| {
            watch.begin(Phase::Scan, 2 * STEP + 9);
            (1..=8).for_each(|eighth| watch.reach(eighth * STEP / 4, eighth));
            watch.end();
        });
        let at = |bytes, records| (Phase::Scan, bytes, 2 * STEP + 9, records);
        assert_eq!(calls, [at(0, 0), at(STEP, 4), at(2 * STEP, 8), at(2 * STEP + 9, 8)]);
    }

    #[test]
    fn an_end_that_was_reached_is_told_once() {
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
