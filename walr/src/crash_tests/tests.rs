//! The crash tests, and the tests of the checker itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use super::state::{Tally, as_live};
use super::{Dice, Model, Plan, Way, ids, open, sabotage, work};
use crate::commit::Committer;
use crate::options::Durability;
use crate::sim::Sim;
use crate::sim::{Broken, Medium};

/// What a run over crash states found.
#[derive(Default)]
pub(super) struct Findings {
    pub(super) states: AtomicU64,
    pub(super) flipped: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) wrong: Mutex<Vec<String>>,
}

impl Findings {
    pub(super) fn wrong(&self, what: String) {
        self.wrong.lock().push(what);
    }

    fn count(&self) -> u64 {
        self.states.load(Ordering::Relaxed)
    }
}

/// How thorough a run is: images per call, and what is done with each.
#[derive(Clone, Copy)]
pub(super) struct Effort {
    pub(super) images: u64,
    pub(super) flips: bool,
    pub(super) again: bool,
}

/// Runs `plan`, and examines crash states after every call to the file system, the creation's and the recoveries' included.
fn examine(plan: &Plan, effort: Effort, broken: &[Broken], findings: &Arc<Findings>) {
    let sim = plan.folder();
    broken.iter().for_each(|broken| sim.break_it(*broken));
    let model = Arc::new(Mutex::new(Model::default()));
    let (seen, found) = (model.clone(), findings.clone());
    let seed = plan.seed;
    let observed = plan.clone();
    sim.observe(Some(Arc::new(move |sim: &Sim| {
        let model = seen.lock().clone();
        for image in 0..effort.images {
            if image > 1 && sim.unsynced() == 0 {
                break;
            }
            let image_seed = sim.calls() << 20 | seed << 8 | image;
            as_live(false, || judge(sim, &model, &observed, image_seed, effort, &found));
        }
    })));
    if let Err(error) = work(&sim, plan, &model) {
        findings.wrong(format!("seed {seed}: {error:?}"));
    }
}

/// Recovers one crash state, and the same with a bit flipped.
fn judge(sim: &Sim, model: &Model, plan: &Plan, seed: u64, effort: Effort, findings: &Findings) {
    let (config, flaky) = (&plan.config(), plan.flaky);
    let image = sim.crash(seed);
    findings.states.fetch_add(1, Ordering::Relaxed);
    let flipped = effort.flips.then(|| image.restart());
    match open(&image, config) {
        Err(error) => findings.wrong(format!("image {seed:#x}: refused: {error:?}")),
        Ok(committer) => {
            if let Err(wrong) = model.check(&ids(&committer), model.durable, model.acked) {
                findings.wrong(format!("image {seed:#x}: {wrong}"));
            } else if effort.again && !flaky {
                go_on(&image, committer, plan, seed, findings);
            }
        }
    }
    let Some(flipped) = flipped else { return };
    if !flip(&flipped, seed) {
        return;
    }
    findings.flipped.fetch_add(1, Ordering::Relaxed);
    match open(&flipped, config) {
        Err(_) => drop(findings.refused.fetch_add(1, Ordering::Relaxed)),
        Ok(committer) => {
            if let Err(wrong) = model.check(&ids(&committer), model.proven, model.proven) {
                let (report, model) = (&committer.core.recovery, &model);
                let found = format!("{:?} {report:?} of {model:?}", ids(&committer));
                findings.wrong(format!("image {seed:#x} with a flipped bit: {wrong}: {found}"));
            }
        }
    }
}

/// After a recovery the store must go on: what is acknowledged now survives the next crash, also one in the middle.
fn go_on(image: &Sim, committer: Committer<Tally>, plan: &Plan, seed: u64, findings: &Findings) {
    let before = ids(&committer);
    drop(committer);
    let model = Arc::new(Mutex::new(Model::default()));
    {
        let mut model = model.lock();
        model.units =
            before.iter().map(|&id| super::Unit { ids: vec![id], status: super::Status::Acknowledged }).collect();
        (model.acked, model.durable) = (before.len(), before.len());
    }
    let plan = Plan { seed, steps: 2, ..plan.clone() };
    if let Err(error) = work(image, &plan, &model) {
        return findings.wrong(format!("image {seed:#x}: going on: {error:?}"));
    }
    let again = image.crash(seed ^ 0x77);
    findings.states.fetch_add(1, Ordering::Relaxed);
    let model = model.lock();
    match open(&again, &plan.config()) {
        Err(error) => findings.wrong(format!("image {seed:#x}: refused after going on: {error:?}")),
        Ok(committer) => {
            if let Err(wrong) = model.check(&ids(&committer), model.durable, model.acked) {
                let found = ids(&committer);
                let report = &committer.core.recovery;
                findings
                    .wrong(format!("image {seed:#x}: after going on: {wrong}: {found:?} of {:?} {report:?}", model));
            }
        }
    }
}

pub(super) fn flip(image: &Sim, seed: u64) -> bool {
    let mut dice = Dice::new(seed);
    let files: Vec<_> = image.files().into_iter().filter(|file| file.len > 0).collect();
    if files.is_empty() {
        return false;
    }
    let file = &files[dice.below(files.len() as u64) as usize];
    // Most of a file is zeros; half of the flips go to where its contents are.
    let contents = image.read(&file.name).unwrap_or_default();
    let end = contents.iter().rposition(|&byte| byte != 0).map_or(file.len, |at| at as u64 + 1);
    let within = if dice.below(2) == 0 { end } else { file.len };
    image.flip(&file.name, dice.below(within * 8))
}

