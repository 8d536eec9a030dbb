//! Crash tests over a hand-written log: a random workload on the simulated file system, a crash after every call of it,
//! recovery, and the check that every acknowledged call is there, in order, batches whole.

mod damage;
mod faults;
mod golden;
mod kills;
mod manual;
mod read_only;
mod regressions;
pub(crate) mod sabotage;
pub(crate) mod slices;
pub(crate) mod state;
mod tests;
mod way;

use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;

use self::slices::{Answers, Beside};
use self::state::{Tally, TallyLog, as_live};
use self::way::{Source, Way};
use crate::commit::checkpointer::Checkpointer;
use crate::commit::{Committer, Group};
use crate::error::{Error, Fate, Result};
use crate::log::layout::StoreDir;
use crate::options::progress::Watch;
use crate::options::{ChangedCode, Config, Durability, Options};
use crate::recovery;
use crate::sim::Sim;

/// A call: the ids that it adds, and what became of it.
#[derive(Clone, Debug)]
pub(super) struct Unit {
    ids: Vec<u32>,
    status: Status,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    /// Not answered yet.
    Pending {
        panics: bool,
    },
    Acknowledged,
    Panicked,
    /// Answered with an error: not recorded.
    Refused,
    /// Answered with an error: recorded whole or not at all.
    Unknown,
}

/// What was called so far, in order, and how much of it must be there.
#[derive(Clone, Debug, Default)]
pub(super) struct Model {
    units: Vec<Unit>,
    /// So many of them, from the first, were answered.
    acked: usize,
    /// So many of them must survive a power cut.
    durable: usize,
    /// So many of them must survive a power cut and one flipped bit: all but the last group, or all if a mark follows it.
    proven: usize,
}

impl Model {
    /// All that was answered is durable now, and that what was durable before is proven by the frames since.
    fn synced(&mut self) {
        if self.durable < self.acked {
            (self.proven, self.durable) = (self.durable, self.acked);
        }
    }

    /// A sync has failed: what wasn't durable before may be gone, whatever was answered.
    fn failed(&mut self) {
        let durable = self.durable;
        for unit in self.units.iter_mut().skip(durable).filter(|unit| unit.status == Status::Acknowledged) {
            unit.status = Status::Unknown;
        }
    }

    /// What is wrong with `ids` as a recovered state, if of the first `least` calls those that were acknowledged must be
    /// there, and of the first `settled` those that panicked must not.
    pub(super) fn check(&self, ids: &[u32], least: usize, settled: usize) -> Result<(), String> {
        let mut at = 0;
        let mut ended = false;
        for (number, unit) in self.units.iter().enumerate() {
            let there = ids[at..].starts_with(&unit.ids);
            match unit.status {
                Status::Panicked if there && number < settled => {
                    return Err(format!("call {number} panicked, was answered so, and is there"));
                }
                Status::Refused if there => return Err(format!("call {number} was refused, and is there")),
                Status::Acknowledged if !there && number < least => {
                    return Err(format!("call {number} of {least} is missing"));
                }
                // One whose abort was never answered may be there, if it doesn't panic on replay.
                // One whose fate was unknown may be gone when a later open goes on.
                Status::Panicked | Status::Refused | Status::Unknown | Status::Pending { panics: true } => {}
                _ if ended && there => return Err(format!("call {number} is there, and an earlier one isn't")),
                _ => ended = !there,
            }
            if there {
                at += unit.ids.len();
            }
        }
        if at < ids.len() {
            return Err(format!("{} ids too many, or half a batch", ids.len() - at));
        }
        Ok(())
    }
}

/// How a workload runs.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) seed: u64,
    pub(super) steps: usize,
    pub(super) durability: Durability,
    pub(super) segment_size: u64,
    /// Whether mutations panic only when they are not replayed.
    pub(super) flaky: bool,
    /// Whether each call of a group is applied in a slice of its own, with a checkpoint beside it.
    slices: bool,
    way: Way,
}

impl Plan {
    pub(super) fn sync(seed: u64) -> Plan {
        let segment_size = [4096, 20 << 10, 64 << 10][(seed % 3) as usize];
        let flaky = seed.is_multiple_of(4);
        let slices = (seed / 2).is_multiple_of(2);
        Plan { seed, steps: 14, durability: Durability::Sync, segment_size, flaky, slices, way: Way::nth(0) }
    }

    /// An empty folder on the way's medium.
    pub(super) fn folder(&self) -> Sim {
        Sim::on(self.way.medium)
    }

    fn options(&self) -> Options<Tally> {
        let options = Options::with(self.config());
        if self.way.source == Source::Copy { options.cheap_clone() } else { options }
    }

