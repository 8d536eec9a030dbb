//! Verifies a store: builds the state a second time from disk, beside the live one, and compares the two at one LSN.
//!
//! The replay begins with the older checkpoint, if this program's code made all records since, and is compared with the newer
//! checkpoint on the way. Then it follows the log until it reaches the live state. Where two states differ, two replays run
//! in lock-step over the same records, and are compared on the way, to find the record.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::oneshot;

use crate::commit::log_half::LogHalf;
use crate::commit::rebuild::Lost;
use crate::commit::{Core, Front};
use crate::error::{Error, Fate, Result};
use crate::fs::{Throttle, spawn};
use crate::log::frame::{self, FrameKind, LsnRange, Records};
use crate::log::view::{Span, View};
use crate::lsn::Lsn;
use crate::panic::{self, drop_quietly};
use crate::recovery::{LogSnapshot, Replica, replay_again};
use crate::schema::Schema;
use crate::schema::state::{Recorded, WalState};

/// The number of times that the replay follows the log while mutations go on; then they wait for the rest.
const ROUNDS: usize = 8;
/// The most comparisons of two states when a difference is searched for: each takes as long as the state is large.
const COMPARISONS: u64 = 1024;

/// The LSNs of a verification that found no difference; from [`Store::verify_replay`](crate::Store::verify_replay).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verified {
    /// The LSN of the checkpoint that the replay began with.
    pub from: Lsn,
    /// The LSN at which the two states were compared.
    pub at: Lsn,
}

/// Verifies a store on a thread of its own.
pub(crate) async fn verify<S: WalState + PartialEq>(front: &Front<S>) -> Result<Verified> {
    front.admit()?;
    let core = front.core.clone();
    let (answer, answered) = oneshot::channel();
    let failed = |reason: String| Error::Thread { reason };
    let work = move || {
        let verified = panic::catch(|| Verifier { core: &core }.run());
        let verified = verified.unwrap_or_else(|message| Err(failed(format!("the comparison panicked: {message}"))));
        // Nobody may be waiting any more.
        let _ = answer.send(verified);
    };
    spawn("walr-verify", Box::new(work))?;
    let answered = async { answered.await.unwrap_or_else(|_| Err(failed("it ended without an answer".to_string()))) };
    front.core.admission.outside(Fate::Unknown, answered).await
}

/// Keeps all checkpoints, and the log above them, from being removed while it lives.
struct Pin<'a, S: Recorded>(&'a Core<S>);

impl<'a, S: Recorded> Pin<'a, S> {
    fn new(core: &'a Core<S>) -> Self {
        core.pins.fetch_add(1, Ordering::AcqRel);
        Pin(core)
    }
}

impl<S: Recorded> Drop for Pin<'_, S> {
    fn drop(&mut self) {
        self.0.pins.fetch_sub(1, Ordering::AcqRel);
    }
}

struct Verifier<'a, S: Recorded> {
    core: &'a Arc<Core<S>>,
}

/// The log as of a moment, and the checkpoints below it.
struct Moment {
    oldest: Lsn,
    newest: Lsn,
    view: View,
    up_to: Lsn,
}

/// The result of comparing two states that should be equal.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Compared {
    Equal,
    Different,
    /// One of them isn't even equal to itself.
    Incomparable,
}

fn compare<S: PartialEq>(one: &S, other: &S) -> Compared {
    #[allow(clippy::eq_op, reason = "a state with a float in it may not be equal to itself")]
    match one == other {
        true => Compared::Equal,
        false if one == one && other == other => Compared::Different,
        false => Compared::Incomparable,
    }
}

/// Where two replays part.
struct Parting {
    /// The last LSN at which the two were equal.
    equal: Lsn,
    /// The first LSN at which they were seen to differ.
    different: Lsn,
}

