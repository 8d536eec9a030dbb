//! Crash tests: random workloads of a state on the simulated folder, with a crash after every call to it.
//!
//! After each recovery every acknowledged call must be there, in order, and each batch whole. `docs/design.md` lists the workloads
//! and the checks ("What the crash tests cover").

mod corruption;
mod faults;
mod golden;
mod kills;
mod manual;
mod model;
mod other_versions;
mod read_only;
mod regressions;
mod slices;
pub(crate) mod state;
mod tests;
mod way;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use self::model::{Model, Status, Unit};
use self::slices::{Answers, SecondThread};
use self::state::{Tally, TallyLog, as_live};
use self::way::{StateSource, Way};
use crate::commit::checkpointer::Checkpointer;
use crate::commit::{Committer, Group};
use crate::error::{Error, Fate, Result};
use crate::log::frame;
use crate::log::layout::StoreDir;
use crate::lsn::Lsn;
use crate::options::progress::Watch;
use crate::options::{ChangedCode, Config, Durability, Options};
use crate::recovery;
use crate::sim::{Broken, Sim};

/// The defect of an answer that comes before its abort is durable. Under `Periodic`, the abort stays in the process.
const LATE_ABORT: Broken = Broken::LateWrite(|bytes| bytes.get(4) == Some(&(frame::FrameKind::Abort as u8)));

/// The settings of a workload and its store.
#[derive(Clone, Debug)]
struct Plan {
    seed: u64,
    steps: usize,
    durability: Durability,
    segment_size: u64,
    /// `true` if mutations panic only when they are not replayed.
    flaky: bool,
    /// `true` if each call of a group is answered in a slice of its own.
    slices: bool,
    way: Way,
}

impl Plan {
    fn sync(seed: u64) -> Plan {
        let segment_size = [4096, 20 << 10, 64 << 10][(seed % 3) as usize];
        let flaky = seed.is_multiple_of(4);
        let slices = (seed / 2).is_multiple_of(2);
        Plan { seed, steps: 14, durability: Durability::Sync, segment_size, flaky, slices, way: Way::nth(0) }
    }

    /// Creates an empty folder on the way's medium.
    fn folder(&self) -> Sim {
        Sim::on(self.way.medium)
    }

    fn options(&self) -> Options<Tally> {
        let options = Options::with(self.config());
        if self.way.source == StateSource::Copy { options.cheap_clone() } else { options }
    }

    fn config(&self) -> Config {
        let (durability, segment_size) = (self.durability, self.segment_size);
        let (power_safe_overwrite, only_reserve) = (!self.way.padded, self.way.only_reserved);
        let slice = if self.slices { Duration::ZERO } else { Config::default().slice };
        Config { durability, segment_size, power_safe_overwrite, only_reserve, slice, ..Config::default() }
    }
}

/// A store on a simulated folder, driven by one thread.
struct Driver {
    committer: Committer<Tally>,
    checkpointer: Checkpointer<Tally>,
    source: StateSource,
    throttled: bool,
    model: Arc<Mutex<Model>>,
    /// `None` unless the plan has slices.
    second_thread: Option<SecondThread>,
}

/// Opens the store in `sim`, without a lock.
fn open(sim: &Sim, config: &Config) -> Result<Committer<Tally>> {
    open_with(sim, Options::with(config.clone()))
}

fn open_with(sim: &Sim, options: Options<Tally>) -> Result<Committer<Tally>> {
    let dir = StoreDir { folder: Arc::new(sim.clone()), path: PathBuf::new() };
    let opened = recovery::open(&dir, ChangedCode::Replay, &Watch::new(None), || Ok(Tally::default()))?;
    Committer::new(dir, options, opened, false)
}

/// Returns the ids in the state.
fn ids(committer: &Committer<Tally>) -> Vec<u32> {
    committer.core.look().state.as_ref().map(|state| state.ids.clone()).unwrap_or_default()
}

