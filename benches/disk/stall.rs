//! The longest wait of an insert while a checkpoint of a large state is written.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use walr::{Durability, Durable};

use crate::child::{Figures, Outcome};
use crate::inserts::end;
use crate::{Bench, Cache, KEYS, key};

impl Bench {
    /// Measures inserts that come 2,000 times a second, before and during a checkpoint of 500 MB.
    pub(crate) async fn stall(&self) -> Outcome<Figures> {
        let folder = self.fresh("stall")?;
        let policy = walr::CheckpointPolicy::Manual;
        let state = Durable::<Cache>::options()
            .durability(Durability::Periodic(Duration::from_secs(1)))
            .checkpoint(policy)
            .open(&folder)
            .await?;
        for at in 0..KEYS / 2 {
            state.insert(key(at), "v".repeat(1000)).await?;
        }
        let (stop, paced) = (Arc::new(AtomicBool::new(false)), state.clone());
        let stopped = stop.clone();
        let job = tokio::spawn(async move {
            let (mut waits, began) = (Vec::new(), Instant::now());
            for turn in 0.. {
                if stopped.load(Ordering::Relaxed) {
                    break;
                }
                let due = began + Duration::from_micros(500) * turn;
                tokio::time::sleep_until(due.into()).await;
                // Counts from here and not from `due`: a wait of the insert before would count again.
                let from = Instant::now();
                paced.insert(key(u64::from(turn) % (KEYS / 2)), "w".repeat(1000)).await?;
                waits.push((from, from.elapsed()));
            }
            Ok::<_, walr::Error>(waits)
        });
        tokio::time::sleep(Duration::from_secs(2)).await;
        let began = Instant::now();
        state.checkpoint().await?;
        let ended = Instant::now();
        stop.store(true, Ordering::Relaxed);
        let waits = job.await.expect("the task doesn't panic")?;
        let mut figures = Figures::default();
        for (when, from, to) in [("before", began - Duration::from_secs(2), began), ("during", began, ended)] {
            let mut waits: Vec<_> =
                waits.iter().filter(|(at, _)| (from..to).contains(at)).map(|(_, took)| took).collect();
            waits.sort();
            let part =
                |part: f64| waits.get((waits.len() as f64 * part) as usize).copied().copied().unwrap_or_default();
            let (p50, p99, most) = (part(0.5), part(0.99), waits.last().copied().copied().unwrap_or_default());
            let stalls = format!("p50 {p50:.1?} | p99 {p99:.1?} | worst {most:.1?}");
            figures.notes.push(format!("| stall, {when} the checkpoint | {stalls} | |"));
        }
        figures.notes.push(format!("| (that checkpoint took {:.1?}) | | | | |", ended - began));
        end(state, &folder).await?;
        Ok(figures)
    }
}
