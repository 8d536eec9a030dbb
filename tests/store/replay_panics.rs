//! Mutations that panic on replay, or when the state is rebuilt after another's panic, though they once succeeded: the
//! store is refused or latches by name, and everything is there again once the mutation is mended.

use std::collections::HashSet;
use std::sync::{LazyLock, Mutex};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use walr::testing::Sim;
use walr::{CheckpointPolicy, Durable, Error, Lsn, WalState};

use crate::common::{Result, run};

/// Words at which `push` panics: what a change of the code, or of the world, may do to a mutation.
static CURSED: LazyLock<Mutex<HashSet<String>>> = LazyLock::new(Mutex::default);
/// Words that `curse_and_panic` curses, once.
static MARKED: LazyLock<Mutex<HashSet<String>>> = LazyLock::new(Mutex::default);

fn curse(word: &str) {
    CURSED.lock().unwrap().insert(word.to_string());
}

fn mend(word: &str) {
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

    /// Spoils an earlier call the first time that it is called, and panics each time.
    #[mutation(allow_nondeterminism)]
    pub(crate) fn curse_and_panic(&mut self, word: &str) {
        if MARKED.lock().unwrap().remove(word) {
            curse(word);
        }
        panic!("there is a curse on {word} now");
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
fn a_record_that_stopped_replaying_is_refused_by_lsn_and_mutation() -> Result {
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
            let error = open(&sim).await.expect_err("its second record panics");
            match &error {
                Error::ReplayPanicked { mutation, lsn, .. } => assert_eq!((&mutation[..], *lsn), ("push", Lsn::new(2))),
                other => panic!("{other:?}"),
            }
            assert!(error.to_string().contains("a second is cursed"), "{error}");
            assert_eq!(sim.fingerprint(), before, "nothing is changed");
        }
        mend("a second");
        assert_eq!(open(&sim).await?.words(), ["a first", "a second", "a third"]);
        Ok(())
    })
}

#[test]
fn a_record_that_was_acknowledged_last_and_stopped_replaying_is_not_dropped() -> Result {
    run(async {
        let sim = Sim::new();
        let state = open(&sim).await?;
        state.push("b first").await?;
        state.push("b last").await?;
        state.close().await?;
        curse("b last");
        let error = open(&sim).await.expect_err("the close proves that it succeeded");
        assert!(matches!(error, Error::ReplayPanicked { .. }), "{error:?}");
        mend("b last");
        assert_eq!(open(&sim).await?.words(), ["b first", "b last"]);
        Ok(())
    })
}

#[test]
fn a_state_that_can_not_be_rebuilt_latches_and_a_reopen_has_it_all() -> Result {
    run(async {
        let sim = Sim::new();
        let state = open(&sim).await?;
        state.push("c first").await?;
        state.push("c second").await?;
        MARKED.lock().unwrap().insert("c first".to_string());
        let error = state.curse_and_panic("c first").await.expect_err("it panics");
        assert!(error.to_string().contains("c first"), "{error}");
        for _ in 0..2 {
            let error = state.push("c third").await.expect_err("there is no state");
            assert!(matches!(error, Error::Failed { .. }), "{error:?}");
        }
        let reading = std::panic::AssertUnwindSafe(|| state.words());
        assert!(std::panic::catch_unwind(reading).is_err(), "no wrong state is shown");
        drop(state);

        mend("c first");
        let state = open(&sim).await?;
        assert_eq!(state.words(), ["c first", "c second"]);
        assert_eq!(state.push("c third").await?, 3);
        Ok(())
    })
}
