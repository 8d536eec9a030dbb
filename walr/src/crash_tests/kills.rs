//! Kills: the process ends after each step of a workload, and the operating system keeps what it was given. The next program's
//! methods don't panic, so that only an abort in the log keeps a call away that was answered as panicked.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::state::as_live;
use super::{Model, Plan, Way, ids, open, sabotage, work_in_steps};
use crate::options::Durability;

/// Durabilities, and whether a kill leaves every acknowledged call under them.
const DURABILITIES: [(Durability, bool); 3] =
    [(Durability::Sync, true), (Durability::Os, true), (Durability::Periodic(Duration::from_secs(9)), false)];

/// Runs a workload, and opens what a kill after each of its steps leaves. Returns how many kills these were, or what is wrong.
fn kill_after_each_step(seed: u64, (durability, keeps_all): (Durability, bool)) -> Result<u64, String> {
    let plan = Plan { durability, flaky: true, way: Way::nth(seed), ..Plan::sync(seed) };
    let (sim, model) = (plan.folder(), Arc::new(Mutex::new(Model::default())));
    let (mut kills, mut wrong) = (0, None);
    let worked = work_in_steps(&sim, &plan, &model, &mut Err, &mut || {
        let model = model.lock();
        let least = if keeps_all { model.acked } else { model.durable };
        let checked = as_live(false, || match open(&sim.restart(), &plan.config()) {
            Ok(committer) => model.check(&ids(&committer), least, model.acked),
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
            kills += kill_after_each_step(seed, durability).unwrap();
        }
    }
    println!("kills: {kills}");
}

#[test]
fn the_checker_notices_an_abort_that_stays_in_the_process() {
    sabotage::leave_aborts_unsynced(true);
    let caught = (0..60).any(|seed| kill_after_each_step(seed, DURABILITIES[2]).is_err());
    sabotage::leave_aborts_unsynced(false);
    assert!(caught);
}