fn effort() -> Effort {
    Effort { images: 4, flips: true, again: true }
}

/// How many workloads a test runs; `WALR_CRASH_SEEDS` makes it a long run.
pub(super) fn seeds(usual: u64) -> std::ops::Range<u64> {
    let asked = std::env::var("WALR_CRASH_SEEDS").ok().and_then(|seeds| seeds.parse().ok());
    0..asked.unwrap_or(usual)
}

/// Examines the plans of so many seeds, in `many` ways in turn: each `turn` seeds one, so that what a plan takes from its
/// seed meets every way. A next round begins with another way, so that in a long run each two of them meet.
fn examine_all(name: &str, usual: u64, (turn, many): (u64, u64), plan: impl Fn(u64) -> Plan) {
    let ways: Vec<Arc<Findings>> = (0..many).map(|_| Arc::default()).collect();
    for seed in seeds(usual) {
        let way = (seed / turn + seed / (turn * many)) % many;
        examine(&Plan { way: Way::nth(way), ..plan(seed) }, effort(), &[], &ways[way as usize]);
    }
    let (mut all, mut all_flipped) = (0, 0);
    for (way, findings) in ways.iter().enumerate() {
        let (states, flipped) = (findings.count(), findings.flipped.load(Ordering::Relaxed));
        let refused = findings.refused.load(Ordering::Relaxed);
        let way = Way::nth(way as u64);
        println!("{name}, {way}: {states} crash states, {flipped} with a flipped bit ({refused} refused)");
        let wrong = findings.wrong.lock();
        assert!(wrong.is_empty(), "{way}: {} wrong, the first: {}", wrong.len(), wrong[0]);
        assert!(states > 0, "{way}: nothing was examined");
        (all, all_flipped) = (all + states, all_flipped + flipped);
    }
    println!("{name}: {all} crash states, {all_flipped} with a flipped bit");
}

pub(super) fn report(name: &str, findings: &Findings) {
    let (states, flipped) = (findings.count(), findings.flipped.load(Ordering::Relaxed));
    let refused = findings.refused.load(Ordering::Relaxed);
    println!("{name}: {states} crash states, {flipped} with a flipped bit ({refused} refused)");
    let wrong = findings.wrong.lock();
    assert!(wrong.is_empty(), "{} wrong, the first: {}", wrong.len(), wrong[0]);
}

#[test]
fn nothing_acknowledged_is_lost_by_a_crash() {
    examine_all("power cuts", 192, (4, Way::ALL), Plan::sync);
}

#[test]
fn without_synced_acknowledgements_the_order_still_holds() {
    examine_all("power cuts without syncs", 144, (6, Way::CHECKPOINTS), |seed| {
        let durability =
            if seed % 2 == 0 { Durability::Os } else { Durability::Periodic(std::time::Duration::from_secs(9)) };
        Plan { durability, flaky: false, ..Plan::sync(seed) }
    });
}

/// The checker must find something wrong in one of the workloads when `broken` is.
fn is_caught(plan: impl Fn(u64) -> Plan, broken: &[Broken]) -> bool {
    let findings = Arc::new(Findings::default());
    let effort = Effort { images: 6, flips: false, again: false };
    (0..60).any(|seed| {
        examine(&plan(seed), effort, broken, &findings);
        !findings.wrong.lock().is_empty()
    })
}

/// That in each way of writing.
fn is_always_caught(plan: impl Fn(u64) -> Plan, broken: &[Broken]) -> bool {
    (0..Way::WRITES).all(|writes| is_caught(|seed| Plan { way: Way::new(writes, seed), ..plan(seed) }, broken))
}

#[test]
fn the_checker_notices_rewritten_blocks_on_a_medium_that_harms_them() {
    for direct in [true, false] {
        let way =
            |overwrite_safe, seed| Way { medium: Medium { direct, overwrite_safe }, padded: false, ..Way::nth(seed) };
        assert!(is_caught(|seed| Plan { way: way(false, seed), ..Plan::sync(seed) }, &[]), "direct: {direct}");
        assert!(!is_caught(|seed| Plan { way: way(true, seed), ..Plan::sync(seed) }, &[]), "direct: {direct}");
    }
}

#[test]
fn the_checker_notices_a_missing_sync_of_the_log() {
    assert!(is_always_caught(Plan::sync, &[Broken::FileSync(".wal")]));
}

#[test]
fn the_checker_notices_a_missing_sync_of_a_new_segment() {
    assert!(is_always_caught(Plan::sync, &[Broken::FileSync(".wal.tmp")]));
}

#[test]
fn the_checker_notices_a_missing_sync_of_a_checkpoint() {
    assert!(is_always_caught(|seed| Plan { steps: 40, ..Plan::sync(seed) }, &[Broken::FileSync(".ckpt.tmp")]));
}

#[test]
fn the_checker_notices_a_missing_sync_of_the_folder() {
    assert!(is_always_caught(Plan::sync, &[Broken::FolderSync]));
}

#[test]
fn the_checker_notices_an_abort_that_is_answered_unsynced() {
    let flaky = |seed| Plan { flaky: true, way: Way::nth(seed), ..Plan::sync(seed) };
    assert!(!is_caught(flaky, &[]));
    sabotage::leave_aborts_unsynced(true);
    let caught = is_caught(flaky, &[]);
    sabotage::leave_aborts_unsynced(false);
    assert!(caught);
}
