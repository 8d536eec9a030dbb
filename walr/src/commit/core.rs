//! What handles, the writer and a checkpoint share.

use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, RwLock, RwLockReadGuard, RwLockWriteGuard};
use tokio::sync::watch;

use super::queue::{Closing, Queue};
use super::rebuild::Lost;
use super::stats::Stats;
use crate::error::{Error, Result};
use crate::fs::WorkSignals;
use crate::log::layout::{StoreDir, StoreId};
use crate::lsn::Lsn;
use crate::options::{Config, Options};
use crate::panic;
use crate::recovery::{OpenedStore, Recovery, Replica};
use crate::schema::reentry::{self, Inside};
use crate::schema::state::{Reading, Recorded, WalState};
use crate::schema::waiting::Admission;

/// The time for which new reads wait, at first, behind a writer that waits for earlier reads.
const FIRST_TURN: Duration = Duration::from_millis(10);
/// How often a writer looks whether no read is left, while it lets new ones in.
const LOOK: Duration = Duration::from_millis(1);

/// The state, and the LSN that it is as of.
pub(crate) struct Live<S> {
    pub(crate) state: Result<S, Lost>,
    pub(crate) lsn: Lsn,
    /// A clone from before the calls that are being applied, where clones are cheap: a panic rolls back to it.
    pub(super) base: Option<Replica<S>>,
}

impl<S> Live<S> {
    /// Clones the state, where `copy` says how.
    pub(super) fn keep_base(&mut self, copy: Option<fn(&S) -> S>) {
        // Without a clone, because that panicked, a rebuild reads the disk.
        let clone = copy.zip(self.state.as_ref().ok()).and_then(|(copy, state)| panic::catch(|| copy(state)).ok());
        self.base = clone.map(|state| Replica { state, lsn: self.lsn });
    }
}

pub(crate) struct Core<S: Recorded> {
    pub(crate) dir: StoreDir,
    pub(crate) store: StoreId,
    pub(crate) config: Config,
    /// Clones the state, where the user says that this is cheap.
    pub(crate) copy: Option<fn(&S) -> S>,
    pub(crate) recovery: Recovery,
    pub(crate) queue: Queue<S>,
    /// Changed only with the committer's lock, but for the rebuild of a lost state, and only by records that are as durable as the options
    /// ask: what a reader sees can't be taken back.
    pub(crate) live: RwLock<Live<S>>,
    /// The first failure of a write or a sync. Once it is there, nothing is written any more.
    pub(crate) latch: OnceLock<Arc<Error>>,
    pub(crate) stats: Mutex<Stats>,
    /// What a checkpoint that is under way is told: to stop when the last handle is dropped, to hurry when a close waits for
    /// it.
    pub(crate) checkpoint: WorkSignals,
    /// How many read old checkpoints and the log above them, which must stay meanwhile.
    pub(crate) pins: AtomicUsize,
    /// What became of the close; `None` until it is done.
    pub(crate) closed: watch::Sender<Option<Result<()>>>,
    pub(crate) admission: Admission,
}

impl<S: Recorded> Core<S> {
    pub(crate) fn new(dir: StoreDir, options: Options<S>, opened: OpenedStore<S>) -> Self {
        let Options { config, copy, .. } = options;
        let lsn = opened.report.last;
        let stats = Stats { last: lsn, durable: lsn, checkpoint: opened.report.checkpoint, ..Stats::default() };
        Core {
            dir,
            store: opened.identity.store,
            queue: Queue::new(config.queue_size),
            config,
            copy,
            recovery: opened.report,
            live: RwLock::new(Live { state: Ok(opened.state), lsn, base: None }),
            latch: OnceLock::new(),
            stats: Mutex::new(stats),
            checkpoint: WorkSignals::default(),
            pins: AtomicUsize::new(0),
            closed: watch::Sender::new(None),
            admission: Admission::new(),
        }
    }

    /// Returns the store's number in `reentry`.
    pub(crate) fn id(&self) -> usize {
        self.admission.store
    }

    pub(crate) fn failed(&self) -> Result<()> {
        match self.latch.get() {
            Some(cause) => Err(Error::Failed { cause: cause.clone() }),
            None => Ok(()),
        }
    }

    /// Locks the state to change it, behind the reads that go on.
    ///
    /// New reads wait meanwhile, or the writer could wait for ever; but not until those before them have ended, because one
    /// of those may wait for a new one on another thread. So they take turns, each twice as long as the one before: no chain
    /// of reads, however long each is, keeps the writer out for ever, and no read waits for itself.
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
                std::thread::sleep(LOOK);
            }
            turn *= 2;
        }
    }

    /// Closes the store without a checkpoint, and doesn't wait.
    pub(crate) fn abandon(&self) {
        self.checkpoint.cancel();
        self.queue.close(Closing::Drop);
    }
}

impl<S: WalState> Core<S> {
    /// Locks the state to look at it. If it was lost by a panic, it is built again first where that succeeds now.
    pub(crate) fn look(&self) -> RwLockReadGuard<'_, Live<S>> {
        let live = self.live.read();
        match &live.state {
            Err(lost) if lost.may_pass() => {}
            _ => return live,
        }
        drop(live);
        // Why it fails is noted in the place of the state.
        let _ = self.restore();
        self.live.read()
    }

    /// Locks the state for reads.
    pub(crate) fn read(&self) -> Reading<'_, S> {
        let live = match reentry::inside(self.id()) {
            None => self.look(),
            // A writer that waits for the outer read to end must not come between.
            Some(Inside::Read) => self.live.read_recursive(),
            Some(Inside::Mutation) => panic!("`read` was called inside a mutation of the same store; use `self` there"),
        };
        match RwLockReadGuard::try_map_or_err(live, |live| live.state.as_ref().map_err(Lost::to_string)) {
            Ok(state) => Reading { _entered: reentry::enter(self.id(), Inside::Read), state },
            Err((_, lost)) => panic!("there is no state to read: {lost}"),
        }
    }
}
