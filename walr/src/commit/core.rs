//! The parts of an open store that its handles, its threads and a checkpoint share.

use std::ops::Deref;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::{Arc, OnceLock};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, RwLock, RwLockReadGuard, RwLockWriteGuard};
use tokio::sync::watch;

use super::base::{Progress, StoreBase};
use super::log_half::LogHalf;
use super::queue::{Closing, Queue};
use super::rebuild::Lost;
use super::stats::Stats;
use crate::error::{Error, Result};
use crate::fs::{Throttle, WorkSignals};
use crate::log::journal::Journal;
use crate::log::layout::StoreDir;
use crate::lsn::Lsn;
use crate::options::{Durability, Options};
use crate::panic::{self, drop_quietly};
use crate::recovery::{LogSnapshot, OpenedStore, Replica, rebuild};
use crate::schema::Schema;
use crate::schema::reentry::{self, Inside};
use crate::schema::state::{Reading, Recorded, WalState};
use crate::schema::waiting::Admission;

/// The first time for which new reads wait behind a thread that waits for earlier reads.
const FIRST_TURN: Duration = Duration::from_millis(10);
/// The interval at which that thread tries again while it admits new reads.
const RETRY: Duration = Duration::from_millis(1);

/// The state, and the LSN that it is as of.
pub(crate) struct Live<S> {
    pub(crate) state: Result<S, Lost>,
    pub(crate) lsn: Lsn,
    /// A clone from before the calls that are being applied, where clones are cheap: a panic rolls back to it.
    pub(super) base: Option<Replica<S>>,
    /// The rest of the log, if the disk was full when recovery wanted to abort records: the state is as of the LSN before the first.
    pub(super) behind: Option<LogSnapshot>,
    /// The error of all further calls, once an abort couldn't be recorded.
    pub(super) stopped: Option<Error>,
}

impl<S> Live<S> {
    /// Clones the state by `copy`, if there is one.
    pub(super) fn keep_base(&mut self, copy: Option<fn(&S) -> S>) {
        // Without a clone, because that panicked, a rebuild reads the disk.
        let clone = copy.zip(self.state.as_ref().ok()).and_then(|(copy, state)| panic::catch(|| copy(state)).ok());
        self.base = clone.map(|state| Replica { state, lsn: self.lsn });
    }
}

/// An open store.
///
/// The locks are taken in this order: a turn of the hand-over, `live`, `log`, the small ones of the base.
pub(crate) struct Core<S: Recorded> {
    pub(super) base: Arc<StoreBase>,
    /// Clones the state, if the user says that this is cheap.
    pub(crate) copy: Option<fn(&S) -> S>,
    pub(crate) queue: Queue<S>,
    pub(crate) log: Mutex<LogHalf>,
    /// Held by a caller that commits its own call, so that such callers wait for each other and not for the log thread.
    pub(super) alone: Mutex<()>,
    /// Changed only in a turn of the state, but for the rebuild of a lost state, and only by records that are as durable as the options
    /// ask: a crash takes back nothing that a reader sees.
    pub(crate) live: RwLock<Live<S>>,
    /// `true` while there is no state.
    pub(super) is_lost: AtomicBool,
    /// The thread that applies calls under load.
    pub(super) state_thread: OnceLock<ThreadId>,
    /// The result of the close; `None` until it is done.
    pub(crate) closed: watch::Sender<Option<Result<()>>>,
    pub(crate) admission: Admission,
}

impl<S: Recorded> Deref for Core<S> {
    type Target = StoreBase;

    fn deref(&self) -> &StoreBase {
        &self.base
    }
}

impl<S: WalState> Core<S> {
    /// Takes over a recovered store. `in_background` lets the next segment be created on a thread.
    pub(crate) fn new(
        dir: StoreDir,
        options: Options<S>,
        mut opened: OpenedStore<S>,
        in_background: bool,
    ) -> Result<Core<S>> {
        let Options { config, copy, .. } = options;
        let encode = |reason| Error::Codec { what: "the schema".to_string(), step: "encoded", reason };
        let schema = Schema::of::<S>().encode().map_err(encode)?;
        let syncs = config.durability == Durability::Sync && !config.only_reserve;
        let (store, size) = (opened.identity.store, config.segment_size);
        let position = opened.position.take();
        let mut journal = Journal::new(dir.clone(), store, schema, size, syncs, in_background, position);
        if !config.power_safe_overwrite {
            journal.pad();
        }
        let live = served(&dir, &mut journal, &mut opened)?;
        let (aborts, checkpoints) = (std::mem::take(&mut opened.aborts), std::mem::take(&mut opened.checkpoints));
        let lsn = live.lsn;
        let stats = Stats { last: lsn, durable: lsn, checkpoint: opened.report.checkpoint, ..Stats::default() };
        let queue = Queue::new(config.queue_size);
        let base = Arc::new(StoreBase {
            dir,
            store,
            config,
            recovery: opened.report,
            latch: OnceLock::new(),
            stats: Mutex::new(stats),
            progress: Mutex::new(Progress { applied: lsn, digest: None, abort_space: 0 }),
            checkpoint: WorkSignals::default(),
            pins: AtomicUsize::new(0),
        });
        Ok(Core {
            log: Mutex::new(LogHalf::new(base.clone(), journal, aborts, checkpoints)),
            base,
            copy,
            queue,
            alone: Mutex::new(()),
            live: RwLock::new(live),
            is_lost: AtomicBool::new(false),
            state_thread: OnceLock::new(),
            closed: watch::Sender::new(None),
            admission: Admission::new(),
        })
    }
}

