//! With `cheap_clone`, a state is rolled back to a clone after a panic, and a checkpoint is written from a clone.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde::{Deserialize, Serialize};
use walr::testing::Sim;
use walr::{CheckpointPolicy, Durability, Durable, Error, Options, WalState};

use crate::common::{DURABILITIES, Result, run};

/// The number of replayed calls.
static REPLAYED: AtomicUsize = AtomicUsize::new(0);
/// Lets one test at a time use [`REPLAYED`].
static COUNTED: std::sync::Mutex<()> = std::sync::Mutex::new(());

fn count_replays() {
    if walr::is_replaying() {
        REPLAYED.fetch_add(1, Ordering::SeqCst);
    }
}

#[derive(Clone, Default, Serialize, Deserialize, WalState)]
struct Shared {
    words: Vec<String>,
}

#[walr::mutations]
impl Shared {
    #[mutation]
    fn push(&mut self, word: &str) -> usize {
        count_replays();
        self.words.push(word.to_string());
        assert!(!word.starts_with("bad"), "a bad word");
        self.words.len()
    }

    #[query]
    fn words(&self) -> Vec<String> {
        self.words.clone()
    }
}

fn options(durability: Durability) -> Options<Shared> {
    Durable::<Shared>::options().durability(durability).checkpoint(CheckpointPolicy::Manual).cheap_clone()
}

#[test]
fn a_panic_is_rolled_back_without_a_replay() -> Result {
    let _counted = COUNTED.lock();
    run(async {
        for durability in DURABILITIES {
            let sim = Sim::new();
            let shared = options(durability).open_on(sim.clone(), Shared::default).await?;
            shared.push("one").await?;
            REPLAYED.store(0, Ordering::SeqCst);
            assert!(matches!(shared.push("bad").await, Err(Error::Panicked { .. })));
            assert_eq!(shared.push("two").await?, 2);
            assert_eq!(REPLAYED.load(Ordering::SeqCst), 0, "{durability:?}");
            assert_eq!(shared.words(), ["one", "two"]);
            shared.checkpoint().await?;
            assert_eq!(REPLAYED.load(Ordering::SeqCst), 0, "the checkpoint replayed a call");
            drop(shared);
            let shared = options(durability).open_on(sim, Shared::default).await?;
            assert_eq!(shared.words(), ["one", "two"]);
        }
        Ok(())
    })
}

#[test]
fn the_other_calls_of_a_group_with_two_panics_are_done() -> Result {
    let _counted = COUNTED.lock();
    run(async {
        let sim = Sim::new();
        let shared = options(Durability::Sync).open_on(sim.clone(), Shared::default).await?;
        let calls = ["a", "bad 1", "b", "bad 2", "c"].map(|word| {
            let shared = shared.clone();
            async move { shared.push(word).await.is_ok() }
        });
        let [a, b, c, d, e] = calls;
        let pushed = tokio::join!(a, b, c, d, e);
        assert_eq!(pushed, (true, false, true, false, true));
        assert_eq!(shared.words(), ["a", "b", "c"]);
        let crashed = options(Durability::Sync).open_on(sim.crash(1), Shared::default).await?;
        assert_eq!(crashed.words(), ["a", "b", "c"]);
        Ok(())
    })
}
