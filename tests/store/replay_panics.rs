//! Mutations that once succeeded and panic on replay, or when the state is rebuilt after another panic: the open is refused
//! or the store latches, and everything is recovered once the mutation is fixed.

use std::collections::HashSet;
use std::sync::{LazyLock, Mutex};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use walr::testing::Sim;
use walr::{CheckpointPolicy, Durable, Error, Lsn, WalState};

use crate::common::{Result, run};

/// Words at which `push` panics, as it may after a change of the code.
static CURSED: LazyLock<Mutex<HashSet<String>>> = LazyLock::new(Mutex::default);
/// Words that the next `curse_and_panic` adds to [`CURSED`].
static MARKED: LazyLock<Mutex<HashSet<String>>> = LazyLock::new(Mutex::default);

fn curse(word: &str) {
    CURSED.lock().unwrap().insert(word.to_string());
}

/// Makes `push` succeed at a cursed word again.
fn fix(word: &str) {
    CURSED.lock().unwrap().remove(word);
}

fn is_cursed(word: &str) -> bool {
    CURSED.lock().unwrap().contains(word)
}

#[derive(Default, Serialize, Deserialize, WalState)]
pub(crate) struct Fragile {
    words: Vec<String>,
}

#[walr::mutations]
impl Fragile {
    #[mutation]
    pub(crate) fn push(&mut self, word: &str) -> usize {
        assert!(!is_cursed(word), "{word} is cursed");
        self.words.push(word.to_string());
        self.words.len()
    }

    /// Panics, and curses a word if it is marked.
    #[mutation(allow_nondeterminism)]
    pub(crate) fn curse_and_panic(&mut self, word: &str) {
        if MARKED.lock().unwrap().remove(word) {
            curse(word);
        }
        panic!("{word} may be cursed now");
    }

    #[query]
    pub(crate) fn words(&self) -> Vec<String> {
        self.words.clone()
    }
}

async fn open(sim: &Sim) -> walr::Result<Durable<Fragile>> {
    let options = Durable::<Fragile>::options().checkpoint(CheckpointPolicy::Manual).idle_mark(Duration::MAX);
    options.open_on(sim.clone(), Fragile::default).await
}

#[test]
fn a_record_that_panics_on_replay_is_refused_by_lsn_and_mutation() -> Result {
    run(async {
        let sim = Sim::new();
        let state = open(&sim).await?;
        for word in ["a first", "a second", "a third"] {
            state.push(word).await?;
        }
        drop(state);
        curse("a second");
        let before = sim.fingerprint();
        for _ in 0..2 {
            let error = open(&sim).await.expect_err("the second record was replayed");
            match &error {
                Error::ReplayPanicked { mutation, lsn, .. } => assert_eq!((&mutation[..], *lsn), ("push", Lsn::new(2))),
                other => panic!("{other:?}"),
            }
            assert!(error.to_string().contains("a second is cursed"), "{error}");
            assert_eq!(sim.fingerprint(), before, "the refusal changed a file");
        }
        fix("a second");
        assert_eq!(open(&sim).await?.words(), ["a first", "a second", "a third"]);
        Ok(())
    })
}

#[test]
fn a_last_record_that_panics_on_replay_is_not_dropped() -> Result {
    run(async {
        let sim = Sim::new();
        let state = open(&sim).await?;
        state.push("b first").await?;
        state.push("b last").await?;
        state.close().await?;
        curse("b last");
        let error =
            open(&sim).await.expect_err("the last record was dropped, although the close proves that it succeeded");
        assert!(matches!(error, Error::ReplayPanicked { .. }), "{error:?}");
        fix("b last");
        assert_eq!(open(&sim).await?.words(), ["b first", "b last"]);
        Ok(())
    })
}

#[test]
fn a_state_that_can_not_be_rebuilt_latches_and_a_reopen_recovers_everything() -> Result {
    run(async {
        let sim = Sim::new();
        let state = open(&sim).await?;
        state.push("c first").await?;
        state.push("c second").await?;
        MARKED.lock().unwrap().insert("c first".to_string());
        let error = state.curse_and_panic("c first").await.expect_err("the mutation didn't panic");
        assert!(error.to_string().contains("c first"), "{error}");
        for _ in 0..2 {
            let error = state.push("c third").await.expect_err("a mutation was applied without a state");
            assert!(matches!(error, Error::Failed { .. }), "{error:?}");
        }
        let reading = std::panic::AssertUnwindSafe(|| state.words());
        assert!(std::panic::catch_unwind(reading).is_err(), "a read shows a wrong state");
        drop(state);

        fix("c first");
        let state = open(&sim).await?;
        assert_eq!(state.words(), ["c first", "c second"]);
        assert_eq!(state.push("c third").await?, 3);
        Ok(())
    })
}
