//! After a panic: the state is built again without the mutation, and the mutation is aborted in the log.
//!
//! What the panic left is out of sight from the first moment, and is dropped when another state stands in its place. Where the
//! folder can't be read for a while (no file descriptor is left, a read fails), there is no state for a while: the calls behind the
//! panic in its group are aborted with it, and the next call, read or checkpoint builds the state.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::core::{Core, Live};
use crate::error::{Error, Result, in_one_line};
use crate::fs::Throttle;
use crate::log::frame::LsnRange;
use crate::lsn::Lsn;
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
    /// Builds the state as of a snapshot, from disk or from `base`.
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

    /// Rebuilds the state, if it is lost and that is possible now.
    pub(super) fn restore(&self) -> Result<()> {
        let mut live = self.write();
        if let Err(Lost { from: Some(from), .. }) = &live.state {
            let from = from.clone();
            let _entered = reentry::enter(self.id(), Inside::Mutation);
            live.state = self.build(from, None);
        }
        self.note_lost(&live);
        match &live.state {
            Ok(_) => Ok(()),
            Err(lost) => Err(lost.error()),
        }
    }

    /// Applies the rest of the log that recovery left out on a full disk. The log thread has recorded a call since, with recovery's
    /// aborts before it.
    pub(super) fn catch_up(&self, live: &mut Live<S>) {
        let Some(rest) = live.behind.take() else { return };
        let up_to = rest.up_to;
        let before = std::mem::replace(&mut live.state, Err(Lost::for_good(unfinished())));
        let base = before.ok().map(|state| Replica { state, lsn: live.lsn });
        live.state = self.build(rest, base);
        live.lsn = up_to;
        let mut progress = self.progress.lock();
        // This replay computes no digest.
        (progress.applied, progress.digest) = (up_to, None);
        drop(progress);
        self.note_lost(live);
    }

    /// Rebuilds the state as of `up_to` without the records of `aborted`, after a mutation that panicked may have left the state half
    /// changed.
    pub(super) fn rebuild(&self, live: &mut Live<S>, aborted: &[LsnRange], up_to: Lsn) {
        let half_changed = std::mem::replace(&mut live.state, Err(Lost::for_good(unfinished())));
        let snapshot = {
            let mut log = self.log.lock();
            // The records that `Periodic` keeps in the process must be readable. After a failure nothing is written any more.
            let written = if self.latch.get().is_none() { log.write() } else { Ok(()) };
            written.map(|()| log.log_up_to(up_to, aborted))
        };
        live.state = match snapshot {
            Ok(snapshot) => {
                // Cloned once more: the next call of the group may panic too.
                let clone = |base: &Replica<S>| {
                    let state = panic::catch(|| self.copy.map(|copy| copy(&base.state))).ok().flatten()?;
                    Some(Replica { state, lsn: base.lsn })
                };
                let base = live.base.as_ref().filter(|base| base.lsn <= up_to).and_then(clone);
                self.build(snapshot, base)
            }
            Err(error) => Err(Lost::for_good(error)),
        };
        drop_quietly(half_changed);
    }

    /// Notes whether there is a state. Without one for good, the store takes no more mutations.
    pub(super) fn note_lost(&self, live: &Live<S>) {
        let lost = live.state.as_ref().err();
        self.is_lost.store(lost.is_some(), Ordering::Release);
        if let Some(lost) = lost.filter(|lost| !lost.may_pass()) {
            self.latch.get_or_init(|| lost.cause.clone());
        }
    }

    /// Extends what a lost state is rebuilt from, after later calls were aborted with it.
    pub(super) fn extend_lost(&self, live: &mut Live<S>) {
        let lsn = live.lsn;
        if let Err(Lost { from: Some(from), .. }) = &mut live.state {
            *from = self.log.lock().log_up_to(lsn, &[]);
        }
    }
}

fn unfinished() -> Error {
    Error::Thread { reason: "the state wasn't built to its end after a panic".to_string() }
}
