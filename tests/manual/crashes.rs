//! Random work through [`walr::WAL`] on a simulated disk, with a power cut between any two calls to it: a replay gives each
//! acknowledged record once and in order, and no undone record. The crash tests of `walr/src/crash_tests` cut within a call.

use crate::common::{DURABILITIES, Result, poll_times, run};
use crate::journal::{Change, Journal, Wal, append, open_sim_with, replayed};
use walr::Durability;
use walr::options::WALOptionsBuilder;
use walr::testing::Sim;

/// A source of numbers from a seed (xorshift).
struct Dice(u64);

impl Dice {
    /// Returns a number below `end`.
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

/// The journal that a replay must give.
#[derive(Default)]
struct Model {
    journal: Journal,
    /// The journal's length before the last call, if the call can be undone.
    before: Option<usize>,
    next: u64,
}

impl Model {
    /// Appends `count` new entries, and returns their changes.
    fn entries(&mut self, count: u64, dice: &mut Dice) -> Vec<Change> {
        let fresh = (0..count).map(|_| {
            self.next += 1;
            format!("{}{}", self.next, "x".repeat(dice.below(700) as usize))
        });
        let fresh: Journal = fresh.collect();
        self.before = Some(self.journal.len());
        self.journal.extend(fresh.iter().cloned());
        fresh.into_iter().map(append).collect()
    }
}

/// Makes a random call.
async fn step(wal: &mut Wal, model: &mut Model, dice: &mut Dice) -> walr::Result<()> {
    match dice.below(10) {
        0..=2 => wal.log(&model.entries(1, dice)[0]).await,
        3..=4 => {
            let count = 1 + dice.below(4);
            wal.log_many(&model.entries(count, dice)).await
        }
        5..=6 => {
            if let Some(before) = model.before.take() {
                model.journal.truncate(before);
            }
            if dice.below(3) > 0 {
                return wal.undo().await;
            }
            // The next call finishes an undo that is dropped.
            drop(poll_times(wal.undo(), 1).await);
            wal.undo().await
        }
        7 => {
            model.before = None;
            wal.checkpoint(&model.journal).await
        }
        8 => {
            model.before = None;
            assert_eq!(wal.replay().await?, model.journal);
            Ok(())
        }
        _ => {
            // A dropped call counts as the last call if it is recorded.
            let polls = 1 + dice.below(2) as usize;
            let count = 1 + dice.below(3);
            let entries = model.entries(count, dice);
            drop(poll_times(wal.log_many(&entries), polls).await);
            if let Some(before) = model.before.take() {
                model.journal.truncate(before);
            }
            wal.undo().await
        }
    }
}

/// Makes random calls from `seed`, and returns the number of crash states.
async fn work(seed: u64, durability: Durability) -> Result<u64> {
    let sim = Sim::new();
    let options = WALOptionsBuilder::new().durability(durability).iter_batch_size(3).build();
    let (mut dice, mut model) = (Dice(seed * 2 + 1), Model::default());
    let mut wal = open_sim_with(&sim, options.clone()).await?;
    let mut states = 0;
    for _ in 0..30 {
        step(&mut wal, &mut model, &mut dice).await?;
        if durability == Durability::Sync {
            for _ in 0..2 {
                let image = sim.crash(dice.below(u64::MAX));
                assert_eq!(replayed(&image).await?, model.journal, "seed {seed}");
                states += 1;
            }
        }
        if dice.below(8) == 0 {
            drop(wal);
            model.before = None;
            assert_eq!(replayed(&sim.crash(dice.below(u64::MAX))).await?, model.journal, "seed {seed}");
            states += 1;
            wal = open_sim_with(&sim, options.clone()).await?;
        }
    }
    Ok(states)
}

#[test]
fn a_power_cut_between_two_calls_loses_nothing_acknowledged() -> Result {
    run(async {
        let mut states = 0;
        for seed in 0..60 {
            states += work(seed, DURABILITIES[(seed % 6 / 2) as usize * usize::from(seed % 2 == 0)]).await?;
        }
        println!("{states} power cuts between calls");
        assert!(states > 1500);
        Ok(())
    })
}
