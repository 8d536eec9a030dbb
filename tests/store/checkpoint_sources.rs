//! Where a checkpoint takes the state from: a small state is encoded while mutations wait, a large one is built from disk beside it,
//! also where small records made it large.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::common::{Result, run};
use serde::{Deserialize, Serialize};
use walr::testing::Sim;
use walr::{CheckpointPolicy, Durable, Lsn, WalState};

/// How often each store's calls were replayed, by the store's number.
static REPLAYED: [AtomicUsize; 2] = [const { AtomicUsize::new(0) }; 2];

fn replayed(store: usize) -> usize {
    REPLAYED[store].load(Ordering::SeqCst)
}

#[derive(Default, Serialize, Deserialize, WalState)]
pub(crate) struct Filled {
    bytes: Vec<u8>,
}

#[walr::mutations]
impl Filled {
    /// A record of some bytes that makes a state of any size.
    #[mutation]
    pub(crate) fn fill(&mut self, store: usize, size: usize) {
        if walr::is_replaying() {
            REPLAYED[store].fetch_add(1, Ordering::SeqCst);
        }
        self.bytes.resize(size, 0xa5);
    }
}

/// Writes a checkpoint of a new state of `size` bytes that one small record made, and then of one that is a byte longer.
async fn checkpoints(store: usize, size: usize) -> Result<Vec<usize>> {
    let options = Durable::<Filled>::options().checkpoint(CheckpointPolicy::Manual);
    let sim = Sim::new();
    let filled = options.open_on(sim.clone(), Filled::default).await?;
    let mut counts = Vec::new();
    for round in 0..2 {
        filled.fill(store, size + round).await?;
        assert_eq!(filled.checkpoint().await?, Lsn::new(round as u64 + 1));
        counts.push(replayed(store));
    }
    drop(filled);
    let filled = Durable::<Filled>::options().open_on(sim, Filled::default).await?;
    assert_eq!((filled.read(|filled| filled.bytes.len()), filled.store().recovery().records), (size + 1, 0));
    Ok(counts)
}

#[test]
fn a_large_state_that_a_small_record_made_is_not_encoded_while_mutations_wait() -> Result {
    // Both are replayed beside the live state: the first when its encoding has become too long.
    run(async {
        assert_eq!(checkpoints(0, 3 << 20).await?, [1, 2]);
        Ok(())
    })
}

#[test]
fn a_small_state_is_encoded_at_once() -> Result {
    run(async {
        assert_eq!(checkpoints(1, 1 << 10).await?, [0, 0]);
        Ok(())
    })
}
