//! Workloads in which each call to the file system fails, once or from then on, in every way.
//!
//! Nothing acknowledged is lost, the fate that an error reports is true, and nothing hangs or panics.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::state::as_live;
use super::{Model, Plan, Way, ids, open, work, work_on};
use crate::error::Error;
use crate::options::Durability;
use crate::sim::{Fault, Kind};

const KINDS: [Kind; 6] = [Kind::Io, Kind::Full, Kind::Interrupted, Kind::ShortWrite, Kind::SyncLost, Kind::Unreadable];

/// Runs `plan` with `fault`, checks what remains, and returns `true` if a call failed.
fn survive(plan: &Plan, fault: Fault) -> bool {
    let sim = plan.folder();
    sim.fail(Some(fault));
    let model = Arc::new(Mutex::new(Model::default()));
    let mut errors = Vec::new();
    let result = work_on(&sim, plan, &model, &mut |error| {
        errors.push(error);
        Ok(())
    });
    for error in errors.iter().chain(result.as_ref().err()) {
        assert!(!matches!(error, Error::Corrupt { .. } | Error::Missing { .. }), "{plan:?} {fault:?}: {error:?}");
    }
    let hit = sim.hits() > 0;
    let model = model.lock();
    let images = [sim.restart(), sim.crash(1), sim.crash(plan.seed << 8 | 2)];
    for (at, image) in images.into_iter().enumerate() {
        let opened = as_live(false, || open(&image, &plan.config()));
        let found = match &opened {
            Ok(core) => ids(core),
            Err(error) => panic!("{plan:?} {fault:?}, image {at}: {error:?}; after {errors:?}"),
        };
        if let Err(wrong) = model.check(&found, model.durable, model.acked) {
            panic!("{plan:?} {fault:?}, image {at}: {wrong}: {found:?} of {model:?}; after {errors:?}");
        }
    }
    hit
}

fn calls_of(plan: &Plan) -> u64 {
    let sim = plan.folder();
    work(&sim, plan, &Arc::default()).unwrap();
    sim.calls()
}

#[test]
fn every_call_can_fail() {
    let seeds: u64 = std::env::var("WALR_FAULT_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(12);
    let mut ways = BTreeMap::<String, (u64, u64)>::new();
    for seed in 0..seeds {
        let durability = match seed % 3 {
            0 => Durability::Sync,
            1 => Durability::Os,
            _ => Durability::Periodic(Duration::from_secs(9)),
        };
        // Twelve seeds have each pair of durability, writes and medium, source and speed of checkpoints. Half of those under `Sync`
        // only reserve, with each combination of writes and medium.
        let (writes, source) = (seed / 3, seed + seed / 3);
        let (throttled, only_reserved) =
            ((seed % 3 + seed / 3).is_multiple_of(2), (seed / 3 + seed / 6).is_multiple_of(2));
        let way = Way { throttled, only_reserved, ..Way::new(writes, source) };
        let plan = Plan { steps: 16, flaky: false, durability, way, ..Plan::sync(seed) };
        let (runs, hits) = ways.entry(plan.way.to_string()).or_default();
        for at in 1..=calls_of(&plan) {
            for kind in KINDS {
                for forever in [false, true] {
                    *runs += 1;
                    *hits += u64::from(survive(&plan, Fault { at, kind, forever }));
                }
            }
        }
    }
    for (way, (runs, hits)) in &ways {
        println!("faults, {way}: {runs} runs, {hits} of them hit");
        assert!(*hits > runs / 3, "{way}");
    }
    let (runs, hits) = ways.values().fold((0, 0), |(runs, hits), way| (runs + way.0, hits + way.1));
    println!("faults: {runs} runs, {hits} of them hit");
}

#[test]
fn a_full_disk_is_met_before_anything_is_recorded() {
    for seed in 0..20 {
        let plan = Plan { steps: 30, flaky: false, way: Way::nth(seed), ..Plan::sync(seed) };
        let sim = plan.folder();
        let model = Arc::new(Mutex::new(Model::default()));
        work(&sim, &Plan { steps: 2, ..plan.clone() }, &model).unwrap();
        let used: u64 = sim.files().iter().map(|file| file.len).sum();
        sim.set_space(Some(used + 30_000));
        let mut full = 0;
        let mut bear = |error| match error {
            Error::Full { .. } => {
                full += 1;
                if full == 5 {
                    sim.set_space(None);
                }
                Ok(())
            }
            other => Err(other),
        };
        if let Err(error) = work_on(&sim, &plan, &model, &mut bear) {
            panic!("seed {seed}: {error:?}");
        }
        let model = model.lock();
        let core = open(&sim.crash(seed), &plan.config()).unwrap();
        model.check(&ids(&core), model.durable, model.acked).unwrap();
        // Without any space, it still opens for reading.
        sim.set_space(Some(0));
        let core = open(&sim, &plan.config()).unwrap();
        model.check(&ids(&core), model.durable, model.acked).unwrap();
    }
}
