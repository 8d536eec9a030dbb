//! `verify_replay` finds nondeterministic mutations while the store is open.

use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use serde::{Deserialize, Serialize};
use walr::{Durable, Error, Lsn, WalState};

use crate::common::{Result, Words, files_with, numbered, run};
use crate::options;

#[derive(Debug, Default, PartialEq, Serialize, Deserialize, WalState)]
struct Shaky {
    numbers: HashSet<u64>,
    listed: Vec<u64>,
    rates: Vec<f64>,
}

/// A static that each call of `draw` changes.
static TICKETS: AtomicU64 = AtomicU64::new(1);
/// A static that tests change between calls of `buy`.
static PRICE: AtomicU64 = AtomicU64::new(1);
/// Lets one test at a time change [`PRICE`].
static PRICED: Mutex<()> = Mutex::new(());

#[walr::mutations]
impl Shaky {
    #[mutation]
    fn add(&mut self, number: u64) {
        self.numbers.insert(number);
    }

    /// Lists the numbers in the order of a `HashSet`.
    #[mutation]
    fn list(&mut self) {
        self.listed = self.numbers.iter().copied().collect();
    }

    /// Lists the next of [`TICKETS`].
    #[mutation(allow_nondeterminism)]
    fn draw(&mut self) {
        self.listed.push(TICKETS.fetch_add(1, Ordering::Relaxed));
    }

    /// Lists `count` times [`PRICE`].
    #[mutation(allow_nondeterminism)]
    fn buy(&mut self, count: u64) {
        self.listed.push(count * PRICE.load(Ordering::Relaxed));
    }

    #[mutation]
    fn rate(&mut self, rate: f64) {
        self.rates.push(rate);
    }

    #[mutation]
    fn give_up(&mut self) {
        self.listed.clear();
        panic!("the mutation panics");
    }
}

async fn open(folder: &std::path::Path) -> walr::Result<Durable<Shaky>> {
    options::<Shaky>().open(folder).await
}

/// Asserts that a verification fails. Returns the LSN up to which the replays agree, the LSN of the first record at fault, its
/// mutation, and the message.
async fn diverged(state: &Durable<Shaky>) -> (u64, Option<u64>, Option<String>, String) {
    match state.store().verify_replay().await {
        Err(error @ Error::Diverged { .. }) => {
            let message = error.to_string();
            let Error::Diverged { trusted, lsn, mutation, .. } = error else { unreachable!() };
            (trusted.get(), lsn.map(Lsn::get), mutation, message)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_deterministic_state_is_verified_from_the_older_checkpoint() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let state = open(folder.path()).await?;
        let mut lsns = Vec::new();
        for round in 0..3 {
            let verified = state.store().verify_replay().await?;
            lsns.push((verified.from.get(), verified.at.get()));
            for number in 0..10 {
                state.add(round * 10 + number).await?;
            }
            state.checkpoint().await?;
        }
        let verified = state.store().verify_replay().await?;
        lsns.push((verified.from.get(), verified.at.get()));
        assert_eq!(lsns, [(0, 0), (0, 10), (10, 20), (20, 30)]);
        Ok(())
    })
}

#[test]
fn a_mutation_that_uses_the_order_of_a_hash_set_is_found() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let state = open(folder.path()).await?;
        for number in 0..200 {
            state.add(number).await?;
        }
        assert!(state.store().verify_replay().await.is_ok());
        state.list().await?;
        for number in 200..500 {
            state.add(number).await?;
        }
        let (trusted, lsn, mutation, message) = diverged(&state).await;
        assert_eq!((trusted, lsn, mutation.as_deref()), (200, Some(201), Some("list")), "{message}");
        assert!(message.contains("from lsn 201 on (`list`)") && message.contains("HashMap"), "{message}");
        Ok(())
    })
}

#[test]
fn a_mutation_that_uses_a_static_which_it_changes_is_found() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let state = open(folder.path()).await?;
        state.add(1).await?;
        state.checkpoint().await?;
        state.add(2).await?;
        state.draw().await?;
        state.draw().await?;
        let (trusted, lsn, mutation, _) = diverged(&state).await;
        assert_eq!((trusted, lsn, mutation.as_deref()), (2, Some(3), Some("draw")));
        Ok(())
    })
}

