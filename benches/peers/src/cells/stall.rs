//! W8: inserts at a fixed rate while a large state is written to a checkpoint, or a database is compacted.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::{Cell, mode, runtime, wait};
use crate::engine::Engine;
use crate::input::{Values, key};
use crate::measure::{Figures, Latencies, peak_memory};

/// Inserts a second.
const RATE: u32 = 2000;
const BATCH: u64 = 1000;
/// The time of the inserts before the checkpoint.
const BEFORE: Duration = Duration::from_millis(1500);
const AFTER: Duration = Duration::from_millis(200);

pub(super) fn run<E: Engine>(cell: &Cell) -> Result<Figures> {
    let note = mode::<E>(false).or(mode::<E>(true))?;
    let runtime = runtime()?;
    let engine = Arc::new(E::open(&cell.opts(E::BUFFERED.is_none(), 0, &runtime))?);
    let values = Values::new(cell.len);
    for first in (0..cell.count).step_by(BATCH as usize) {
        wait::<E, _>(runtime.handle(), engine.batch(values.items(first..first + BATCH)))?;
    }
    let (stop, began) = (AtomicBool::new(false), Instant::now());
    let (inserts, from, until) = std::thread::scope(|scope| {
        let writer = scope.spawn(|| insert_at_rate(&*engine, cell.count, &values, began, &stop, runtime.handle()));
        std::thread::sleep(BEFORE);
        let from = began.elapsed();
        let done = wait::<E, _>(runtime.handle(), engine.checkpoint());
        let until = began.elapsed();
        std::thread::sleep(AFTER);
        stop.store(true, Ordering::Relaxed);
        let inserts = writer.join().expect("the writer doesn't panic")?;
        done.map(|()| (inserts, from, until))
    })?;
    let during = |due: Duration| due + Duration::from_secs(1) / RATE >= from && due <= until;
    let percentiles = |wanted: &dyn Fn(Duration) -> bool| {
        let mut latencies = Latencies::default();
        inserts.iter().filter(|(due, _)| wanted(*due)).for_each(|(_, took)| latencies.add(*took));
        latencies.percentiles()
    };
    let before =
        percentiles(&|due| due + Duration::from_millis(20) < from).context("no insert before the checkpoint")?;
    let latencies = percentiles(&during).context("no insert during the checkpoint")?;
    let secs = (until - from).as_secs_f64();
    let note = format!("{note}. It took {secs:.1} s; p99 before it {:.0} µs, worst {:.0} µs", before.p99, before.worst);
    let value = latencies.worst / 1e3;
    Ok(Figures { value, latencies: Some(latencies), memory: peak_memory(), note, error: None })
}

/// Inserts at a fixed rate until it is stopped. Returns when each insert was due, and how long it took from then: an insert that
/// waits delays those after it, and their wait counts. The inaccuracy of a sleep doesn't count.
fn insert_at_rate<E: Engine>(
    engine: &E,
    count: u64,
    values: &Values,
    began: Instant,
    stop: &AtomicBool,
    runtime: &tokio::runtime::Handle,
) -> Result<Vec<(Duration, Duration)>> {
    let mut inserts = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let number = inserts.len() as u64;
        let due = Duration::from_secs(1) / RATE * number as u32;
        let late = began.elapsed().checked_sub(due);
        if late.is_none() {
            std::thread::sleep(due - began.elapsed().min(due));
        }
        let from = if late.is_some() { began + due } else { Instant::now() };
        wait::<E, _>(runtime, engine.insert(key(number * 7919 % count), values.get(number)))?;
        inserts.push((due, from.elapsed()));
    }
    Ok(inserts)
}
