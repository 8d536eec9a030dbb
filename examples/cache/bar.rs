//! A progress bar.

use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicUsize, Ordering};

const WIDTH: usize = 50;

/// Counts what is done, and shows it if the standard output is a terminal.
pub(crate) struct Bar {
    total: usize,
    done: AtomicUsize,
    shown: bool,
}

impl Bar {
    pub(crate) fn new(total: usize) -> Bar {
        Bar { total, done: AtomicUsize::new(0), shown: std::io::stdout().is_terminal() }
    }

    /// One more is done.
    pub(crate) fn step(&self) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        let filled = |done: usize| (WIDTH * done / self.total.max(1)).min(WIDTH);
        if self.shown && filled(done) > filled(done - 1) {
            self.draw(filled(done), done);
        }
    }

    fn draw(&self, filled: usize, done: usize) {
        let end = if done >= self.total { "\n" } else { "" };
        let mut out = std::io::stdout().lock();
        // A bar that can't be drawn is no reason to stop.
        let _ = write!(out, "\r[{:WIDTH$}] {done}/{}{end}", "#".repeat(filled), self.total);
        let _ = out.flush();
    }
}