#[test]
fn a_mutation_that_uses_a_static_which_has_changed_is_found_without_its_lsn() -> Result {
    let _priced = PRICED.lock();
    run(async {
        let folder = tempfile::tempdir()?;
        let state = open(folder.path()).await?;
        state.buy(2).await?;
        assert!(state.store().verify_replay().await.is_ok());
        PRICE.store(7, Ordering::Relaxed);
        let (trusted, lsn, _, message) = diverged(&state).await;
        PRICE.store(1, Ordering::Relaxed);
        assert_eq!((trusted, lsn), (0, None));
        assert!(message.contains("two replays agree") && message.contains("the state that is served"), "{message}");
        Ok(())
    })
}

#[test]
fn a_checkpoint_that_differs_from_the_live_state_is_found_at_its_own_lsn() -> Result {
    let _priced = PRICED.lock();
    run(async {
        let folder = tempfile::tempdir()?;
        let state = options::<Shaky>().small_state(0).open(folder.path()).await?;
        state.buy(2).await?;
        PRICE.store(5, Ordering::Relaxed);
        state.checkpoint().await?;
        let (trusted, lsn, _, message) = diverged(&state).await;
        PRICE.store(1, Ordering::Relaxed);
        assert_eq!((trusted, lsn), (1, None), "{message}");
        assert!(message.contains("a mutation up to lsn 1, whose checkpoint it is,"), "{message}");
        Ok(())
    })
}

#[test]
fn a_replay_is_compared_with_the_newest_checkpoint() -> Result {
    let _priced = PRICED.lock();
    run(async {
        let folder = tempfile::tempdir()?;
        let state = open(folder.path()).await?;
        state.buy(2).await?;
        state.checkpoint().await?;
        state.add(1).await?;
        PRICE.store(9, Ordering::Relaxed);
        let (trusted, lsn, _, message) = diverged(&state).await;
        PRICE.store(1, Ordering::Relaxed);
        assert_eq!((trusted, lsn), (0, None));
        assert!(message.contains("isn't the newest checkpoint"), "{message}");
        Ok(())
    })
}

#[test]
fn a_nan_in_the_state_is_found() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let state = open(folder.path()).await?;
        for rate in [1.0, 2.0, f64::NAN, 3.0] {
            state.rate(rate).await?;
        }
        let (trusted, lsn, mutation, message) = diverged(&state).await;
        assert_eq!((trusted, lsn, mutation.as_deref()), (2, Some(3), Some("rate")));
        assert!(message.contains("isn't equal to itself"), "{message}");
        state.checkpoint().await?;
        drop(state);
        // A replay from the older checkpoint meets the same record. One from a checkpoint of NaN loads it.
        let state = open(folder.path()).await?;
        assert_eq!(diverged(&state).await.1, Some(3));
        state.add(1).await?;
        state.checkpoint().await?;
        assert!(diverged(&state).await.3.contains("loaded from the checkpoint of lsn 4"));
        Ok(())
    })
}

#[test]
fn records_that_a_panic_aborted_are_left_out() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let state = open(folder.path()).await?;
        state.rate(1.0).await?;
        assert!(state.give_up().await.is_err());
        assert_eq!(state.store().verify_replay().await?.at, Lsn::new(2));
        drop(state);
        // The new segment lets the last open skip the segment of the panic.
        let state = open(folder.path()).await?;
        state.rate(2.0).await?;
        state.checkpoint().await?;
        assert_eq!(state.store().verify_replay().await?.from, Lsn::new(0));
        drop(state);
        let state = open(folder.path()).await?;
        let verified = state.store().verify_replay().await?;
        assert_eq!((verified.from, verified.at), (Lsn::new(0), Lsn::new(3)));
        Ok(())
    })
}

#[test]
fn mutations_and_checkpoints_go_on_during_a_verification() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let words = Durable::<Words>::open(folder.path()).await?;
        let done = std::sync::Arc::new(AtomicBool::new(false));
        let writers: Vec<_> = (0..4)
            .map(|_| {
                let (words, done) = (words.clone(), done.clone());
                tokio::spawn(async move {
                    while !done.load(Ordering::Relaxed) {
                        words.push("a word").await.expect("the store is open");
                    }
                })
            })
            .collect();
        for _ in 0..5 {
            for word in numbered(20) {
                words.push(&word).await?;
            }
            let store = words.store();
            let (verified, checkpoint, another) =
                tokio::join!(store.verify_replay(), words.checkpoint(), words.checkpoint());
            assert!(verified?.at >= Lsn::new(20));
            another?;
            checkpoint?;
        }
        done.store(true, Ordering::Relaxed);
        for writer in writers {
            writer.await?;
        }
        words.close().await?;
        drop(words);
        assert!(Durable::<Words>::open(folder.path()).await?.count() >= 100);
        Ok(())
    })
}

