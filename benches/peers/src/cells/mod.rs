//! A cell: one run of a workload by an engine, in a process of its own.

mod batches;
mod recovery;
mod stall;
mod writers;

use std::future::Future;
use std::path::PathBuf;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};
use tokio::runtime::{Builder, Runtime};

use crate::engine::{Engine, Opts};
use crate::input::key;
use crate::measure::Figures;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Cell {
    pub engine: String,
    /// `w1`, `w2` ...
    pub work: String,
    pub dir: PathBuf,
    pub secs: f64,
    pub writers: u64,
    /// The number of records to fill a store with, and the most records of the others.
    pub count: u64,
    /// The bytes of a value.
    pub len: usize,
    /// Opens what an earlier cell has filled.
    pub opens: bool,
}

/// Runs a cell in this process.
pub fn run<E: Engine>(cell: &Cell) -> Result<Figures> {
    match &*cell.work {
        "w2" if cell.engine == "raw" => writers::raw_groups::<E>(cell),
        "w1" | "w2" | "w9" => writers::run::<E>(cell, true),
        "w3" | "w4" => writers::run::<E>(cell, false),
        "w5" => batches::run::<E>(cell),
        "w6" | "w6c" if cell.opens => recovery::open::<E>(cell),
        "w6" | "w6c" | "w7" => recovery::fill::<E>(cell),
        "w8" => stall::run::<E>(cell),
        work => bail!("{work} is no workload"),
    }
}

impl Cell {
    fn limit(&self) -> Duration {
        Duration::from_secs_f64(self.secs)
    }

    fn opts(&self, sync: bool, hint: u64, runtime: &Runtime) -> Opts {
        let keep_map = self.work == "w6c" || self.work == "w8";
        Opts { dir: self.dir.clone(), sync, hint, keep_map, runtime: runtime.handle().clone() }
    }
}

fn runtime() -> Result<Runtime> {
    Ok(Builder::new_multi_thread().worker_threads(2).enable_all().build()?)
}

/// Returns what an engine's mode means, or that it has none.
fn mode<E: Engine>(sync: bool) -> Result<&'static str> {
    let (mode, name) = if sync { (E::SYNC, "durable") } else { (E::BUFFERED, "buffered") };
    mode.with_context(|| format!("no {name} mode"))
}

/// Returns the result of a future of an engine whose calls block.
fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => unreachable!("the calls of this engine block"),
    }
}

/// Runs a future to its end on this thread.
fn wait<E: Engine, T>(handle: &tokio::runtime::Handle, future: impl Future<Output = T>) -> T {
    if E::ASYNC { handle.block_on(future) } else { ready(future) }
}

/// Runs a future to its end: as a task, as programs do, if the engine's calls don't block.
fn wait_for_task<E: Engine, T: Send + 'static>(
    runtime: &Runtime,
    future: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    if E::ASYNC { runtime.block_on(runtime.spawn(future))? } else { ready(future) }
}

/// Fails if the value of `at` isn't there.
fn must_have<E: Engine>(engine: &E, at: u64, value: &str) -> Result<()> {
    match engine.get(&key(at))? {
        Some(found) if found == value => Ok(()),
        Some(_) => bail!("insert {at} has another value"),
        None => bail!("insert {at} is lost"),
    }
}
