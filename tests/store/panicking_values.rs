//! Panics that are not a mutation's: results whose `Drop` panics, payloads that are no text, values that panic when they
//! are encoded.

use std::time::Duration;

use crate::common::{Gate, Result, poll_once, run};
use serde::{Deserialize, Serialize};
use walr::testing::Sim;
use walr::{CheckpointPolicy, Durable, Error, WalState};

/// A result that panics when it is dropped, unless somebody takes the number out.
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
        panic!("this can't be written");
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
fn a_result_that_nobody_takes_may_panic_in_its_drop() -> Result {
    run(async {
        let sim = Sim::new();
        let sum = open(&sim).await?;
        let gate = Gate::before(&sim);
        gate.close();
        let mut call = Box::pin(sum.add(1));
        assert!(poll_once(call.as_mut()).is_pending());
        drop(call);
        gate.open();
        assert_eq!(sum.add(2).await?.defuse(), Some(3), "the call without a caller was done, and blamed for nothing");
        assert_eq!(sum.stats().panics, 0);
        drop(sum);
        // A replay drops every result.
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
        let error = sum.apply_batch(batch).await.expect_err("its third member panics");
        assert!(error.to_string().contains("a sum is never below zero"), "{error}");
        assert_eq!(sum.sum(), 1);
        assert_eq!(sum.add(1).await?.defuse(), Some(2));
        drop(sum);
        assert_eq!(open(&sim).await?.sum(), 2);
        Ok(())
    })
}

#[test]
fn a_payload_that_is_no_text_is_reported_without_one() -> Result {
    run(async {
        let sim = Sim::new();
        let sum = open(&sim).await?;
        let error = sum.add_and_throw(7).await.expect_err("it panics");
        assert!(matches!(&error, Error::Panicked { mutation: "add_and_throw", .. }), "{error}");
        assert_eq!(sum.sum(), 0);
        Ok(())
    })
}

#[test]
fn an_argument_that_panics_when_it_is_encoded_is_its_callers_affair() -> Result {
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
        assert_eq!(sum.add(1).await?.defuse(), Some(1), "the store goes on");
        assert_eq!(sum.stats().records, 1);
        Ok(())
    })
}
