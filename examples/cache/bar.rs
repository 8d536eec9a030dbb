//! A progress bar.

use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicUsize, Ordering};

const WIDTH: usize = 50;

/// Counts the steps that are done, and shows them if the standard output is a terminal.
pub(crate) struct Bar {
    total: usize,
    done: AtomicUsize,
    shown: bool,
}

impl Bar {
    pub(crate) fn new(total: usize) -> Bar {
        Bar { total, done: AtomicUsize::new(0), shown: std::io::stdout().is_terminal() }
    }

    /// Counts a step.
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
        // The work goes on if the bar can't be drawn.
        let _ = write!(out, "\r[{:WIDTH$}] {done}/{}{end}", "#".repeat(filled), self.total);
        let _ = out.flush();
    }
}
