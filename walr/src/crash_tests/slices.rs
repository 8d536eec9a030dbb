//! Groups whose calls are answered one by one, with a checkpoint between two answers.
//!
//! With [`Config::slice`](crate::options::Config) at zero, the state half answers a call before it applies the next one. A waker on each
//! answer does, on the same thread, what another thread could do at this moment: it receives the answers, takes a checkpoint as of
//! an LSN within the frame, or removes old files.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};

use parking_lot::Mutex;
use tokio::sync::oneshot::Receiver;
use tokio::sync::oneshot::error::TryRecvError;

use super::state::Tally;
use super::{Dice, Driver, Model, Status};
use crate::commit::Core;
use crate::commit::answer::BatchResult;
use crate::commit::old_files::OldFiles;
use crate::commit::state_source::{Done, StateSource, write};
use crate::error::{Error, Fate, Result};
use crate::lsn::Lsn;
use crate::options::Durability;

/// The answer to a call, and the last LSN of the call.
pub(super) type Answer = (Receiver<BatchResult<Tally>>, Lsn);

/// The answers to the calls of a group.
#[derive(Clone)]
pub(super) struct Answers(Arc<Pending>);

struct Pending {
    core: Arc<Core<Tally>>,
    model: Arc<Mutex<Model>>,
    answers: Mutex<Vec<Answer>>,
    /// The number of the group's first call.
    first: usize,
    /// [`Model::durable`] before the group.
    durable: usize,
    failed: Mutex<Option<Error>>,
}

impl Answers {
    pub(super) fn new(core: &Arc<Core<Tally>>, model: &Arc<Mutex<Model>>, answers: Vec<Answer>) -> Answers {
        let (first, durable) = {
            let model = model.lock();
            (model.units.len() - answers.len(), model.durable)
        };
        let (core, model, answers) = (core.clone(), model.clone(), Mutex::new(answers));
        Answers(Arc::new(Pending { core, model, answers, first, durable, failed: Mutex::default() }))
    }

    /// Adds to the model the answers so far.
    fn receive(&self) {
        let group = &*self.0;
        let mut model = group.model.lock();
        for (at, (answer, _)) in group.answers.lock().iter_mut().enumerate() {
            let unit = &mut model.units[group.first + at];
            let Status::Pending { panics } = unit.status else { continue };
            unit.status = match answer.try_recv() {
                Err(TryRecvError::Empty) => break,
                Ok(Ok(_)) if !panics => Status::Acknowledged,
                Ok(Err(Error::Panicked { .. })) if panics => Status::Panicked,
                Ok(Err(error)) => {
                    let unknown = error.fate() == Fate::Unknown;
                    group.failed.lock().get_or_insert(error);
                    if unknown { Status::Unknown } else { Status::Refused }
                }
                other => panic!("a call got no answer, or the wrong one: {other:?}"),
            };
            model.acked = group.first + at + 1;
        }
        if group.core.config.durability == Durability::Sync && model.durable < model.acked {
            // The group's frame proves that the frames before it are durable.
            (model.proven, model.durable) = (group.durable, model.acked);
        }
    }

    /// Receives all answers, and returns the first error that isn't the panic of a call.
    pub(super) fn receive_all(self) -> Result<()> {
        self.receive();
        let model = self.0.model.lock();
        let end = self.0.first + self.0.answers.lock().len();
        assert!(model.acked >= end, "a call got no answer");
        self.0.failed.lock().take().map_or(Ok(()), Err)
    }

    /// Returns whether the answers are there already.
    pub(super) fn are_given(&self) -> bool {
        self.receive();
        let first = self.0.first;
        self.0.model.lock().acked > first
    }

    /// Calls `between` after each slice of the group, on the thread that answers.
    fn wake(&self, between: impl Fn() + Send + Sync + 'static) {
        let between: Arc<dyn Fn() + Send + Sync> = Arc::new(between);
        for (answer, last) in &mut *self.0.answers.lock() {
            let (core, between) = (self.0.core.clone(), between.clone());
            let waker = Waker::from(Arc::new(Answered { core, last: *last, between }));
            assert!(Pin::new(answer).poll(&mut Context::from_waker(&waker)).is_pending());
        }
    }
}

/// The waker of the answer to a call.
struct Answered {
    core: Arc<Core<Tally>>,
    last: Lsn,
    between: Arc<dyn Fn() + Send + Sync>,
}

impl Wake for Answered {
    fn wake(self: Arc<Self>) {
        // The state half counts the calls of a slice before it answers them, and doesn't count calls that it refuses.
        let is_last_of_slice = self.core.stats.lock().last == self.last;
        if is_last_of_slice {
            (self.between)();
        }
    }
}

/// The thread of checkpoints, while groups are applied in slices.
pub(super) struct SecondThread {
    dice: Dice,
    work: Arc<Mutex<Work>>,
}

#[derive(Default)]
struct Work {
    /// The number of slices before the next checkpoint.
    after: Option<u64>,
    /// The result of the checkpoint, under `Sync`.
    done: Option<Done>,
    /// The state for the checkpoint, where the log must be synced first.
    taken: Option<(Tally, Lsn)>,
    to_remove: Option<OldFiles>,
    removed: Option<OldFiles>,
}

impl SecondThread {
    pub(super) fn new(seed: u64) -> SecondThread {
        SecondThread { dice: Dice::new(seed ^ 0x51_1ce5), work: Arc::default() }
    }
}

impl Work {
    /// Does what the thread does between two slices.
    fn go_on(&mut self, core: &Arc<Core<Tally>>) {
        if let Some(files) = self.to_remove.take() {
            self.removed = Some(files.remove(&core.dir).0);
        }
        let Some(left) = self.after.as_mut() else { return };
        if *left > 0 {
            *left -= 1;
            return;
        }
        self.after = None;
        if core.config.durability == Durability::Sync {
            self.done = Some(write(core, StateSource::Copy(Tally::clone)));
        } else {
            let live = core.live.read();
            self.taken = live.state.as_ref().ok().map(|state| (state.clone(), live.lsn));
        }
    }
}

impl Driver {
    /// Begins a group, with the work of the second thread between its slices.
    pub(super) fn begin_slices(&mut self, answers: &Answers) {
        let Some(SecondThread { dice, work }) = &mut self.second_thread else { return };
        work.lock().after = (dice.below(3) == 0).then(|| dice.below(2));
        let (work, received, core) = (work.clone(), answers.clone(), self.core.clone());
        answers.wake(move || {
            received.receive();
            work.lock().go_on(&core);
        });
    }

    /// Ends a group: adds the second thread's checkpoint to the log half.
    pub(super) fn end_slices(&mut self) -> Result<()> {
        let Some(thread) = &self.second_thread else { return Ok(()) };
        let work = thread.work.clone();
        let mut work = work.lock();
        if let Some(removed) = work.removed.take() {
            self.core.log.lock().note_removed(&removed);
        }
        let done = match work.taken.take() {
            Some((state, lsn)) => Some(write(&self.core, StateSource::Given(state, lsn))),
            None => work.done.take(),
        };
        if let Some(done) = done {
            let (lsn, _) = done?;
            work.to_remove = Some(self.core.log.lock().add_checkpoint(lsn));
        }
        Ok(())
    }

    /// Removes old files, if the second thread hasn't done so: before the next checkpoint, and before a close.
    pub(super) fn end_removal(&mut self) {
        let Some(thread) = &self.second_thread else { return };
        if let Some(files) = thread.work.lock().to_remove.take() {
            let (removed, _) = files.remove(&self.core.dir);
            self.core.log.lock().note_removed(&removed);
        }
    }
}