impl Driver {
    fn new(sim: &Sim, plan: &Plan, model: Arc<Mutex<Model>>) -> Result<Driver> {
        let committer = open_with(sim, plan.options())?;
        let checkpointer = Checkpointer::new(&committer.core);
        let second_thread = plan.slices.then(|| SecondThread::new(plan.seed));
        let Way { source, throttled, .. } = plan.way;
        if !throttled {
            committer.core.checkpoint.unthrottle();
        }
        Ok(Driver { committer, checkpointer, source, throttled, model, second_thread })
    }

    /// Commits `calls` as one group, and returns the first error that isn't the panic of a call.
    fn group(&mut self, calls: Vec<Vec<TallyLog>>) -> Result<()> {
        let core = self.committer.core.clone();
        let mut last = self.committer.journal.next_lsn().get() - 1;
        let mut answers = Vec::new();
        for logs in calls {
            let id = |log: &TallyLog| match log {
                TallyLog::Push(id, _) | TallyLog::Boom(id) | TallyLog::Flaky(id) => *id,
            };
            let panics = logs.iter().any(|log| !matches!(log, TallyLog::Push(..)));
            let unit = Unit { ids: logs.iter().map(id).collect(), status: Status::Pending { panics } };
            self.model.lock().units.push(unit);
            last += logs.len() as u64;
            answers.push((core.enqueue(logs)?, Lsn::new(last)));
        }
        let mut work = core.queue.take(Group::new());
        let answers = Answers::new(&core, &self.model, answers);
        self.begin_slices(&answers);
        as_live(true, || self.committer.commit(&mut work.group));
        core.queue.done(work.group);
        let sliced = self.end_slices();
        answers.receive_all().and(sliced)
    }

    /// Commits a call on this thread, as a caller does that waits for no sync. If that is impossible, commits the call as a group.
    fn here(&mut self, log: TallyLog) -> Result<()> {
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

    fn sync(&mut self) -> Result<()> {
        self.committer.sync()?;
        self.model.lock().synced();
        Ok(())
    }

    fn note_failure(&self) {
        if self.committer.core.latch.get().is_some() {
            self.model.lock().failed();
        }
    }

    fn mark(&mut self) {
        self.committer.mark();
        if self.committer.core.latch.get().is_none() {
            self.model.lock().marked();
        }
    }

    /// Writes a checkpoint from the plan's source.
    fn checkpoint(&mut self) -> Result<()> {
        self.end_removal();
        match self.source {
            StateSource::Live if self.throttled => self.checkpointer.write_encoded(&mut self.committer)?,
            StateSource::Live => self.checkpointer.write_now(&mut self.committer)?,
            StateSource::Copy => self.checkpointer.write_from_copy(&mut self.committer, Tally::clone)?,
            StateSource::Replay => self.checkpointer.write_from_replay(&mut self.committer)?,
        };
        self.model.lock().synced();
        Ok(())
    }

    fn close(mut self) -> Result<()> {
        self.end_removal();
        let closed = self.committer.close();
        self.note_failure();
        closed?;
        self.model.lock().marked();
        Ok(())
    }
}

/// A generator of random numbers from a seed.
struct Dice(u64);

impl Dice {
    fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5bf0_3635)
    }

    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.roll() % end
    }
}

/// Runs the workload of `plan` on `sim` up to the first error of the store.
fn work(sim: &Sim, plan: &Plan, model: &Arc<Mutex<Model>>) -> Result<()> {
    work_on(sim, plan, model, &mut Err)
}

/// Runs the workload of `plan` on `sim`, and continues after an error of the open store if `bear` returns `Ok`.
fn work_on(sim: &Sim, plan: &Plan, model: &Arc<Mutex<Model>>, bear: &mut dyn FnMut(Error) -> Result<()>) -> Result<()> {
    work_in_steps(sim, plan, model, bear, &mut || {})
}

/// Runs the workload like [`work_on`], and calls `stepped` after each step.
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
                // The process ends without a close, and the next one finds what the operating system was given. `Periodic` may lose
                // the calls that it keeps in the process, which the model doesn't know.
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
