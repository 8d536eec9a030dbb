//! W5: atomic batches of 1000 inserts. The time to make a batch doesn't count.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::{Cell, mode, must_have, runtime, wait_for_task};
use crate::engine::Engine;
use crate::input::{KEYS, Values, key};
use crate::measure::{Figures, Latencies, peak_memory};

const BATCH: u64 = 1000;

pub(super) fn run<E: Engine>(cell: &Cell) -> Result<Figures> {
    let note = mode::<E>(true)?;
    let runtime = runtime()?;
    // okaywal's log must not reach the size at which it asks for a checkpoint.
    let hint = if cell.engine == "okaywal" { 512 << 20 } else { 16 << 20 };
    let engine = Arc::new(E::open(&cell.opts(true, hint, &runtime))?);
    let values = Values::new(cell.len);
    let (owned, cell) = (engine.clone(), cell.clone());
    let (latencies, done, spent) = wait_for_task::<E, _>(&runtime, async move {
        owned.insert(key(u64::MAX), values.get(0)).await?;
        let (mut latencies, mut done, mut spent) = (Latencies::default(), 0, Duration::ZERO);
        while spent < cell.limit() && done < cell.count.min(KEYS) {
            let items = values.items(done..done + BATCH);
            let began = Instant::now();
            owned.batch(items).await?;
            let took = began.elapsed();
            latencies.add(took);
            spent += took;
            done += BATCH;
        }
        if cell.engine != "raw" {
            must_have(&*owned, done - 1, &values.get(done - 1))?;
        }
        Ok((latencies, done, spent))
    })?;
    let value = done as f64 / spent.as_secs_f64();
    let memory = peak_memory();
    Ok(Figures { value, latencies: latencies.percentiles(), memory, note: note.to_string(), error: None })
}
