//! Throttled work: background work rests after each piece, so that calls get most of the disk and of the processors.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// A shorter piece of work is followed by no rest.
const SHORTEST_PIECE: Duration = Duration::from_micros(200);
const LONGEST_REST: Duration = Duration::from_millis(20);
/// The length of a rest, as a multiple of the piece before it.
const REST_FACTOR: u32 = 2;

/// Requests of other threads to a thread that works in the background.
#[derive(Debug, Default)]
pub(crate) struct WorkSignals {
    cancelled: AtomicBool,
    unthrottled: AtomicBool,
}

impl WorkSignals {
    /// Asks the thread to give up its work.
    pub(crate) fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// Asks the thread to work without rests, because another thread waits for it.
    pub(crate) fn unthrottle(&self) {
        self.unthrottled.store(true, Ordering::Relaxed);
    }
}

/// The throttle of a piece of work.
#[derive(Debug)]
pub(crate) struct Throttle<'a> {
    /// `None` for work in the foreground, which never rests and can't be cancelled.
    signals: Option<&'a WorkSignals>,
    began: Cell<Instant>,
}

impl<'a> Throttle<'a> {
    /// Creates a throttle for work in the foreground, which does nothing.
    pub(crate) fn off() -> Throttle<'static> {
        Throttle { signals: None, began: Cell::new(Instant::now()) }
    }

    /// Creates a throttle for work in the background, which obeys `signals`.
    pub(crate) fn background(signals: &'a WorkSignals) -> Throttle<'a> {
        Throttle { signals: Some(signals), began: Cell::new(Instant::now()) }
    }

    pub(crate) fn is_in_background(&self) -> bool {
        self.signals.is_some()
    }

    /// Returns whether the work rests between its pieces.
    pub(crate) fn is_on(&self) -> bool {
        self.signals.is_some_and(|signals| !signals.unthrottled.load(Ordering::Relaxed))
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.signals.is_some_and(|signals| signals.cancelled.load(Ordering::Relaxed))
    }

    /// Rests after a piece of work, if the throttle is on.
    pub(crate) fn rest(&self) {
        if let Some(rest) = self.rest_after(self.began.get().elapsed()) {
            std::thread::sleep(rest);
            self.began.set(Instant::now());
        }
    }

    fn rest_after(&self, piece: Duration) -> Option<Duration> {
        (self.is_on() && piece >= SHORTEST_PIECE).then(|| (piece * REST_FACTOR).min(LONGEST_REST))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn background_work_rests_until_it_is_unthrottled() {
        let signals = WorkSignals::default();
        let throttle = Throttle::background(&signals);
        let ms = Duration::from_millis;
        assert_eq!(throttle.rest_after(ms(1)), Some(ms(2)));
        assert_eq!(throttle.rest_after(Duration::from_micros(199)), None, "a short piece");
        assert_eq!(throttle.rest_after(ms(500)), Some(ms(20)), "a long piece");
        signals.unthrottle();
        assert_eq!(throttle.rest_after(ms(1)), None);
        assert!(throttle.is_in_background() && !throttle.is_on() && !throttle.is_cancelled());
        assert_eq!(Throttle::off().rest_after(ms(1)), None);
    }

    #[test]
    fn only_background_work_can_be_cancelled() {
        let signals = WorkSignals::default();
        let throttle = Throttle::background(&signals);
        assert!(!throttle.is_cancelled());
        signals.cancel();
        assert!(throttle.is_cancelled());
        assert!(!Throttle::off().is_cancelled());
    }

    #[test]
    fn a_rest_sleeps_and_begins_the_next_piece() {
        let (signals, ms) = (WorkSignals::default(), Duration::from_millis);
        let throttle = Throttle::background(&signals);
        std::thread::sleep(ms(1));
        let before = Instant::now();
        throttle.rest();
        assert!(before.elapsed() >= ms(2));
        assert!(throttle.began.get() >= before + ms(2));
    }
}
