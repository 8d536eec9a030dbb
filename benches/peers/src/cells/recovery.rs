//! W6, W6c and W7: a process fills a store and closes it, and another one opens it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use anyhow::{Result, bail};
use tokio::runtime::Runtime;

use super::{Cell, must_have, ready, runtime, wait, wait_for_task};
use crate::engine::Engine;
use crate::input::{Values, key};
use crate::measure::{Figures, bytes_of_files, peak_memory};

const BATCH: u64 = 1000;
/// The threads that fill a store of an engine without a buffered mode.
const THREADS: u64 = 256;
/// The bytes of a key.
const KEY: u64 = 16;

/// Fills a store, and returns the bytes on disk for each byte of payload.
pub(super) fn fill<E: Engine>(cell: &Cell) -> Result<Figures> {
    let runtime = runtime()?;
    let sync = E::BUFFERED.is_none();
    // okaywal's log must not reach the size at which it asks for a checkpoint.
    let hint = if sync { cell.count * 190 + (64 << 20) } else { 0 };
    let engine = Arc::new(E::open(&cell.opts(sync, hint, &runtime))?);
    let values = Arc::new(Values::new(cell.len));
    let only_state = cell.work == "w6c" || (E::DATABASE && cell.work == "w6");
    if only_state {
        in_batches(&engine, cell, &values, &runtime)?;
    } else if sync {
        in_threads(&*engine, cell.count, &values)?;
    } else {
        let (engine, values, count) = (engine.clone(), values.clone(), cell.count);
        wait_for_task::<E, _>(&runtime, async move {
            for at in 0..count {
                engine.insert(key(at), values.get(at)).await?;
            }
            Ok(())
        })?;
    }
    if cell.work == "w6c" {
        wait::<E, _>(runtime.handle(), engine.checkpoint())?;
    }
    match Arc::into_inner(engine) {
        Some(engine) => engine.close()?,
        None => bail!("the engine is still in use"),
    }
    drop(runtime);
    let payload = cell.count * (KEY + cell.len as u64);
    let value = bytes_of_files(&cell.dir) as f64 / payload as f64;
    Ok(Figures { value, memory: peak_memory(), note: "after a close".to_string(), ..Figures::default() })
}

/// Fills a store whose log doesn't matter.
fn in_batches<E: Engine>(engine: &Arc<E>, cell: &Cell, values: &Values, runtime: &Runtime) -> Result<()> {
    for first in (0..cell.count).step_by(BATCH as usize) {
        let items = values.items(first..(first + BATCH).min(cell.count));
        wait::<E, _>(runtime.handle(), engine.batch(items))?;
    }
    Ok(())
}

fn in_threads<E: Engine>(engine: &E, count: u64, values: &Values) -> Result<()> {
    let next = AtomicU64::new(0);
    std::thread::scope(|scope| {
        let insert = || loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            if at >= count {
                return anyhow::Ok(());
            }
            ready(engine.insert(key(at), values.get(at)))?;
        };
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(insert)).collect();
        threads.into_iter().try_for_each(|thread| thread.join().expect("no writer panics"))
    })
}

/// Opens a store, and visits each entry.
pub(super) fn open<E: Engine>(cell: &Cell) -> Result<Figures> {
    let runtime = runtime()?;
    let opts = cell.opts(E::BUFFERED.is_none(), 0, &runtime);
    let began = Instant::now();
    let engine = E::open(&opts)?;
    let found = engine.load()?;
    let secs = began.elapsed().as_secs_f64();
    let memory = peak_memory();
    let values = Values::new(cell.len);
    for at in [0, 1, cell.count / 2, cell.count - 1] {
        must_have(&engine, at, &values.get(at))?;
    }
    if found != cell.count {
        bail!("{found} of {} entries are there", cell.count);
    }
    let note = if E::DATABASE { "with a copy of all into a `HashMap`" } else { "" }.to_string();
    Ok(Figures { value: found as f64 / secs, memory, note, ..Figures::default() })
}
