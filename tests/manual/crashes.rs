//! Random work through [`walr::WAL`] on the simulated disk, with a power cut between any two calls to it: what was
//! acknowledged is there, once and in order, and what was undone isn't. The finer mesh, a cut within each call, is in
//! `walr/src/crash`.

use crate::common::{DURABILITIES, Result, poll_times, run};
use crate::journal::{Change, Journal, Wal, append, open_sim_with, replayed};
use walr::Durability;
use walr::options::WALOptionsBuilder;
use walr::testing::Sim;

/// Numbers from a seed (xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

/// What the log must hold, and what may be there or not since a call was dropped.
#[derive(Default)]
struct Model {
    journal: Journal,
    /// The journal's length before the last call, if that can be taken back.
    before: Option<usize>,
    next: u64,
}

impl Model {
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
            // Dropped somewhere on its way; the next call finishes it.
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
            // A call that is dropped counts as the last one, if it is recorded at all.
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
fn nothing_acknowledged_is_lost_between_calls() -> Result {
    run(async {
        let mut states = 0;
        for seed in 0..60 {
            states += work(seed, DURABILITIES[(seed % 6 / 2) as usize * usize::from(seed % 2 == 0)]).await?;
        }
        println!("between calls: {states} power cuts");
        assert!(states > 1500);
        Ok(())
    })
}
