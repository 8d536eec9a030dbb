//! Crash tests of the manual layer: random logs, batches, undos and checkpoints of a state that the program keeps.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use parking_lot::Mutex;

use super::tests::{Effort, Findings, flip, report, seeds};
use super::{Dice, LATE_ABORT, Way};
use crate::commit::Core;
use crate::commit::checkpointer::Checkpointer;
use crate::error::{Fate, Result};
use crate::fs::Throttle;
use crate::log::layout::StoreDir;
use crate::lsn::Lsn;
use crate::manual::{EncodedLog, EncodedState};
use crate::options::progress::Watch;
use crate::options::{ChangedResults, CheckpointPolicy, Config, Durability, Options};
use crate::recovery;
use crate::sim::{Broken, Fault, Kind, Sim};

/// The ids of the records in a journal.
type Ids = Vec<u32>;

/// The journals that a recovery may find.
#[derive(Clone, Debug, Default)]
struct Journals {
    /// The journal at the start of the program, and after each call since.
    versions: Vec<Ids>,
    /// The first version that may be found after a crash.
    durable: usize,
    /// The first version that may be found after a crash and one flipped bit.
    proven: usize,
}

impl Journals {
    fn new() -> Journals {
        Journals { versions: vec![Ids::new()], durable: 0, proven: 0 }
    }

    fn now(&self) -> Ids {
        self.versions.last().cloned().unwrap_or_default()
    }

    /// Notes that another frame is durable. It proves the frames before it.
    fn synced(&mut self) {
        let last = self.versions.len() - 1;
        if self.durable < last {
            (self.proven, self.durable) = (self.durable, last);
        }
    }

    /// Notes that a mark proves all frames.
    fn marked(&mut self) {
        let last = self.versions.len() - 1;
        (self.durable, self.proven) = (last, last);
    }

    fn check(&self, ids: &Ids, least: usize) -> Result<(), String> {
        match self.versions[least..].contains(ids) {
            true => Ok(()),
            false => Err(format!("{ids:?} is none of {:?}", &self.versions[least..])),
        }
    }
}

/// A log on a simulated folder, and the state that its program keeps.
struct Program {
    core: Arc<Core<EncodedState>>,
    checkpointer: Checkpointer<EncodedState>,
    journals: Arc<Mutex<Journals>>,
    /// The log's end before the last call, and the state then.
    last: Option<(Lsn, Ids)>,
    state: Ids,
}

/// Returns the way of a workload, whose checkpoints are always given by the program.
fn way(seed: u64) -> Way {
    Way { only_reserved: !(seed / 12).is_multiple_of(2), ..Way::new(seed / 3, 0) }
}

fn config(seed: u64, durability: Durability) -> Config {
    let segment_size = [4096, 20 << 10, 64 << 10][(seed % 3) as usize];
    let (power_safe_overwrite, only_reserve) = (!way(seed).padded, way(seed).only_reserved);
    let checkpoint = CheckpointPolicy::Manual;
    Config { durability, segment_size, checkpoint, power_safe_overwrite, only_reserve, ..Config::default() }
}

fn encoded(ids: &Ids) -> EncodedState {
    EncodedState::new(ids.iter().flat_map(|id| id.to_le_bytes()).collect())
}

fn decoded(bytes: &[u8]) -> Ids {
    bytes.as_chunks().0.iter().map(|id| u32::from_le_bytes(*id)).collect()
}

fn open(sim: &Sim, config: &Config) -> Result<Arc<Core<EncodedState>>> {
    let dir = StoreDir { folder: Arc::new(sim.clone()), path: PathBuf::new() };
    let opened = recovery::open(&dir, ChangedResults::Refuse, &Watch::new(None), || Ok(encoded(&Ids::new())))?;
    Core::new(dir, Options::with(config.clone()), opened, false).map(Arc::new)
}

/// Returns the journal as a replay reads it.
fn replayed(core: &Core<EncodedState>) -> Result<Ids> {
    let snapshot = core.log.lock().snapshot()?;
    let ids = std::cell::RefCell::new(Ids::new());
    let begin = |state: EncodedState| *ids.borrow_mut() = decoded(&state.into_bytes());
    let mut each = |_, entry: EncodedLog| ids.borrow_mut().extend(decoded(&entry.into_bytes()).first());
    recovery::read(&core.dir, &core.store, &snapshot, &Throttle::off(), begin, &mut each)?;
    Ok(ids.into_inner())
}

impl Program {
    fn open(sim: &Sim, config: &Config, journals: Arc<Mutex<Journals>>) -> Result<Program> {
        let core = open(sim, config)?;
        let checkpointer = Checkpointer::new(&core);
        let state = replayed(&core)?;
        let mut program = Program { core, checkpointer, journals, last: None, state };
        program.settled();
        Ok(program)
    }

    /// Notes that the journal that was found is durable. A call that isn't in it can't come back.
    fn settled(&mut self) {
        let mut journals = self.journals.lock();
        if journals.now() != self.state {
            journals.versions.push(self.state.clone());
        }
        journals.synced();
    }

