//! The cost of a call apart from its sync (encode, re-encode check, queue, apply), of a replayed record, and of a query.
//!
//! `cargo bench --bench calls`. Everything runs on a simulated folder, so that no disk is measured.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use walr::testing::Sim;
use walr::{CheckpointPolicy, Durability, Durable, Options, WalState};

#[derive(Default, Serialize, Deserialize, WalState)]
struct Cache {
    entries: HashMap<String, String>,
}

#[walr::mutations]
impl Cache {
    #[mutation]
    fn insert(&mut self, key: String, value: String) -> Option<String> {
        self.entries.insert(key, value)
    }

    #[query]
    fn get(&self, key: &str) -> Option<String> {
        self.entries.get(key).cloned()
    }
}

const CALLS: u64 = 10_000;

fn main() {
    divan::main();
}

fn options(durability: Durability) -> Options<Cache> {
    Durable::<Cache>::options().durability(durability).checkpoint(CheckpointPolicy::Manual)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime without I/O can be built")
}

/// Inserts [`CALLS`] entries.
fn fill(sim: &Sim, durability: Durability) {
    runtime().block_on(async {
        let state = options(durability).open_on(sim.clone(), Cache::default).await.expect("the folder is empty");
        for call in 0..CALLS {
            state
                .insert(format!("{:016x}", call % 1000), "x".repeat(100))
                .await
                .expect("the simulated disk doesn't fail");
        }
    });
}

fn durabilities() -> [Durability; 3] {
    [Durability::Sync, Durability::Os, Durability::Periodic(Duration::from_secs(3600))]
}

/// Makes calls one after the other.
#[divan::bench(args = durabilities(), sample_count = 5)]
fn insert(bencher: divan::Bencher<'_, '_>, durability: Durability) {
    bencher
        .counter(divan::counter::ItemsCount::new(CALLS))
        .with_inputs(Sim::new)
        .bench_values(|sim| fill(&sim, durability));
}

/// Opens a store, and replays the calls.
#[divan::bench(sample_count = 5)]
fn replay(bencher: divan::Bencher<'_, '_>) {
    let sim = Sim::new();
    fill(&sim, Durability::Periodic(Duration::from_secs(3600)));
    bencher.counter(divan::counter::ItemsCount::new(CALLS)).with_inputs(|| sim.restart()).bench_values(|sim| {
        let opened = runtime().block_on(options(Durability::Sync).open_on(sim, Cache::default));
        opened.expect("the folder holds a store").store().recovery().records
    });
}

/// Makes a query: a read lock and a lookup.
#[divan::bench]
fn query(bencher: divan::Bencher<'_, '_>) {
    let sim = Sim::new();
    fill(&sim, Durability::Os);
    let state =
        runtime().block_on(options(Durability::Os).open_on(sim, Cache::default)).expect("the folder holds a store");
    bencher.bench(|| state.get("0000000000000007"));
}