impl<S: WalState + PartialEq> Verifier<'_, S> {
    fn run(&self) -> Result<Verified> {
        let (pin, mut moment) = {
            let mut log = self.core.log.lock();
            (Pin::new(self.core), self.moment(&mut log)?)
        };
        let (mut replica, from) = match self.history(&moment)? {
            Some(replica) => (replica, moment.oldest),
            None => (self.load(moment.newest)?, moment.newest),
        };
        for _ in 0..ROUNDS {
            replica.follow(&moment.view, moment.up_to, &self.throttle())?;
            moment = self.moment(&mut self.core.log.lock())?;
            if moment.up_to == replica.lsn {
                break;
            }
        }
        // Mutations are recorded meanwhile, and wait to be applied.
        let live = self.core.look();
        moment = self.moment(&mut self.core.log.lock())?;
        replica.follow(&moment.view, live.lsn, &Throttle::off())?;
        let compared = compare(live.state.as_ref().map_err(Lost::error)?, &replica.state);
        drop(live);
        let span = Span { above: moment.newest, up_to: replica.lsn };
        drop_quietly(replica);
        self.judge(compared, &moment.view, span, "the state that is served")?;
        drop(pin);
        Ok(Verified { from, at: span.up_to })
    }

    /// Makes everything up to now durable, and notes where the log stands.
    fn moment(&self, log: &mut LogHalf) -> Result<Moment> {
        // After a close the folder may belong to another owner.
        if self.core.queue.is_closed() {
            return Err(Error::Closed);
        }
        let snapshot = log.snapshot()?;
        // Checkpoints before the last two may be on their way out.
        let kept = &log.checkpoints[log.checkpoints.len().saturating_sub(2)..];
        let oldest = kept.first().copied().unwrap_or_default();
        let (newest, up_to) = (snapshot.checkpoint, snapshot.up_to);
        Ok(Moment { oldest, newest, view: snapshot.view(&self.core.dir, &self.core.store), up_to })
    }

    fn load(&self, checkpoint: Lsn) -> Result<Replica<S>> {
        Replica::load(&self.core.dir, &self.core.store, checkpoint, &self.throttle())
    }

    /// In the background, and no longer than the store is open.
    fn throttle(&self) -> Throttle<'_> {
        Throttle::background(&self.core.checkpoint)
    }

    /// Replays from the older checkpoint to the newer one, and compares the two; `None` where there is no older one, or other
    /// code made the records between.
    fn history(&self, moment: &Moment) -> Result<Option<Replica<S>>> {
        let span = Span { above: moment.oldest, up_to: moment.newest };
        if span.above == span.up_to {
            return Ok(None);
        }
        // A store that was opened from the newer checkpoint doesn't know the aborts below it.
        let Ok(Some(aborts)) = aborts_of_own_code::<S>(&moment.view, Span { up_to: moment.up_to, ..span }) else {
            return Ok(None);
        };
        let Ok(mut replica) = self.load(span.above) else { return Ok(None) };
        let snapshot =
            LogSnapshot { checkpoint: span.above, extents: moment.view.extents.clone(), aborts, up_to: span.up_to };
        let view = snapshot.view(&self.core.dir, &self.core.store);
        replica.follow(&view, span.up_to, &self.throttle())?;
        let checkpoint = self.load(span.up_to)?;
        let compared = compare(&checkpoint.state, &replica.state);
        drop_quietly(checkpoint);
        self.judge(compared, &view, span, "the newest checkpoint")?;
        Ok(Some(replica))
    }

    /// Turns a difference into an error that names the record at which two replays part, as far as that can be found.
    fn judge(&self, compared: Compared, view: &View, span: Span, with: &str) -> Result<()> {
        if compared == Compared::Equal {
            return Ok(());
        }
        let path = self.core.dir.path.clone();
        let Some(Parting { equal, different }) = self.search(compared, view, span)? else {
            let between = match span.above < span.up_to {
                true => format!("between lsn {} and {}", span.above.get() + 1, span.up_to),
                false => format!("up to lsn {}, whose checkpoint it is,", span.up_to),
            };
            let reason = format!(
                "the state that a replay builds isn't {with}, though two replays agree: a mutation {between} reads \
                 something that has changed since (a static, the environment, a file), or the state was changed without \
                 a mutation"
            );
            return Err(Error::Diverged { path, trusted: span.above, lsn: None, mutation: None, reason });
        };
        let exact = different.get() - equal.get() == 1;
        let mutation = if exact { view.locate(different)?.map(|located| located.mutation) } else { None };
        let place = match &mutation {
            Some(name) => format!("from lsn {different} on (`{name}`)"),
            None => format!("somewhere between lsn {} and {different}", equal.get() + 1),
        };
        let reason = match compared {
            Compared::Incomparable => format!(
                "{place} the state isn't equal to itself, as a float that is no number isn't, so that it can't be compared"
            ),
            _ => format!(
                "two replays differ {place}: the mutation isn't deterministic (a clock, a random number, a static, the \
                 order of a `HashMap`)"
            ),
        };
        Err(Error::Diverged { path, trusted: equal, lsn: Some(different), mutation, reason })
    }

    /// Replays `span` twice in lock-step, and compares the two states after each record, or less often where there are many
    /// records. `None` if they agree all the way. Where the states were found to be incomparable, only that counts.
    fn search(&self, found: Compared, view: &View, span: Span) -> Result<Option<Parting>> {
        let (mut one, mut other) = (self.load(span.above)?, self.load(span.above)?);
        let counts = |compared| compared == Compared::Incomparable || compared == found && found == Compared::Different;
        if counts(compare(&one.state, &other.state)) {
            let lsn = span.above;
            let reason = format!("two states that are loaded from the checkpoint of lsn {lsn} aren't equal already");
            let path = self.core.dir.path.clone();
            return Err(Error::Diverged { path, trusted: Lsn::default(), lsn: None, mutation: None, reason });
        }
        let stride = (span.up_to.get() - span.above.get()).div_ceil(COMPARISONS).max(1);
        let (mut equal, mut parting) = (span.above, None);
        replay_again::<S>(view, span, &self.throttle(), &mut |lsn, log: S::Log| {
            drop_quietly(one.state.apply(log.clone()));
            let outcome = other.state.apply(log);
            if parting.is_none() && lsn.get() - equal.get() >= stride {
                match counts(compare(&one.state, &other.state)) {
                    true => parting = Some(Parting { equal, different: lsn }),
                    false => equal = lsn,
                }
            }
            outcome
        })?;
        if parting.is_none() && equal < span.up_to && counts(compare(&one.state, &other.state)) {
            parting = Some(Parting { equal, different: span.up_to });
        }
        Ok(parting)
    }
}

/// The aborts in the log from `span` on; `None` if other code of the mutations made a record of `span`.
fn aborts_of_own_code<S: WalState>(view: &View, span: Span) -> Result<Option<Vec<LsnRange>>> {
    let now = Schema::of::<S>();
    let (mut aborts, mut all_ours, mut ours) = (Vec::new(), true, false);
    view.frames(span, |header, body, _| {
        match header.kind {
            FrameKind::Schema => ours = Schema::decode(header.count, body).is_some_and(|schema| schema == *now),
            FrameKind::Batch => {
                let mut lsns = Records::new(header, body).flatten().map(|record| record.lsn);
                all_ours &= ours || !lsns.any(|lsn| span.contains(lsn));
            }
            FrameKind::Abort => aborts.extend(frame::parse_abort(header.count, body).unwrap_or_default()),
            _ => {}
        }
        Ok::<_, Error>(())
    })?;
    Ok(all_ours.then_some(aborts))
}