/// Makes recovery's aborts durable, and returns the state to serve. On a full disk, that is the state before the first of them: a read
/// must not show a state that the next open could replace.
fn served<S: WalState>(dir: &StoreDir, journal: &mut Journal, opened: &mut OpenedStore<S>) -> Result<Live<S>> {
    let live = |state, lsn, behind| Live { state: Ok(state), lsn, base: None, behind, stopped: None };
    let last = opened.report.last;
    let full = match journal.write_recovered() {
        Ok(()) => None,
        // Accepted results are served only once that is noted.
        Err(error @ Error::Full { .. }) if opened.report.accepted_results => return Err(error),
        Err(Error::Full { .. }) => opened.report.aborted.iter().map(|(first, _)| *first).min(),
        Err(error) => return Err(error),
    };
    let state = opened.state.take();
    match (full, state) {
        (None, Some(state)) => Ok(live(state, last, None)),
        (Some(first), state) => {
            drop_quietly(state);
            let lsn = Lsn::new(first.get() - 1);
            let (extents, aborts) = (journal.extents(), opened.aborts.clone());
            let rest = LogSnapshot { checkpoint: opened.report.checkpoint, extents, aborts, up_to: last };
            let below = LogSnapshot { up_to: lsn, ..rest.clone() };
            let state = rebuild(dir, &opened.identity.store, &below, None, &Throttle::off())?;
            Ok(live(state, lsn, Some(rest)))
        }
        (None, None) => Err(Error::Thread { reason: "the recovery left no state".to_string() }),
    }
}

impl<S: Recorded> Core<S> {
    /// Returns the store's number in `reentry`.
    pub(crate) fn id(&self) -> usize {
        self.admission.store
    }

    /// Locks the state to change it, after the reads in progress.
    ///
    /// New reads wait meanwhile, or the caller could wait for ever. They don't wait until all earlier reads have ended, because one of
    /// those may wait for a new one on another thread. So the two take turns, each twice as long as the one before: no chain of reads
    /// keeps the caller out for ever, and no read waits for itself.
    pub(super) fn write(&self) -> RwLockWriteGuard<'_, Live<S>> {
        let mut turn = FIRST_TURN;
        loop {
            if let Some(live) = self.live.try_write_for(turn) {
                return live;
            }
            let until = Instant::now() + turn;
            while Instant::now() < until {
                if let Some(live) = self.live.try_write() {
                    return live;
                }
                thread::sleep(RETRY);
            }
            turn *= 2;
        }
    }

    /// Returns whether this is the state thread. The log thread waits for it.
    pub(crate) fn is_state_thread(&self) -> bool {
        self.state_thread.get() == Some(&thread::current().id())
    }

    /// Closes the store without a checkpoint, and doesn't wait.
    pub(crate) fn abandon(&self) {
        self.checkpoint.cancel();
        self.queue.close(Closing::Drop);
    }
}

impl<S: WalState> Core<S> {
    /// Locks the state to look at it. A state that was lost by a panic is rebuilt first, if that is possible now.
    pub(crate) fn look(&self) -> RwLockReadGuard<'_, Live<S>> {
        let live = self.live.read();
        match &live.state {
            Err(lost) if lost.may_pass() => {}
            _ => return live,
        }
        drop(live);
        // The reason of a failure takes the state's place.
        let _ = self.restore();
        self.live.read()
    }

    /// Locks the state for reads.
    pub(crate) fn read(&self) -> Reading<'_, S> {
        let live = match reentry::inside(self.id()) {
            None => self.look(),
            // A thread that waits for the outer read to end must not come between.
            Some(Inside::Read) => self.live.read_recursive(),
            Some(Inside::Mutation) => panic!("`read` was called inside a mutation of the same store; use `self` there"),
        };
        match RwLockReadGuard::try_map_or_err(live, |live| live.state.as_ref().map_err(Lost::to_string)) {
            Ok(state) => Reading { _entered: reentry::enter(self.id(), Inside::Read), state },
            Err((_, lost)) => panic!("there is no state to read: {lost}"),
        }
    }
}
