//! How fast work in the background goes: in pieces, with pauses between them, so that calls get most of the disk and of the
//! processors. And how far work is that others wait for.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::options::progress::{Phase, Watch};

/// A piece of work below this is too short for a pause.
const SHORTEST_PIECE: Duration = Duration::from_micros(200);
const LONGEST_PAUSE: Duration = Duration::from_millis(20);
/// How much longer than the piece before it a pause is.
const REST: u32 = 2;

/// What other threads tell one that works in the background.
#[derive(Debug, Default)]
pub(crate) struct Signals {
    stop: AtomicBool,
    hurry: AtomicBool,
}

impl Signals {
    /// The work isn't wanted any more.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Somebody waits for the work: no more pauses.
    pub(crate) fn hurry(&self) {
        self.hurry.store(true, Ordering::Relaxed);
    }
}

/// The pace of one piece of work after the other.
#[derive(Debug)]
pub(crate) struct Pace<'a> {
    /// `None` where nothing else is going on: there are no pauses then, and no end before the end.
    signals: Option<&'a Signals>,
    watch: Option<&'a Watch>,
    began: Cell<Instant>,
}

impl<'a> Pace<'a> {
    /// Work that others wait for.
    pub(crate) fn full() -> Pace<'static> {
        Pace { signals: None, watch: None, began: Cell::new(Instant::now()) }
    }

    /// The same, and somebody wants to know how far it is.
    pub(crate) fn watched(watch: &'a Watch) -> Pace<'a> {
        Pace { signals: None, watch: Some(watch), began: Cell::new(Instant::now()) }
    }

    /// Work beside others'.
    pub(crate) fn gentle(signals: &'a Signals) -> Pace<'a> {
        Pace { signals: Some(signals), watch: None, began: Cell::new(Instant::now()) }
    }

    /// Whether anything else may be going on.
    pub(crate) fn is_in_background(&self) -> bool {
        self.signals.is_some()
    }

    pub(crate) fn is_gentle(&self) -> bool {
        self.signals.is_some_and(|signals| !signals.hurry.load(Ordering::Relaxed))
    }

    /// Whether to give the work up.
    pub(crate) fn is_stopped(&self) -> bool {
        self.signals.is_some_and(|signals| signals.stop.load(Ordering::Relaxed))
    }

    /// Between two pieces: lets others have the disk and the processor.
    pub(crate) fn pause(&self) {
        if let Some(rest) = self.rest(self.began.get().elapsed()) {
            std::thread::sleep(rest);
            self.began.set(Instant::now());
        }
    }

    /// How long to pause after a piece that took so long.
    fn rest(&self, took: Duration) -> Option<Duration> {
        (self.is_gentle() && took >= SHORTEST_PIECE).then(|| (took * REST).min(LONGEST_PAUSE))
    }

    /// The work begins on `total` bytes.
    pub(crate) fn begin(&self, phase: Phase, total: u64) {
        if let Some(watch) = self.watch {
            watch.begin(phase, total);
        }
    }

    /// So many bytes of the phase are done, and so many records replayed.
    pub(crate) fn reach(&self, bytes: u64, records: u64) {
        if let Some(watch) = self.watch {
            watch.reach(bytes, records);
        }
    }

    /// The phase is over.
    pub(crate) fn end(&self) {
        if let Some(watch) = self.watch {
            watch.end();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gentle_work_rests_until_somebody_waits_for_it() {
        let signals = Signals::default();
        let pace = Pace::gentle(&signals);
        let ms = Duration::from_millis;
        assert_eq!(pace.rest(ms(1)), Some(ms(2)));
        assert_eq!(pace.rest(Duration::from_micros(199)), None, "too short a piece");
        assert_eq!(pace.rest(ms(500)), Some(ms(20)), "never for long");
        signals.hurry();
        assert_eq!(pace.rest(ms(1)), None);
        assert!(pace.is_in_background() && !pace.is_gentle() && !pace.is_stopped());
        assert_eq!(Pace::full().rest(ms(1)), None);
    }

    #[test]
    fn work_that_nobody_wants_ends() {
        let signals = Signals::default();
        let pace = Pace::gentle(&signals);
        assert!(!pace.is_stopped());
        signals.stop();
        assert!(pace.is_stopped());
        assert!(!Pace::full().is_stopped());
    }
}
