//! Kills of the process after each step of a workload. The operating system keeps what it was given.
//!
//! The methods of the next program don't panic, so that only an abort in the log keeps a call away that was answered as panicked.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::state::as_live;
use super::{LATE_ABORT, Model, Plan, Way, ids, open, work_in_steps};
use crate::options::Durability;
use crate::sim::Broken;

/// Each durability, with `true` if every acknowledged call survives a kill.
const DURABILITIES: [(Durability, bool); 3] =
    [(Durability::Sync, true), (Durability::Os, true), (Durability::Periodic(Duration::from_secs(9)), false)];

/// Runs a workload, and opens the folder that a kill after each step leaves. Returns the number of kills, or what is wrong.
fn kill_after_each_step(
    seed: u64,
    (durability, keeps_all): (Durability, bool),
    broken: Option<Broken>,
) -> Result<u64, String> {
    let plan = Plan { durability, flaky: true, way: Way::nth(seed), ..Plan::sync(seed) };
    let (sim, model) = (plan.folder(), Arc::new(Mutex::new(Model::default())));
    broken.into_iter().for_each(|broken| sim.break_it(broken));
    let (mut kills, mut wrong) = (0, None);
    let worked = work_in_steps(&sim, &plan, &model, &mut Err, &mut || {
        let model = model.lock();
        let least = if keeps_all { model.acked } else { model.durable };
        let checked = as_live(false, || match open(&sim.restart(), &plan.config()) {
            Ok(core) => model.check(&ids(&core), least, model.acked),
            Err(error) => Err(error.to_string()),
        });
        kills += 1;
        wrong = wrong.take().or(checked.err());
    });
    match (worked, wrong) {
        (Ok(()), None) => Ok(kills),
        (Err(error), _) => Err(format!("{plan:?}: {error}")),
        (_, Some(wrong)) => Err(format!("{plan:?}: {wrong}")),
    }
}

#[test]
fn a_kill_brings_back_no_call_that_was_answered_as_panicked() {
    let mut kills = 0;
    for seed in 0..48 {
        for durability in DURABILITIES {
            kills += kill_after_each_step(seed, durability, None).unwrap();
        }
    }
    println!("kills: {kills}");
}

#[test]
fn the_checker_notices_an_abort_that_stays_in_the_process() {
    let kills = |seed| kill_after_each_step(seed, DURABILITIES[2], Some(LATE_ABORT));
    let wrong = (0..60).find_map(|seed| kills(seed).err()).unwrap();
    assert!(wrong.contains("panicked, was answered so, and is there"), "{wrong}");
}
