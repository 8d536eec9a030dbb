//! A small state is encoded for its checkpoint while mutations wait. A large state is built again from the files while mutations
//! go on, also if small records made it large.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::common::{Result, run};
use serde::{Deserialize, Serialize};
use walr::testing::Sim;
use walr::{CheckpointPolicy, Durable, Lsn, WalState};

/// The numbers of replayed calls, by the numbers of their stores.
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
    /// Gives the state `size` bytes with a small record.
    #[mutation]
    pub(crate) fn fill(&mut self, store: usize, size: usize) {
        if walr::is_replaying() {
            REPLAYED[store].fetch_add(1, Ordering::SeqCst);
        }
        self.bytes.resize(size, 0xa5);
    }
}

/// Writes a checkpoint of a new state of `size` bytes, and another one when a second small record has made the state a byte
/// longer. Returns the number of replayed calls after each.
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
fn a_large_state_made_by_a_small_record_is_not_encoded_while_mutations_wait() -> Result {
    run(async {
        // The first checkpoint gives up encoding the live state when its encoding is too long.
        assert_eq!(checkpoints(0, 3 << 20).await?, [1, 2]);
        Ok(())
    })
}

#[test]
fn a_small_state_is_encoded_without_a_replay() -> Result {
    run(async {
        assert_eq!(checkpoints(1, 1 << 10).await?, [0, 0]);
        Ok(())
    })
}
