//! After a panic: the state is built again without the mutation, and the mutation is aborted in the log.
//!
//! What the panic left is out of sight from the first moment, and is dropped when another state stands in its place. Where the
//! folder can't be read for a while (no file descriptor is left, a read fails), there is no state for a while: the calls behind the
//! panic in its group are aborted with it, and the next call, read or checkpoint builds the state.

use std::fmt;
use std::sync::Arc;

use super::core::Live;
use super::{Committer, Core};
use crate::error::{Error, Result, in_one_line};
use crate::fs::Throttle;
use crate::log::frame::LsnRange;
use crate::lsn::Lsn;
use crate::options::Durability;
use crate::panic::{self, drop_quietly};
use crate::recovery::{LogSnapshot, Replica, rebuild};
use crate::schema::reentry::{self, Inside};
use crate::schema::state::WalState;

/// Why there is no state: a mutation panicked, and the state couldn't be built again without it.
#[derive(Debug)]
pub(crate) struct Lost {
    cause: Arc<Error>,
    /// What to build it from; `None` where another try would fail too.
    from: Option<LogSnapshot>,
}

impl Lost {
    fn for_good(cause: Error) -> Lost {
        Lost { cause: Arc::new(cause), from: None }
    }

    /// Whether another try to build the state may succeed.
    pub(super) fn may_pass(&self) -> bool {
        self.from.is_some()
    }

    /// The error of a call that needs the state. Nothing of the call is recorded.
    pub(crate) fn error(&self) -> Error {
        match &self.from {
            Some(_) => (*self.cause).clone(),
            None => Error::Failed { cause: self.cause.clone() },
        }
    }
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let next = if self.may_pass() { "the next call or read tries again" } else { "open the store again" };
        write!(
            f,
            "a mutation panicked, and the state can't be built again from disk ({}); {next}",
            in_one_line(&*self.cause)
        )
    }
}

impl<S: WalState> Core<S> {
    /// Builds the state as of a snapshot, from disk or from a `base`.
    fn build(&self, from: LogSnapshot, base: Option<Replica<S>>) -> Result<S, Lost> {
        match panic::catch(|| rebuild(&self.dir, &self.store, &from, base, &Throttle::off())) {
            Ok(Ok(state)) => Ok(state),
            Ok(Err(cause @ Error::Io { .. })) => Err(Lost { cause: Arc::new(cause), from: Some(from) }),
            Ok(Err(cause)) => Err(Lost::for_good(cause)),
            Err(message) => {
                let reason =
                    format!("the state couldn't be built again after a panic, because that panicked too: {message}");
                Err(Lost::for_good(Error::Thread { reason }))
            }
        }
    }

    /// Builds the state again, if it is lost and that may succeed now.
    pub(super) fn restore(&self) -> Result<()> {
        let mut live = self.write();
        if let Err(Lost { from: Some(from), .. }) = &live.state {
            let from = from.clone();
            let _entered = reentry::enter(self.id(), Inside::Mutation);
            live.state = self.build(from, None);
        }
        let lost = match &live.state {
            Ok(_) => return Ok(()),
            Err(lost) => lost,
        };
        self.latch_for_good(lost);
        Err(lost.error())
    }

    /// Takes no more mutations if the state is lost for good.
    fn latch_for_good(&self, lost: &Lost) {
        if !lost.may_pass() {
            self.latch.get_or_init(|| lost.cause.clone());
        }
    }
}

impl<S: WalState> Committer<S> {
    /// Builds the state again as of `up_to` without what `aborted` holds, after a mutation that panicked may have left it half
    /// changed.
    pub(super) fn rebuild(&mut self, live: &mut Live<S>, aborted: &[LsnRange], up_to: Lsn) {
        let unfinished = || Error::Thread { reason: "the state wasn't built to its end after a panic".to_string() };
        let half_changed = std::mem::replace(&mut live.state, Err(Lost::for_good(unfinished())));
        // What `Periodic` keeps in the process must be there to be read. After a failure nothing is written any more.
        let written = if self.core.latch.get().is_none() { self.journal.write() } else { Ok(()) };
        live.state = match written {
            Ok(()) => {
                // Cloned once more: the next call of the group may panic too.
                let clone = |base: &Replica<S>| {
                    let state = panic::catch(|| self.core.copy.map(|copy| copy(&base.state))).ok().flatten()?;
                    Some(Replica { state, lsn: base.lsn })
                };
                let base = live.base.as_ref().filter(|base| base.lsn <= up_to).and_then(clone);
                self.core.build(self.log_up_to(up_to, aborted), base)
            }
            Err(error) => {
                self.latch(error.clone());
                Err(Lost::for_good(error))
            }
        };
        drop_quietly(half_changed);
    }

    /// The log up to an LSN without what `aborted` holds.
    fn log_up_to(&self, up_to: Lsn, aborted: &[LsnRange]) -> LogSnapshot {
        let aborts = [&self.aborts[..], aborted].concat();
        let checkpoint = self.checkpoints.last().copied().unwrap_or_default();
        LogSnapshot { checkpoint, extents: self.journal.extents(), aborts, up_to }
    }

    /// Appends an abort of these LSNs; `panics` of the calls panicked. The abort is durable under `Sync`, and handed to the operating system
    /// otherwise, before later calls are shown or answered. So the end of the process can't bring an aborted call back.
    pub(super) fn abort(&mut self, live: &mut Live<S>, aborted: &[LsnRange], panics: u64) -> Result<()> {
        let Some(&(first, _)) = aborted.first() else { return Ok(()) };
        if let Some(cause) = self.core.latch.get() {
            // What the rebuild needed couldn't be written.
            return Err((**cause).clone());
        }
        self.journal.append_abort(aborted);
        let sync = self.core.config.durability == Durability::Sync;
        let written = if sync { self.journal.sync() } else { self.journal.write() };
        if let Err(error) = &written {
            self.latch(error.clone());
            if sync {
                // A crash may take back what was applied on top of the abort: show what is certain.
                let certain = Lsn::new(first.get() - 1);
                self.rebuild(live, &[], certain);
                live.lsn = certain;
            }
        }
        self.aborts.extend_from_slice(aborted);
        self.core.stats.lock().panics += panics;
        if let Err(lost) = &mut live.state {
            if lost.may_pass() {
                // Since the panic the log has grown by what was aborted behind it.
                lost.from = Some(self.log_up_to(live.lsn, &[]));
            }
            self.core.latch_for_good(lost);
        }
        written
    }
}