    fn config(&self) -> Config {
        let power_safe_overwrite = !self.way.padded;
        let (durability, segment_size, only_reserve) = (self.durability, self.segment_size, self.way.only_reserved);
        Config { durability, segment_size, power_safe_overwrite, only_reserve, ..Config::default() }
    }
}

/// A store on a simulated folder, driven by one thread.
pub(super) struct Driver {
    pub(super) committer: Committer<Tally>,
    checkpointer: Checkpointer<Tally>,
    source: Source,
    gentle: bool,
    model: Arc<Mutex<Model>>,
    /// What the checkpoint's thread does between the slices of a group, where a group is cut into slices.
    beside: Option<Beside>,
}

/// Opens the store in `sim`; the lock is of no account here.
pub(super) fn open(sim: &Sim, config: &Config) -> Result<Committer<Tally>> {
    open_with(sim, Options::with(config.clone()))
}

fn open_with(sim: &Sim, options: Options<Tally>) -> Result<Committer<Tally>> {
    let dir = StoreDir { folder: Arc::new(sim.clone()), path: PathBuf::new() };
    let opened = recovery::open(&dir, ChangedCode::Replay, &Watch::new(None), || Ok(Tally::default()))?;
    Committer::new(dir, options, opened, false)
}

/// The ids in the state.
pub(super) fn ids(committer: &Committer<Tally>) -> Vec<u32> {
    committer.core.look().state.as_ref().map(|state| state.ids.clone()).unwrap_or_default()
}

impl Driver {
    pub(super) fn new(sim: &Sim, plan: &Plan, model: Arc<Mutex<Model>>) -> Result<Driver> {
        let committer = open_with(sim, plan.options())?;
        let checkpointer = Checkpointer::new(&committer.core);
        let beside = plan.slices.then(|| Beside::new(plan.seed));
        let Way { source, gentle, .. } = plan.way;
        if !gentle {
            committer.core.checkpoint.unthrottle();
        }
        Ok(Driver { committer, checkpointer, source, gentle, model, beside })
    }

    /// Commits `calls` as one group, and returns the first error that isn't a panic of a call's own.
    pub(super) fn group(&mut self, calls: Vec<Vec<TallyLog>>) -> Result<()> {
        let core = self.committer.core.clone();
        let mut answers = Vec::new();
        for logs in calls {
            let id = |log: &TallyLog| match log {
                TallyLog::Push(id, _) | TallyLog::Boom(id) | TallyLog::Flaky(id) => *id,
            };
            let panics = logs.iter().any(|log| !matches!(log, TallyLog::Push(..)));
            let unit = Unit { ids: logs.iter().map(id).collect(), status: Status::Pending { panics } };
            self.model.lock().units.push(unit);
            answers.push(core.enqueue(logs)?);
        }
        let mut work = core.queue.take(Group::new());
        let answers = Answers::new(&core, &self.model, answers);
        self.begin_slices(&answers);
        as_live(true, || self.committer.commit(&mut work.group));
        core.queue.done(work.group);
        let sliced = self.end_slices();
        answers.all().and(sliced)
    }

    /// Commits a call on this thread, as a caller does that has no sync to wait for; as a group where that can't be done.
    pub(super) fn here(&mut self, log: TallyLog) -> Result<()> {
        let core = self.committer.core.clone();
        let (TallyLog::Push(id, _) | TallyLog::Boom(id) | TallyLog::Flaky(id)) = log;
        let panics = !matches!(log, TallyLog::Push(..));
        self.model.lock().units.push(Unit { ids: vec![id], status: Status::Pending { panics } });
        let done = as_live(true, || core.commit_here(&mut self.committer, log));
        let result = match done {
            Ok(result) => result,
            Err(log) => {
                self.model.lock().units.pop();
                return self.group(vec![vec![log]]);
            }
        };
        let mut model = self.model.lock();
        let (status, failed) = match result {
            Ok(_) => (Status::Acknowledged, Ok(())),
            Err(Error::Panicked { .. }) => (Status::Panicked, Ok(())),
            Err(error) if error.fate() == Fate::Unknown => (Status::Unknown, Err(error)),
            Err(error) => (Status::Refused, Err(error)),
        };
        if let Some(unit) = model.units.last_mut() {
            unit.status = status;
        }
        model.acked = model.units.len();
        if core.config.durability == Durability::Sync {
            model.synced();
        }
        failed
    }

    pub(super) fn sync(&mut self) -> Result<()> {
        self.committer.sync()?;
        self.model.lock().synced();
        Ok(())
    }

    fn note_failure(&self) {
        if self.committer.core.latch.get().is_some() {
            self.model.lock().failed();
        }
    }

