//! Workloads of inserts: single calls, batches, and calls beside readers.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use walr::{Durability, Durable, Options};

use crate::child::{Figures, Outcome};
use crate::{BATCH, Bench, Cache, CacheLog, KEYS, MIB, Mode, key};

impl Mode {
    fn options(self) -> Options<Cache> {
        Durable::<Cache>::options().durability(match self {
            Mode::Sync => Durability::Sync,
            Mode::Os => Durability::Os,
            Mode::Periodic => Durability::Periodic(Duration::from_secs(1)),
        })
    }
}

/// Closes a store and removes its folder.
pub(crate) async fn end(state: Durable<Cache>, folder: &Path) -> walr::Result<()> {
    state.close().await?;
    drop(state);
    std::fs::remove_dir_all(folder).expect("the bench's own folder can be removed");
    Ok(())
}

impl Bench {
    /// Runs tasks that each insert one entry after the other.
    pub(crate) async fn inserts(&self, mode: Mode, tasks: u64, value: usize) -> Outcome<Figures> {
        let folder = self.fresh("inserts")?;
        let state = mode.options().open(&folder).await?;
        state.insert(key(KEYS - 1), "first".to_string()).await?;
        let (stop, next) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let before = state.stats();
        let began = Instant::now();
        let jobs: Vec<_> = (0..tasks)
            .map(|_| {
                let (state, stop, next) = (state.clone(), stop.clone(), next.clone());
                tokio::spawn(async move {
                    let keys = if value >= MIB { 64 } else { KEYS };
                    while !stop.load(Ordering::Relaxed) {
                        let at = next.fetch_add(1, Ordering::Relaxed);
                        state.insert(key(at % keys), "v".repeat(value)).await?;
                        if at % 64 == 0 {
                            // A call that never waits would occupy this worker.
                            tokio::task::yield_now().await;
                        }
                    }
                    Ok::<_, walr::Error>(())
                })
            })
            .collect();
        tokio::time::sleep(self.secs).await;
        stop.store(true, Ordering::Relaxed);
        for job in jobs {
            job.await.expect("no task panics")?;
        }
        let done = Figures::since(began, &before, &state);
        end(state, &folder).await?;
        Ok(done)
    }

    /// Inserts batches of [`BATCH`] entries one after the other.
    pub(crate) async fn batches(&self) -> Outcome<Figures> {
        let folder = self.fresh("batches")?;
        let state = Durable::<Cache>::options().open(&folder).await?;
        let before = state.stats();
        let (began, mut spent, mut next) = (Instant::now(), Duration::ZERO, 0);
        while spent < self.secs {
            let logs: Vec<_> =
                (next..next + BATCH).map(|at| CacheLog::Insert { key: key(at), value: "v".repeat(100) }).collect();
            let begun = Instant::now();
            state.apply_batch(logs).await?;
            spent += begun.elapsed();
            next += BATCH;
        }
        let done = Figures { took: spent, ..Figures::since(began, &before, &state) };
        end(state, &folder).await?;
        Ok(done)
    }

    /// Inserts with one task, while each of the `readers` reads the state a thousand times a second.
    pub(crate) async fn readers(&self, readers: u64) -> Outcome<Figures> {
        let folder = self.fresh("readers")?;
        let state = Durable::<Cache>::options().open(&folder).await?;
        let stop = Arc::new(AtomicBool::new(false));
        for reader in 0..readers {
            let (state, stop) = (state.clone(), stop.clone());
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    state.read(|cache| cache.entries.get(&key(reader)).map(String::len));
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            });
        }
        let (before, began, mut at) = (state.stats(), Instant::now(), 0);
        while began.elapsed() < self.secs {
            state.insert(key(at), "v".repeat(100)).await?;
            at += 1;
        }
        let done = Figures::since(began, &before, &state);
        stop.store(true, Ordering::Relaxed);
        end(state, &folder).await?;
        Ok(done)
    }
}
