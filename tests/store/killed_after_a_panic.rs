//! After an answered panic the mutation never comes back, also if the process is killed right after the answer and the next
//! program's method no longer panics.

use std::time::Duration;

use crate::common::{DURABILITIES, Result, run};
use serde::{Deserialize, Serialize};
use walr::testing::Sim;
use walr::{CheckpointPolicy, Durability, Durable, Error, WalState};

/// A state whose method panics in a call and not on replay, as if it had been fixed in between.
#[derive(Default, Serialize, Deserialize, WalState)]
pub(crate) struct Fixed {
    words: Vec<String>,
}

#[walr::mutations]
impl Fixed {
    #[mutation]
    pub(crate) fn push(&mut self, word: &str) {
        self.words.push(word.to_string());
    }

    #[mutation]
    pub(crate) fn push_or_panic(&mut self, word: &str) {
        self.words.push(word.to_string());
        assert!(walr::is_replaying(), "this method isn't fixed yet");
    }

    #[query]
    pub(crate) fn words(&self) -> Vec<String> {
        self.words.clone()
    }
}

async fn open(sim: &Sim, durability: Durability) -> walr::Result<Durable<Fixed>> {
    let options = Durable::<Fixed>::options().checkpoint(CheckpointPolicy::Manual).idle_mark(Duration::MAX);
    options.durability(durability).open_on(sim.clone(), Fixed::default).await
}

/// Returns the words after a kill. The operating system keeps what the process wrote.
async fn after_a_kill(sim: &Sim, durability: Durability) -> walr::Result<Vec<String>> {
    Ok(open(&sim.restart(), durability).await?.words())
}

fn bad() -> FixedLog {
    FixedLog::PushOrPanic { word: "bad".into() }
}

#[test]
fn a_kill_does_not_bring_back_a_call_that_panicked() -> Result {
    run(async {
        for durability in DURABILITIES {
            let sim = Sim::new();
            let state = open(&sim, durability).await?;
            state.push("word 0").await?;
            let answer = state.push_or_panic("bad").await;
            assert!(matches!(answer, Err(Error::Panicked { .. })), "{durability:?}: {answer:?}");
            let found = after_a_kill(&sim, durability).await?;
            assert!(!found.contains(&"bad".to_string()), "{durability:?}: {found:?}");
        }
        Ok(())
    })
}

#[test]
fn a_kill_does_not_bring_back_a_batch_that_panicked() -> Result {
    run(async {
        for durability in DURABILITIES {
            let sim = Sim::new();
            let state = open(&sim, durability).await?;
            state.push("word 0").await?;
            let answer = state.apply_batch([FixedLog::Push { word: "bad".into() }, bad()]).await;
            assert!(matches!(answer, Err(Error::Panicked { .. })), "{durability:?}: {answer:?}");
            let found = after_a_kill(&sim, durability).await?;
            assert!(!found.contains(&"bad".to_string()), "{durability:?}: {found:?}");
        }
        Ok(())
    })
}