    fn end(&self) -> Lsn {
        self.core.stats.lock().last
    }

    /// Adds a journal that a recovery may find from now on.
    fn expect(&self, ids: &Ids) {
        self.journals.lock().versions.push(ids.clone());
    }

    fn answered(&self) {
        if self.core.config.durability == Durability::Sync {
            self.journals.lock().synced();
        }
    }

    /// Logs the ids as one call. Each record has so many more bytes.
    fn log(&mut self, ids: &[u32], ballast: usize) -> Result<()> {
        let before = (self.end(), self.state.clone());
        self.last = None;
        self.state.extend(ids);
        self.expect(&self.state);
        let entry = |id: &u32| EncodedLog::new([&id.to_le_bytes()[..], &vec![0xa5; ballast]].concat());
        let core = self.core.clone();
        let mut answer = core.enqueue(ids.iter().map(entry).collect())?;
        core.log_turn();
        core.state_turn();
        let answer = answer.try_recv().unwrap_or_else(|error| panic!("a call got no answer: {error:?}"));
        if let Err(error) = answer {
            if error.fate() == Fate::NotRecorded {
                self.state = before.1;
                self.expect(&self.state);
            }
            return Err(error);
        }
        self.last = Some(before);
        self.answered();
        Ok(())
    }

    fn undo(&mut self) -> Result<()> {
        let Some((above, state)) = self.last.take() else { return Ok(()) };
        self.expect(&state);
        if let Err(error) = self.core.log.lock().abort_above(above) {
            // The undo may be tried again.
            self.expect(&self.state);
            self.last = Some((above, state));
            return Err(error);
        }
        self.state = state;
        self.answered();
        Ok(())
    }

    fn step(&mut self, what: u64, dice: &mut Dice, next: &mut u32) -> Result<()> {
        match what {
            0..=6 => {
                let count = if dice.below(3) == 0 { 2 + dice.below(3) as u32 } else { 1 };
                let ids: Ids = (*next..*next + count).collect();
                *next += count;
                let ballast = if dice.below(40) == 0 { 9000 } else { dice.below(90) };
                self.log(&ids, ballast as usize)?;
            }
            7..=10 => self.undo()?,
            11 => self.checkpoint(false)?,
            12 => self.checkpoint(true)?,
            _ => {
                self.core.log.lock().mark();
                self.journals.lock().marked();
            }
        }
        Ok(())
    }

    /// Writes a checkpoint, after a replay that must return the program's state if `replay` is set.
    fn checkpoint(&mut self, replay: bool) -> Result<()> {
        if replay {
            assert_eq!(replayed(&self.core)?, self.state);
        }
        let (state, lsn) = (encoded(&self.state), self.end());
        self.checkpointer.write_given(state, lsn)?;
        self.last = None;
        self.journals.lock().synced();
        Ok(())
    }
}

/// Runs a workload up to the first error, or with `bear` up to the error that ends the store.
fn work(sim: &Sim, plan: (u64, usize), config: &Config, journals: &Arc<Mutex<Journals>>, bear: bool) -> Result<()> {
    let (seed, steps) = plan;
    let mut dice = Dice::new(seed);
    let mut next = journals.lock().now().last().map_or(0, |last| last + 100);
    let mut program = Program::open(sim, config, journals.clone())?;
    for _ in 0..steps {
        let what = dice.below(16);
        if what < 14 {
            let done = program.step(what, &mut dice, &mut next);
            if !bear || program.core.latch.get().is_some() {
                done?;
            }
            continue;
        }
        // At 15 the process ends without a close.
        if what == 14 {
            program.core.log.lock().close()?;
            journals.lock().marked();
        }
        drop(program);
        program = Program::open(sim, config, journals.clone())?;
    }
    program.core.log.lock().close()
}

fn examine(seed: u64, durability: Durability, effort: Effort, broken: &[Broken], findings: &Arc<Findings>) {
    let (sim, config) = (Sim::on(way(seed).medium), config(seed, durability));
    broken.iter().for_each(|broken| sim.break_it(*broken));
    let journals = Arc::new(Mutex::new(Journals::new()));
    let (seen, found, observed) = (journals.clone(), findings.clone(), config.clone());
    sim.observe(Some(Arc::new(move |sim: &Sim| {
        let journals = seen.lock().clone();
        for image in 0..effort.images {
            if image > 1 && sim.unsynced() == 0 {
                break;
            }
            judge(sim, &journals, &observed, sim.calls() << 20 | seed << 8 | image, effort, &found);
        }
    })));
    if let Err(error) = work(&sim, (seed, 16), &config, &journals, false) {
        findings.wrong(format!("seed {seed}: {error:?}"));
    }
}

