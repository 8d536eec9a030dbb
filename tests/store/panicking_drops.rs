//! A value may panic when a thread of the store drops it: no mutation is blamed, no call waits for ever, and two such values at
//! once don't abort the process.

use std::time::Duration;

use crate::common::{Gate, Result, begun, fail_from_call, run};
use serde::{Deserialize, Serialize};
use walr::testing::{Kind, Sim};
use walr::{CheckpointPolicy, Durable, Error, Options, WalState};

/// A value that panics when a thread of the store drops it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Mine(u64);

impl Drop for Mine {
    fn drop(&mut self) {
        let thread = std::thread::current();
        assert!(!thread.name().is_some_and(|name| name.starts_with("walr")), "{} was dropped", self.0);
    }
}

#[derive(Clone, Default, Serialize, Deserialize, WalState)]
pub(crate) struct Mines {
    laid: Vec<u64>,
}

#[walr::mutations]
impl Mines {
    /// Records a mine without dropping it.
    #[mutation]
    pub(crate) fn lay(&mut self, mine: Mine) {
        self.laid.push(mine.0);
        std::mem::forget(mine);
    }

    /// Returns a mine.
    #[mutation]
    pub(crate) fn make(&mut self, number: u64) -> Mine {
        self.laid.push(number);
        Mine(number)
    }

    #[mutation]
    pub(crate) fn panic(&mut self) {
        panic!("the mutation panics");
    }

    #[query]
    pub(crate) fn laid(&self) -> Vec<u64> {
        self.laid.clone()
    }
}

fn options() -> Options<Mines> {
    Durable::<Mines>::options().checkpoint(CheckpointPolicy::Manual).idle_mark(Duration::MAX)
}

async fn open(sim: &Sim) -> walr::Result<Durable<Mines>> {
    options().open_on(sim.clone(), Mines::default).await
}

fn lay(number: u64) -> MinesLog {
    MinesLog::Lay { mine: Mine(number) }
}

#[test]
fn arguments_after_a_panic_in_their_batch_are_dropped_one_by_one() -> Result {
    run(async {
        for count in 1..=3 {
            let sim = Sim::new();
            let mines = open(&sim).await?;
            mines.lay(Mine(0)).await?;
            let batch = std::iter::once(MinesLog::Panic {}).chain((1..=count).map(lay));
            let answer = mines.apply_batch(batch).await;
            assert!(matches!(answer, Err(Error::Panicked { mutation: "panic", .. })), "{count} mines: {answer:?}");
            mines.lay(Mine(9)).await?;
            assert_eq!((mines.laid(), mines.stats().panics), (vec![0, 9], 1), "{count} mines");
            drop(mines);
            assert_eq!(open(&sim).await?.laid(), [0, 9], "{count} mines");
        }
        Ok(())
    })
}

#[test]
fn results_before_a_panic_in_their_batch_are_dropped_one_by_one() -> Result {
    run(async {
        let mines = open(&Sim::new()).await?;
        let make = |number| MinesLog::Make { number };
        let answer = mines.apply_batch([make(1), make(2), make(3), MinesLog::Panic {}]).await;
        assert!(matches!(answer, Err(Error::Panicked { mutation: "panic", .. })), "{answer:?}");
        mines.lay(Mine(9)).await?;
        assert_eq!(mines.laid(), [9]);
        Ok(())
    })
}

#[test]
fn arguments_of_a_refused_batch_are_dropped_one_by_one() -> Result {
    run(async {
        let sim = Sim::new();
        let mines = open(&sim).await?;
        fail_from_call(&sim, 1, Kind::Io);
        let answer = mines.apply_batch([lay(1), lay(2)]).await;
        assert!(matches!(answer, Err(Error::Io { .. })), "{answer:?}");
        sim.fail(None);
        mines.lay(Mine(9)).await?;
        assert_eq!(mines.laid(), [9]);
        Ok(())
    })
}

#[test]
fn results_of_a_dropped_batch_are_dropped_one_by_one() -> Result {
    run(async {
        let sim = Sim::new();
        let mines = open(&sim).await?;
        let gate = Gate::closed_on(&sim);
        let call = begun(mines.apply_batch([1, 2, 3].map(|number| MinesLog::Make { number })));
        gate.wait_for_arrival();
        drop(call);
        gate.open();
        mines.lay(Mine(9)).await?;
        assert_eq!(mines.laid(), [1, 2, 3, 9]);
        Ok(())
    })
}

/// A state that panics when a thread of the store drops it.
#[derive(Clone, Default, Serialize, Deserialize, WalState)]
pub(crate) struct Mined {
    calls: u64,
}

impl Drop for Mined {
    fn drop(&mut self) {
        let thread = std::thread::current();
        assert!(!thread.name().is_some_and(|name| name.starts_with("walr")), "a state was dropped");
    }
}

#[walr::mutations]
impl Mined {
    #[mutation]
    pub(crate) fn call(&mut self) -> u64 {
        self.calls += 1;
        self.calls
    }
}

#[test]
fn a_checkpoint_counts_if_its_copy_of_the_state_panics_when_it_is_dropped() -> Result {
    run(async {
        let options = || Durable::<Mined>::options().checkpoint(CheckpointPolicy::Manual).idle_mark(Duration::MAX);
        let ways = [options(), options().small_state(0), options().cheap_clone()];
        for (way, options) in ways.into_iter().enumerate() {
            let sim = Sim::new();
            let mined = options.open_on(sim.clone(), Mined::default).await?;
            mined.call().await?;
            let checkpoint = mined.checkpoint().await;
            assert_eq!(checkpoint.map_err(|error| error.to_string()), Ok(walr::Lsn::new(1)), "way {way}");
            assert_eq!(mined.call().await?, 2);
            mined.close().await?;
        }
        Ok(())
    })
}
