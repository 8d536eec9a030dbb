//! Panics outside of mutations: in the `Drop` of a result, with a payload that is no text, and while a value is encoded.

use std::time::Duration;

use crate::common::{Gate, Result, begun, run};
use serde::{Deserialize, Serialize};
use walr::testing::Sim;
use walr::{CheckpointPolicy, Durable, Error, WalState};

/// A result that panics when it is dropped, unless its number is taken out.
#[derive(Debug)]
pub(crate) struct Bomb(Option<u64>);

impl Bomb {
    fn defuse(mut self) -> Option<u64> {
        self.0.take()
    }
}

impl Drop for Bomb {
    fn drop(&mut self) {
        if self.0.is_some() && !std::thread::panicking() {
            panic!("a result was dropped");
        }
    }
}

/// An argument that panics when it is encoded.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Unwritable;

impl Serialize for Unwritable {
    fn serialize<S: serde::Serializer>(&self, _: S) -> std::result::Result<S::Ok, S::Error> {
        panic!("this argument can't be encoded");
    }
}

#[derive(Default, Serialize, Deserialize, WalState)]
pub(crate) struct Sum {
    sum: u64,
}

#[walr::mutations]
impl Sum {
    #[mutation]
    pub(crate) fn add(&mut self, number: u64) -> Bomb {
        self.sum += number;
        Bomb(Some(self.sum))
    }

    /// Panics with a payload that is no text.
    #[mutation]
    pub(crate) fn add_and_throw(&mut self, number: u64) {
        self.sum += number;
        std::panic::panic_any(number);
    }

    #[mutation]
    pub(crate) fn overflow(&mut self, number: u64) {
        self.sum += 1;
        self.sum = self.sum.checked_sub(number).expect("a sum is never below zero");
    }

    #[mutation]
    pub(crate) fn add_unwritable(&mut self, _number: Unwritable) {
        self.sum += 1;
    }

    #[query]
    pub(crate) fn sum(&self) -> u64 {
        self.sum
    }
}

async fn open(sim: &Sim) -> walr::Result<Durable<Sum>> {
    let options = Durable::<Sum>::options().checkpoint(CheckpointPolicy::Manual).idle_mark(Duration::MAX);
    options.open_on(sim.clone(), Sum::default).await
}

#[test]
fn the_result_of_a_dropped_call_may_panic_in_its_drop() -> Result {
    run(async {
        let sim = Sim::new();
        let sum = open(&sim).await?;
        let gate = Gate::closed_on(&sim);
        drop(begun(sum.add(1)));
        gate.open();
        assert_eq!(sum.add(2).await?.defuse(), Some(3), "the dropped call was done");
        assert_eq!(sum.stats().panics, 0);
        drop(sum);
        // The replay drops every result.
        let sum = open(&sim).await?;
        assert_eq!(sum.sum(), 3);
        assert!(sum.store().recovery().aborted.is_empty());
        Ok(())
    })
}

#[test]
fn results_of_an_aborted_batch_may_panic_in_their_drop() -> Result {
    run(async {
        let sim = Sim::new();
        let sum = open(&sim).await?;
        assert_eq!(sum.add(1).await?.defuse(), Some(1));
        let batch = [SumLog::Add { number: 2 }, SumLog::Add { number: 3 }, SumLog::Overflow { number: 100 }];
        let error = sum.apply_batch(batch).await.expect_err("the third member didn't panic");
        assert!(error.to_string().contains("a sum is never below zero"), "{error}");
        assert_eq!(sum.sum(), 1);
        assert_eq!(sum.add(1).await?.defuse(), Some(2));
        drop(sum);
        assert_eq!(open(&sim).await?.sum(), 2);
        Ok(())
    })
}

#[test]
fn a_panic_without_a_text_is_reported_without_a_message() -> Result {
    run(async {
        let sim = Sim::new();
        let sum = open(&sim).await?;
        let error = sum.add_and_throw(7).await.expect_err("the mutation didn't panic");
        assert!(matches!(&error, Error::Panicked { mutation: "add_and_throw", .. }), "{error}");
        assert_eq!(sum.sum(), 0);
        Ok(())
    })
}

#[test]
fn an_argument_that_panics_while_it_is_encoded_fails_its_own_call_only() -> Result {
    run(async {
        let sim = Sim::new();
        let sum = open(&sim).await?;
        let calling = sum.clone();
        let task = tokio::spawn(async move { calling.add_unwritable(Unwritable).await });
        let panicked = match task.await {
            Ok(answer) => answer.is_err(),
            Err(join) => join.is_panic(),
        };
        assert!(panicked);
        assert_eq!(sum.add(1).await?.defuse(), Some(1), "later calls work");
        assert_eq!(sum.stats().records, 1);
        Ok(())
    })
}
