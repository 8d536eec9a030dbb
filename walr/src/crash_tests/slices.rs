//! Groups that are cut into slices of one call each: between two of them some calls are answered already, and a checkpoint's
//! thread finds the state as of an LSN within a frame, or removes what an earlier checkpoint outdated.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::oneshot::Receiver;
use tokio::sync::oneshot::error::TryRecvError;

use super::state::Tally;
use super::{Dice, Driver, Model, Status};
use crate::commit::Core;
use crate::commit::answer::BatchResult;
use crate::commit::origin::{Done, write_beside};
use crate::commit::retire::Outdated;
use crate::error::{Error, Fate, Result};
use crate::lsn::Lsn;
use crate::options::Durability;

thread_local! {
    static BETWEEN: RefCell<Option<Box<dyn FnMut()>>> = const { RefCell::new(None) };
    static SHORT: Cell<bool> = const { Cell::new(false) };
}

/// Whether a slice ends after each call.
pub(crate) fn are_short() -> bool {
    SHORT.get()
}

/// Called by the writer between two slices of a group.
pub(crate) fn between() {
    if let Some(mut between) = BETWEEN.take() {
        between();
        BETWEEN.set(Some(between));
    }
}

/// The answers of a group's calls, as they come.
#[derive(Clone)]
pub(super) struct Answers(Rc<Inner>);

struct Inner {
    core: Arc<Core<Tally>>,
    model: Arc<Mutex<Model>>,
    waiting: RefCell<Vec<Receiver<BatchResult<Tally>>>>,
    /// The number of the group's first call, and what was durable before it.
    first: usize,
    durable: usize,
    failed: RefCell<Option<Error>>,
}

impl Answers {
    pub(super) fn new(
        core: &Arc<Core<Tally>>,
        model: &Arc<Mutex<Model>>,
        waiting: Vec<Receiver<BatchResult<Tally>>>,
    ) -> Answers {
        let now = model.lock();
        let (first, durable) = (now.units.len() - waiting.len(), now.durable);
        drop(now);
        let (core, model, waiting) = (core.clone(), model.clone(), RefCell::new(waiting));
        Answers(Rc::new(Inner { core, model, waiting, first, durable, failed: RefCell::default() }))
    }

    /// Notes those that are there, which are the first ones.
    fn note(&self) {
        let inner = &*self.0;
        let mut model = inner.model.lock();
        for (at, waiting) in inner.waiting.borrow_mut().iter_mut().enumerate() {
            let unit = &mut model.units[inner.first + at];
            let Status::Pending { panics } = unit.status else { continue };
            unit.status = match waiting.try_recv() {
                Err(TryRecvError::Empty) => break,
                Ok(Ok(_)) if !panics => Status::Acknowledged,
                Ok(Err(Error::Panicked { .. })) if panics => Status::Panicked,
                Ok(Err(error)) => {
                    let unknown = error.fate() == Fate::Unknown;
                    inner.failed.borrow_mut().get_or_insert(error);
                    if unknown { Status::Unknown } else { Status::Refused }
                }
                other => panic!("a call got no answer, or the wrong one: {other:?}"),
            };
            model.acked = inner.first + at + 1;
        }
        if inner.core.config.durability == Durability::Sync && model.durable < model.acked {
            // The group's frame proves those before it.
            (model.proven, model.durable) = (inner.durable, model.acked);
        }
    }

    /// Notes all of them, and returns the first error that isn't a panic of a call's own.
    pub(super) fn all(self) -> Result<()> {
        self.note();
        let model = self.0.model.lock();
        assert_eq!(model.acked, model.units.len(), "a call got no answer");
        self.0.failed.take().map_or(Ok(()), Err)
    }
}

/// What is under way beside the writer.
pub(super) struct Beside {
    dice: Dice,
    shared: Rc<RefCell<Shared>>,
}

#[derive(Default)]
struct Shared {
    /// After so many slices a checkpoint is taken.
    after: Option<u64>,
    /// It was written, as of this state where the log is to be synced first.
    done: Option<Done>,
    taken: Option<(Tally, Lsn)>,
    /// What is to be removed, and what is removed.
    outdated: Option<Outdated>,
    gone: Option<Outdated>,
}

impl Beside {
    pub(super) fn new(seed: u64) -> Beside {
        Beside { dice: Dice::new(seed ^ 0x51_1ce5), shared: Rc::default() }
    }
}

impl Shared {
    /// The checkpoint's thread has its turn.
    fn turn(&mut self, core: &Arc<Core<Tally>>) {
        if let Some(outdated) = self.outdated.take() {
            self.gone = Some(outdated.remove(&core.dir).0);
        }
        let Some(left) = self.after.as_mut() else { return };
        if *left > 0 {
            *left -= 1;
            return;
        }
        self.after = None;
        if core.config.durability == Durability::Sync {
            self.done = Some(write_beside(core, Tally::clone));
        } else {
            let live = core.live.read();
            self.taken = live.state.as_ref().ok().map(|state| (state.clone(), live.lsn));
        }
    }
}

impl Driver {
    /// From now on, groups are applied in slices, with `beside` between them.
    pub(super) fn begin_slices(&mut self, answers: &Answers) {
        let Some(beside) = &mut self.beside else { return };
        let (shared, answers, core) = (beside.shared.clone(), answers.clone(), self.committer.core.clone());
        shared.borrow_mut().after = (beside.dice.below(3) == 0).then(|| beside.dice.below(2));
        SHORT.set(true);
        BETWEEN.set(Some(Box::new(move || {
            answers.note();
            shared.borrow_mut().turn(&core);
        })));
    }

    /// The group is applied: the writer hears of what was done beside it.
    pub(super) fn end_slices(&mut self) -> Result<()> {
        let Some(beside) = &self.beside else { return Ok(()) };
        SHORT.set(false);
        BETWEEN.set(None);
        let shared = beside.shared.clone();
        let mut shared = shared.borrow_mut();
        if let Some(gone) = shared.gone.take() {
            self.committer.forget(&gone);
        }
        let done = match shared.taken.take() {
            Some((state, lsn)) => Some(self.checkpointer.write_taken(&mut self.committer, state, lsn)),
            None => shared.done.take(),
        };
        match done {
            Some(Ok((lsn, bytes))) => {
                shared.outdated = Some(self.checkpointer.named(&mut self.committer, lsn, bytes));
                Ok(())
            }
            Some(Err(error)) => Err(error),
            None => Ok(()),
        }
    }

    /// What is still to be removed goes before the next checkpoint, and before a close.
    pub(super) fn end_removal(&mut self) {
        let Some(beside) = &self.beside else { return };
        if let Some(outdated) = beside.shared.borrow_mut().outdated.take() {
            let (gone, _) = outdated.remove(&self.committer.core.dir);
            self.committer.forget(&gone);
        }
    }
}
