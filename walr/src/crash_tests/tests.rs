//! The power cuts, and the tests of their checker.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use super::state::{Tally, as_live};
use super::{Dice, LATE_ABORT, Model, Plan, Way, ids, open, work};
use crate::commit::Core;
use crate::options::Durability;
use crate::sim::{Broken, Medium, Sim};

/// The results of a run over crash states.
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

/// The thoroughness of a run.
#[derive(Clone, Copy)]
pub(super) struct Effort {
    /// The most crash states after each call.
    pub(super) images: u64,
    /// `true` if each state is also opened with a flipped bit.
    pub(super) flips: bool,
    /// `true` if the workload goes on in each state, and crashes again.
    pub(super) again: bool,
}

/// Runs `plan`, and examines crash states after every call to the file system, also after those of the creation and of recoveries.
fn examine(plan: &Plan, effort: Effort, broken: &[Broken], findings: &Arc<Findings>) {
    let sim = plan.folder();
    broken.iter().for_each(|broken| sim.break_it(*broken));
    let model = Arc::new(Mutex::new(Model::default()));
    let (seen, found) = (model.clone(), findings.clone());
    let seed = plan.seed;
    let observed = plan.clone();
    sim.observe(Some(Arc::new(move |sim: &Sim| {
        let model = {
            let mut model = seen.lock();
            model.look();
            model.clone()
        };
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

/// Opens one crash state, then the same state with a flipped bit.
fn judge(sim: &Sim, model: &Model, plan: &Plan, seed: u64, effort: Effort, findings: &Findings) {
    let (config, flaky) = (&plan.config(), plan.flaky);
    let image = sim.crash(seed);
    findings.states.fetch_add(1, Ordering::Relaxed);
    let flipped = effort.flips.then(|| image.restart());
    match open(&image, config) {
        Err(error) => findings.wrong(format!("image {seed:#x}: refused: {error:?}")),
        Ok(core) => {
            let found = ids(&core);
            let shown = plan.durability != Durability::Sync || found.starts_with(&model.shown);
            if let Err(wrong) = model.check(&found, model.durable, model.acked) {
                findings.wrong(format!("image {seed:#x}: {wrong}: {found:?} of {model:?}"));
            } else if !shown {
                findings.wrong(format!("image {seed:#x}: a read showed {:?}, and {found:?} is there", model.shown));
            } else if effort.again && !flaky {
                go_on(&image, core, plan, seed, findings);
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
        Ok(core) => {
            if let Err(wrong) = model.check(&ids(&core), model.proven, model.proven) {
                let (report, model) = (&core.recovery, &model);
                let found = format!("{:?} {report:?} of {model:?}", ids(&core));
                findings.wrong(format!("image {seed:#x} with a flipped bit: {wrong}: {found}"));
            }
        }
    }
}

/// Continues after a recovery, and checks that what is acknowledged then survives the next crash.
fn go_on(image: &Sim, core: Arc<Core<Tally>>, plan: &Plan, seed: u64, findings: &Findings) {
    let before = ids(&core);
    drop(core);
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
        Ok(core) => {
            if let Err(wrong) = model.check(&ids(&core), model.durable, model.acked) {
                let found = ids(&core);
                let report = &core.recovery;
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
    // Most of a file is zeros, so half of the flips hit the bytes before the last zeros.
    let contents = image.read(&file.name).unwrap_or_default();
    let end = contents.iter().rposition(|&byte| byte != 0).map_or(file.len, |at| at as u64 + 1);
    let within = if dice.below(2) == 0 { end } else { file.len };
    image.flip(&file.name, dice.below(within * 8))
}

fn effort() -> Effort {
    Effort { images: 4, flips: true, again: true }
}

/// Returns the seeds of a test's workloads: `usual` many, or as many as `WALR_CRASH_SEEDS` says.
pub(super) fn seeds(usual: u64) -> std::ops::Range<u64> {
    let asked = std::env::var("WALR_CRASH_SEEDS").ok().and_then(|seeds| seeds.parse().ok());
    0..asked.unwrap_or(usual)
}

/// Examines the plans of the seeds, in `many` ways in turn.
///
/// The way changes every `turn` seeds, so that each choice that a plan takes from its seed meets every way. Each round begins with
/// another way, so that a long run has all pairs.
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
        let durability = if seed % 2 == 0 { Durability::Os } else { Durability::Periodic(Duration::from_secs(9)) };
        Plan { durability, flaky: false, ..Plan::sync(seed) }
    });
}

/// Returns the first thing that the checker finds wrong in one of the workloads.
fn first_wrong(plan: impl Fn(u64) -> Plan, broken: &[Broken]) -> Option<String> {
    let findings = Arc::new(Findings::default());
    let effort = Effort { images: 6, flips: false, again: false };
    (0..60).find_map(|seed| {
        examine(&plan(seed), effort, broken, &findings);
        findings.wrong.lock().first().cloned()
    })
}

fn is_caught(plan: impl Fn(u64) -> Plan, broken: &[Broken]) -> bool {
    first_wrong(plan, broken).is_some()
}

/// Returns `true` if the checker catches `broken` in every combination of writes and media.
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
    assert_eq!(first_wrong(flaky, &[]), None);
    let wrong = first_wrong(flaky, &[LATE_ABORT]).unwrap();
    assert!(wrong.contains("panicked, was answered so, and is there"), "{wrong}");
}