/// Opens one crash state, then the same state with a flipped bit. The first goes on, and crashes again.
fn judge(sim: &Sim, journals: &Journals, config: &Config, seed: u64, effort: Effort, findings: &Findings) {
    let image = sim.crash(seed);
    findings.states.fetch_add(1, Ordering::Relaxed);
    let flipped = image.restart();
    let found = open(&image, config).and_then(|core| replayed(&core));
    let found = found.map_err(|error| format!("refused: {error:?}"));
    match found.and_then(|ids| journals.check(&ids, journals.durable).map(|()| ids)) {
        Err(wrong) => findings.wrong(format!("image {seed:#x}: {wrong}")),
        Ok(ids) if effort.again => go_on(&image, ids, config, seed, findings),
        Ok(_) => {}
    }
    if !effort.flips || !flip(&flipped, seed) {
        return;
    }
    findings.flipped.fetch_add(1, Ordering::Relaxed);
    match open(&flipped, config).and_then(|core| replayed(&core)) {
        Err(_) => drop(findings.refused.fetch_add(1, Ordering::Relaxed)),
        Ok(ids) => {
            if let Err(wrong) = journals.check(&ids, journals.proven) {
                findings.wrong(format!("image {seed:#x} with a flipped bit: {wrong}"));
            }
        }
    }
}

fn go_on(image: &Sim, ids: Ids, config: &Config, seed: u64, findings: &Findings) {
    let journals = Arc::new(Mutex::new(Journals { versions: vec![ids], durable: 0, proven: 0 }));
    if let Err(error) = work(image, (seed, 2), config, &journals, false) {
        return findings.wrong(format!("image {seed:#x}: going on: {error:?}"));
    }
    findings.states.fetch_add(1, Ordering::Relaxed);
    let again = open(&image.crash(seed ^ 0x77), config).and_then(|core| replayed(&core));
    let journals = journals.lock();
    let again = again.map_err(|error| format!("refused: {error:?}"));
    if let Err(wrong) = again.and_then(|ids| journals.check(&ids, journals.durable)) {
        findings.wrong(format!("image {seed:#x}: after going on: {wrong}"));
    }
}

#[test]
fn the_manual_layer_loses_nothing_acknowledged_by_a_crash() {
    let findings = Arc::new(Findings::default());
    for seed in seeds(100) {
        let effort = Effort { images: 4, flips: true, again: true };
        examine(seed, Durability::Sync, effort, &[], &findings);
    }
    report("power cuts of the manual layer", &findings);
}

#[test]
fn the_manual_layer_keeps_its_order_without_synced_acknowledgements() {
    let findings = Arc::new(Findings::default());
    for seed in seeds(40) {
        examine(seed, Durability::Os, Effort { images: 4, flips: false, again: true }, &[], &findings);
    }
    report("power cuts of the manual layer without syncs", &findings);
}

/// Lets each call to the file system fail, once or from then on. The program continues while it can, up to a kill or a power cut.
#[test]
fn the_manual_layer_loses_nothing_acknowledged_by_a_fault() {
    const KINDS: [Kind; 5] = [Kind::Io, Kind::Full, Kind::Interrupted, Kind::ShortWrite, Kind::SyncLost];
    let (findings, mut runs) = (Arc::new(Findings::default()), 0u64);
    for seed in 0..24 {
        let config = config(seed, Durability::Sync);
        let sim = Sim::on(way(seed).medium);
        work(&sim, (seed, 16), &config, &Arc::new(Mutex::new(Journals::new())), false).unwrap();
        for at in 1..=sim.calls() {
            for (kind, forever) in KINDS.into_iter().flat_map(|kind| [(kind, false), (kind, true)]) {
                let (sim, journals) = (Sim::on(way(seed).medium), Arc::new(Mutex::new(Journals::new())));
                sim.fail(Some(Fault { at, kind, forever }));
                // Other tests check the errors.
                let _ = work(&sim, (seed, 16), &config, &journals, true);
                sim.fail(None);
                runs += 1;
                let journals = journals.lock();
                for image in [sim.restart(), sim.crash(at)] {
                    let found = open(&image, &config).and_then(|core| replayed(&core));
                    let found = found.map_err(|error| format!("refused: {error:?}"));
                    if let Err(wrong) = found.and_then(|ids| journals.check(&ids, journals.durable)) {
                        findings.wrong(format!("seed {seed}, {kind:?} at {at}, forever {forever}: {wrong}"));
                    }
                }
            }
        }
    }
    println!("faults under the manual layer: {runs} runs");
    let wrong = findings.wrong.lock();
    assert!(wrong.is_empty(), "{} wrong, the first: {}", wrong.len(), wrong[0]);
}

fn is_caught(broken: &[Broken]) -> bool {
    let findings = Arc::new(Findings::default());
    let effort = Effort { images: 6, flips: false, again: false };
    (0..60).any(|seed| {
        examine(seed, Durability::Sync, effort, broken, &findings);
        !findings.wrong.lock().is_empty()
    })
}

#[test]
fn the_checker_notices_what_is_left_out_under_the_manual_layer() {
    for broken in [Broken::FileSync(".wal"), Broken::FolderSync, LATE_ABORT] {
        assert!(is_caught(&[broken]), "{broken:?}");
    }
    assert!(!is_caught(&[]));
}