/// Makes a replay of `wait` wait.
static HOLD: AtomicBool = AtomicBool::new(false);
/// Says that a replay of `wait` waits.
static HELD: AtomicBool = AtomicBool::new(false);

#[derive(Debug, Default, PartialEq, Serialize, Deserialize, WalState)]
struct Slow(Vec<u64>);

#[walr::mutations]
impl Slow {
    #[mutation(allow_nondeterminism)]
    fn wait(&mut self) {
        while walr::is_replaying() && HOLD.load(Ordering::Relaxed) {
            HELD.store(true, Ordering::Relaxed);
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    }

    #[mutation]
    fn fill(&mut self, numbers: Vec<u64>) {
        self.0 = numbers;
    }
}

#[test]
fn files_that_a_verification_reads_are_removed_after_it() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let state = options::<Slow>().segment_size(4096).open(folder.path()).await?;
        let fill = async |number: u64| {
            for _ in 0..20 {
                state.fill((number..number + 200).collect()).await?;
            }
            Ok::<_, Error>(())
        };
        state.wait().await?;
        fill(1000).await?;
        HOLD.store(true, Ordering::Relaxed);
        let store = state.store();
        let verified = async { store.verify_replay().await };
        let meanwhile = async {
            while !HELD.load(Ordering::Relaxed) {
                tokio::task::yield_now().await;
            }
            for number in 0..3 {
                fill(number).await?;
                state.checkpoint().await?;
            }
            let kept = files_with(folder.path(), ".ckpt").map(|files| files.len());
            HOLD.store(false, Ordering::Relaxed);
            Ok::<_, Error>(kept.unwrap_or_default())
        };
        let (verified, kept) = tokio::join!(verified, meanwhile);
        assert_eq!((verified?.from, kept?), (Lsn::new(0), 4));
        fill(7).await?;
        state.checkpoint().await?;
        assert_eq!(files_with(folder.path(), ".ckpt")?.len(), 2, "the next checkpoint removes the files");
        Ok(())
    })
}

#[test]
fn a_closed_store_is_not_verified() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let state = open(folder.path()).await?;
        state.close().await?;
        assert!(matches!(state.store().verify_replay().await, Err(Error::Closed)));
        Ok(())
    })
}

/// The calls of `note`: the number that each was given, and whether it was replayed.
static SEEN: Mutex<Vec<(u64, bool)>> = Mutex::new(Vec::new());

#[derive(Debug, Default, PartialEq, Serialize, Deserialize, WalState)]
struct Noted(u64);

#[walr::mutations]
impl Noted {
    #[mutation(allow_nondeterminism)]
    fn note(&mut self, number: u64) {
        self.0 = number;
        if let Ok(mut seen) = SEEN.lock() {
            seen.push((number, walr::is_replaying()));
        }
        assert!(number != 3, "number three panics");
    }
}

#[test]
fn is_replaying_tells_a_replay_from_a_call() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let seen = || SEEN.lock().map(|mut seen| std::mem::take(&mut *seen)).unwrap_or_default();
        let options = || options::<Noted>().small_state(0);
        let state = options().open(folder.path()).await?;
        state.note(1).await?;
        assert_eq!(seen(), [(1, false)], "a call");
        assert!(state.note(3).await.is_err());
        assert_eq!(seen(), [(3, false), (1, true)], "a rebuild after a panic");
        state.store().verify_replay().await?;
        assert_eq!(seen(), [(1, true)], "a verification");
        state.checkpoint().await?;
        assert_eq!(seen(), [(1, true)], "a checkpoint from a replay");
        state.note(2).await?;
        drop(state);
        assert_eq!(seen(), [(2, false)], "a call after a replay");
        drop(options().open(folder.path()).await?);
        assert_eq!(seen(), [(2, true)], "an open");
        assert!(!walr::is_replaying());
        Ok(())
    })
}
