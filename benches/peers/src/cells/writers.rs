//! W1 to W4 and W9: tasks or threads that insert one after the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::Result;

use super::{Cell, mode, must_have, ready, runtime, wait};
use crate::engine::Engine;
use crate::input::{KEYS, Values, key};
use crate::measure::{Figures, Latencies, peak_memory};

/// The number of keys for values of 1 MiB, which would not fit into memory otherwise.
const KEYS_OF_LARGE: u64 = 64;
/// The bytes of a log that an engine writes in a second at the most, so that okaywal's log doesn't reach its end.
const LOG_A_SECOND: f64 = 24e6;
/// Buffered inserts are so short that only each 16th is timed.
const TIMED: u64 = 16;
/// A buffered insert never waits, and would keep the other tasks of its thread from running.
const YIELD: u64 = 64;

/// A writer: of `writers` it does the inserts `first`, `first + writers`, ...
#[derive(Clone)]
struct Writer<E> {
    engine: Arc<E>,
    values: Arc<Values>,
    stop: Arc<AtomicBool>,
    first: u64,
    writers: u64,
    most: u64,
    keys: u64,
    sync: bool,
}

impl<E: Engine> Writer<E> {
    async fn run(self) -> Result<(u64, Latencies)> {
        let (mut latencies, mut done) = (Latencies::default(), 0);
        while done < self.most && !self.stop.load(Ordering::Relaxed) {
            let at = self.first + done * self.writers;
            let (key, value) = (key(at % self.keys), self.values.get(at));
            if self.sync || done.is_multiple_of(TIMED) {
                let began = Instant::now();
                self.engine.insert(key, value).await?;
                latencies.add(began.elapsed());
            } else {
                self.engine.insert(key, value).await?;
            }
            done += 1;
            if E::ASYNC && !self.sync && done.is_multiple_of(YIELD) {
                tokio::task::yield_now().await;
            }
        }
        Ok((done, latencies))
    }
}

pub(super) fn run<E: Engine>(cell: &Cell, sync: bool) -> Result<Figures> {
    let note = mode::<E>(sync)?;
    let runtime = runtime()?;
    let is_large = cell.work == "w9";
    // `raw` writes a small file again and again: many zeros would use up the disk's burst.
    let hint = match (cell.engine == "raw", is_large) {
        (true, false) => 16 << 20,
        (true, true) => 64 << 20,
        (false, false) => ((cell.secs * LOG_A_SECOND) as u64).max(32 << 20),
        (false, true) => 1 << 30,
    };
    let engine = Arc::new(E::open(&cell.opts(sync, hint, &runtime))?);
    let values = Arc::new(Values::new(cell.len));
    let keys = if is_large { KEYS_OF_LARGE } else { KEYS };
    // Not measured: the first insert may have to sync a new file.
    wait::<E, _>(runtime.handle(), engine.insert(key(u64::MAX), values.get(0)))?;
    let (writers, most, stop) = (cell.writers, cell.count / cell.writers, Arc::new(AtomicBool::new(false)));
    let writer = |first| Writer {
        engine: engine.clone(),
        values: values.clone(),
        stop: stop.clone(),
        first,
        writers,
        most,
        keys,
        sync,
    };
    let began = Instant::now();
    let results: Result<Vec<_>> = if E::ASYNC {
        let tasks: Vec<_> = (0..writers).map(|first| runtime.spawn(writer(first).run())).collect();
        wait_until(cell, &stop, began, || tasks.iter().all(|task| task.is_finished()));
        tasks.into_iter().map(|task| runtime.block_on(task)?).collect()
    } else {
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..writers).map(|first| scope.spawn(move || ready(writer(first).run()))).collect();
            wait_until(cell, &stop, began, || threads.iter().all(|thread| thread.is_finished()));
            threads.into_iter().map(|thread| thread.join().expect("no writer panics")).collect()
        })
    };
    let (results, secs) = (results?, began.elapsed().as_secs_f64());
    let done: u64 = results.iter().map(|(done, _)| done).sum();
    let last = results[0].0.saturating_sub(1) * writers;
    // `raw` keeps no map, and where keys repeat a later insert may have taken the key.
    if cell.engine != "raw" && done < keys {
        must_have(&*engine, last, &values.get(last))?;
    }
    let mut latencies = Latencies::default();
    results.into_iter().for_each(|(_, own)| latencies.extend(own));
    let memory = peak_memory();
    if let Some(engine) = Arc::into_inner(engine) {
        engine.close()?;
    }
    let unit = if is_large { cell.len as f64 / 1e6 } else { 1.0 };
    let value = done as f64 * unit / secs;
    Ok(Figures { value, latencies: latencies.percentiles(), memory, note: note.to_string(), error: None })
}

fn wait_until(cell: &Cell, stop: &AtomicBool, began: Instant, ended: impl Fn() -> bool) {
    while began.elapsed() < cell.limit() && !ended() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    stop.store(true, Ordering::Relaxed);
}

/// The bound of group commit: each sync carries one record of each writer, and nobody is told.
pub(super) fn raw_groups<E: Engine>(cell: &Cell) -> Result<Figures> {
    let runtime = runtime()?;
    let engine = E::open(&cell.opts(true, 16 << 20, &runtime))?;
    let values = Values::new(cell.len);
    let (mut latencies, mut done, began) = (Latencies::default(), 0, Instant::now());
    while began.elapsed() < cell.limit() {
        let items = values.items(done..done + cell.writers);
        let began = Instant::now();
        ready(engine.batch(items))?;
        latencies.add(began.elapsed());
        done += cell.writers;
    }
    let value = done as f64 / began.elapsed().as_secs_f64();
    let note = "one thread: a record of each task for each `pwrite` and `fdatasync`".to_string();
    Ok(Figures { value, latencies: latencies.percentiles(), memory: peak_memory(), note, error: None })
}