    pub(super) fn mark(&mut self) {
        self.committer.mark();
        if self.committer.core.latch.get().is_none() {
            let mut model = self.model.lock();
            (model.durable, model.proven) = (model.acked, model.acked);
        }
    }

    /// Writes a checkpoint of the live state, of a clone, or of a state that is built from disk.
    pub(super) fn checkpoint(&mut self) -> Result<()> {
        self.end_removal();
        match self.source {
            Source::Live if self.gentle => self.checkpointer.write_encoded(&mut self.committer)?,
            Source::Live => self.checkpointer.write_now(&mut self.committer)?,
            Source::Copy => self.checkpointer.write_from_copy(&mut self.committer, Tally::clone)?,
            Source::Replay => self.checkpointer.write_from_replay(&mut self.committer)?,
        };
        self.model.lock().synced();
        Ok(())
    }

    pub(super) fn close(mut self) -> Result<()> {
        self.end_removal();
        let closed = self.committer.close();
        self.note_failure();
        closed?;
        let mut model = self.model.lock();
        model.durable = model.acked;
        model.proven = model.acked;
        Ok(())
    }
}

/// Random numbers from a seed.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5bf0_3635)
    }

    pub(super) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.roll() % end
    }
}

/// Runs the workload of `plan` on `sim`, up to the first error, which is the store's.
pub(super) fn work(sim: &Sim, plan: &Plan, model: &Arc<Mutex<Model>>) -> Result<()> {
    work_on(sim, plan, model, &mut Err)
}

/// Runs the workload of `plan` on `sim`; after an error of an open store it goes on if `bear` returns `Ok`.
pub(super) fn work_on(
    sim: &Sim,
    plan: &Plan,
    model: &Arc<Mutex<Model>>,
    bear: &mut dyn FnMut(Error) -> Result<()>,
) -> Result<()> {
    work_in_steps(sim, plan, model, bear, &mut || {})
}

/// The same, with a call of `stepped` after each step.
fn work_in_steps(
    sim: &Sim,
    plan: &Plan,
    model: &Arc<Mutex<Model>>,
    bear: &mut dyn FnMut(Error) -> Result<()>,
    stepped: &mut dyn FnMut(),
) -> Result<()> {
    let mut dice = Dice::new(plan.seed);
    let mut next_id = model.lock().units.len() as u32 * 10;
    let mut driver = Driver::new(sim, plan, model.clone())?;
    for _ in 0..plan.steps {
        match dice.below(16) {
            0..=3 => {
                let log = call(&mut dice, plan, &mut next_id).swap_remove(0);
                driver.here(log).or_else(&mut *bear)?;
            }
            4..=9 => {
                let mut calls = Vec::new();
                for _ in 0..1 + dice.below(3) {
                    calls.push(call(&mut dice, plan, &mut next_id));
                }
                driver.group(calls).or_else(&mut *bear)?;
            }
            10..=11 => driver.checkpoint().or_else(&mut *bear)?,
            12 => driver.mark(),
            13 => driver.sync().or_else(&mut *bear)?,
            14 => {
                driver.note_failure();
                driver.close().or_else(&mut *bear)?;
                driver = Driver::new(sim, plan, model.clone())?;
            }
            _ => {
                // The process ends without closing, and the next one begins with what the cache holds. What `Periodic` keeps
                // in the process would be gone, and rightly so.
                if matches!(plan.durability, Durability::Periodic(_)) {
                    driver.sync().or_else(&mut *bear)?;
                }
                driver.note_failure();
                drop(driver);
                driver = Driver::new(sim, plan, model.clone())?;
                let mut model = model.lock();
                model.durable = model.acked;
            }
        }
        stepped();
    }
    driver.close().or_else(bear)
}

fn call(dice: &mut Dice, plan: &Plan, next_id: &mut u32) -> Vec<TallyLog> {
    let mut log = |dice: &mut Dice, panics: bool| {
        *next_id += 1;
        match (panics, plan.flaky) {
            (false, _) => TallyLog::Push(*next_id, vec![*next_id as u8; dice.below(90) as usize]),
            (true, false) => TallyLog::Boom(*next_id),
            (true, true) => TallyLog::Flaky(*next_id),
        }
    };
    let panics = dice.below(8) == 0;
    let count = if dice.below(3) == 0 { 2 + dice.below(3) } else { 1 };
    let bad = dice.below(count);
    let mut logs: Vec<_> = (0..count).map(|at| log(dice, panics && at == bad)).collect();
    if dice.below(40) == 0 {
        // Larger than a small segment.
        if let Some(TallyLog::Push(_, ballast)) = logs.first_mut() {
            ballast.resize(9000, 0xa5);
        }
    }
    logs
}
