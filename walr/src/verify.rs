//! Whether a replay of the folder leads to the state that is served: it is built a second time from disk, beside the live one,
//! and compared with it at one LSN.
//!
//! It begins at the older checkpoint, if all records since then were made by this program's code, and passes by the newer one,
//! with which it is compared first. Then it follows the log until it is where the live state is.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::commit::rebuild::Lost;
use crate::commit::{Committer, Core, Front};
use crate::error::{Error, Fate, Result};
use crate::frame::Range;
use crate::journal::Extent;
use crate::lsn::Lsn;
use crate::pace::Pace;
use crate::panic::{self, drop_quietly};
use crate::recovery::{Scratch, mutation_at, survey};
use crate::state::{Recorded, WalState};

/// So many times the replay follows the log while mutations go on; then they wait for what is left.
const ROUNDS: usize = 8;
/// A search compares at most about so many times in a pass, and makes at most so many passes.
const COMPARISONS: u64 = 64;
const PASSES: usize = 12;

/// What [`Store::verify_replay`](crate::Store::verify_replay) found: a replay leads to the state that is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verified {
    /// The LSN of the checkpoint that the replay began at.
    pub from: Lsn,
    /// The LSN at which the two states were compared.
    pub at: Lsn,
}

/// Verifies on a thread of its own.
pub(crate) async fn verify<S: WalState + PartialEq>(front: &Front<S>) -> Result<Verified> {
    front.core.admit()?;
    let (core, committer) = (front.core.clone(), front.committer.clone());
    let (answer, answered) = oneshot::channel();
    let failed = |reason: String| Error::Thread { reason };
    let thread = std::thread::Builder::new().name("walr-verify".into()).spawn(move || {
        let verified = panic::catch(|| Verifier { core: &core, committer: &committer }.run());
        let verified = verified.unwrap_or_else(|message| Err(failed(format!("the comparison panicked: {message}"))));
        // Nobody may be waiting any more.
        let _ = answer.send(verified);
    });
    thread.map_err(|e| failed(format!("the thread can't be started: {e}")))?;
    let answered = async { answered.await.unwrap_or_else(|_| Err(failed("it ended without an answer".to_string()))) };
    front.core.outside(Fate::Unknown, answered).await
}

/// While it lives, no checkpoint is removed, nor the log above one.
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
    committer: &'a Mutex<Committer<S>>,
}

/// The log as of a moment, and the checkpoints below it.
struct Moment {
    oldest: Lsn,
    newest: Lsn,
    extents: Vec<Extent>,
    aborts: Vec<Range>,
    up_to: Lsn,
}

/// How two states that should be equal are found to be.
enum Compared {
    Equal,
    Different,
    /// Not even to itself.
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

impl<S: WalState + PartialEq> Verifier<'_, S> {
    fn run(&self) -> Result<Verified> {
        let (pin, moment) = {
            let mut committer = self.committer.lock();
            (Pin::new(self.core), self.moment(&mut committer)?)
        };
        let (mut scratch, from) = match self.history(&moment)? {
            Some(scratch) => (scratch, moment.oldest),
            None => (self.load(moment.newest)?, moment.newest),
        };
        let mut moment = moment;
        for round in 0.. {
            self.advance(&mut scratch, &moment, moment.up_to)?;
            let mut committer = self.committer.lock();
            moment = self.moment(&mut committer)?;
            if moment.up_to != scratch.lsn {
                if round < ROUNDS {
                    continue;
                }
                // Mutations wait for it.
                self.advance_at(&mut scratch, &moment, moment.up_to, &Pace::full())?;
            }
            let live = self.core.look();
            // Mutations are recorded meanwhile, and wait to be applied.
            drop(committer);
            let compared = compare(live.state.as_ref().map_err(Lost::error)?, &scratch.state);
            drop(live);
            let at = scratch.lsn;
            drop_quietly(scratch);
            let served = "the state that is served";
            self.judge(&compared, &moment, (moment.newest, at), served)?;
            drop(pin);
            return Ok(Verified { from, at });
        }
        Err(Error::Closed)
    }

    /// Everything up to now is on disk, and this is where.
    fn moment(&self, committer: &mut Committer<S>) -> Result<Moment> {
        // Behind a close the folder may be somebody else's.
        if self.core.queue.is_closed() {
            return Err(Error::Closed);
        }
        let snapshot = committer.snapshot()?;
        // What is before the last two may be going.
        let kept = &committer.checkpoints[committer.checkpoints.len().saturating_sub(2)..];
        let oldest = kept.first().copied().unwrap_or_default();
        let (newest, up_to) = (snapshot.checkpoint, snapshot.up_to);
        Ok(Moment { oldest, newest, extents: snapshot.extents, aborts: snapshot.aborts, up_to })
    }

    fn load(&self, checkpoint: Lsn) -> Result<Scratch<S>> {
        Scratch::load(&self.core.dir, &self.core.store, checkpoint, &self.pace())
    }

    fn advance(&self, scratch: &mut Scratch<S>, moment: &Moment, up_to: Lsn) -> Result<()> {
        self.advance_at(scratch, moment, up_to, &self.pace())
    }

    fn advance_at(&self, scratch: &mut Scratch<S>, moment: &Moment, up_to: Lsn, pace: &Pace<'_>) -> Result<()> {
        scratch.advance(&self.core.dir, &self.core.store, (&moment.extents, &moment.aborts), up_to, pace)
    }

    /// Gently, and no longer than the store is open.
    fn pace(&self) -> Pace<'_> {
        Pace::gentle(&self.core.checkpoint)
    }

    /// The state as of the newest checkpoint, replayed from the one before and held to it; `None` where that can't be told,
    /// because there is none, or other code made what is between.
    fn history(&self, moment: &Moment) -> Result<Option<Scratch<S>>> {
        let Core { dir, store, .. } = &**self.core;
        if moment.oldest == moment.newest {
            return Ok(None);
        }
        // What is taken back below the newest checkpoint isn't known to a store that was opened from that one.
        let Ok(found) = survey::<S>(dir, store, &moment.extents, (moment.oldest, moment.up_to)) else {
            return Ok(None);
        };
        let Ok(mut scratch) = self.load(moment.oldest) else { return Ok(None) };
        if !found.is_ours {
            return Ok(None);
        }
        let aborts = [&moment.aborts[..], &found.aborts].concat();
        let between = Moment { aborts, extents: moment.extents.clone(), ..*moment };
        self.advance(&mut scratch, &between, moment.newest)?;
        let checkpoint = self.load(moment.newest)?;
        let compared = compare(&checkpoint.state, &scratch.state);
        drop_quietly(checkpoint);
        self.judge(&compared, &between, (moment.oldest, moment.newest), "the newest checkpoint")?;
        Ok(Some(scratch))
    }

    /// The error of states that differ, with the place where a replay goes astray, as far as that can be found.
    fn judge(&self, compared: &Compared, moment: &Moment, (from, to): (Lsn, Lsn), with: &str) -> Result<()> {
        let alone = match compared {
            Compared::Equal => return Ok(()),
            Compared::Different => false,
            Compared::Incomparable => true,
        };
        let Core { dir, store, .. } = &**self.core;
        let path = dir.path.clone();
        let Some((trusted, lsn)) = self.search(moment, (from, to), alone)? else {
            let between = match from < to {
                true => format!("between lsn {} and {to}", from.get() + 1),
                false => format!("up to lsn {to}, whose checkpoint it is,"),
            };
            let reason = format!(
                "the state that a replay builds isn't {with}, though two replays agree: a mutation {between} reads \
                 something that has changed since (a static, the environment, a file), or the state was changed without \
                 a mutation"
            );
            return Err(Error::Diverged { path, trusted: from, lsn: None, mutation: None, reason });
        };
        let mutation = mutation_at(dir, store, &moment.extents, lsn)?;
        let name = mutation.as_deref().unwrap_or("unknown");
        let reason = match alone {
            true => format!(
                "from lsn {lsn} on (`{name}`) the state isn't equal to itself, as a float that is no number isn't, so that it \
                 can't be compared"
            ),
            false => format!(
                "two replays differ from lsn {lsn} on (`{name}`): the mutation isn't deterministic (a clock, a random \
                 number, a static, the order of a `HashMap`)"
            ),
        };
        Err(Error::Diverged { path, trusted, lsn: Some(lsn), mutation, reason })
    }

    /// Replays twice side by side, and compares on the way: the LSN up to which the two agree, and the first at which they
    /// don't; with `alone`, at which a state isn't equal to itself. `None` if they agree all the way.
    fn search(&self, moment: &Moment, (from, to): (Lsn, Lsn), alone: bool) -> Result<Option<(Lsn, Lsn)>> {
        let (mut low, mut high, mut found) = (from.get(), to.get(), None);
        for _ in 0..PASSES {
            let (mut one, mut other) = (self.load(from)?, self.load(from)?);
            let stride = ((high - low) / COMPARISONS).max(1);
            let mut at = low;
            let mut step = |at: u64| -> Result<bool> {
                self.advance(&mut one, moment, Lsn::new(at))?;
                self.advance(&mut other, moment, Lsn::new(at))?;
                Ok(match compare(&one.state, &other.state) {
                    Compared::Equal => false,
                    Compared::Different => !alone,
                    Compared::Incomparable => true,
                })
            };
            let mut differs = step(at)?;
            if differs && at == from.get() {
                let reason =
                    format!("two states that are loaded from the checkpoint of lsn {from} aren't equal already");
                let path = self.core.dir.path.clone();
                return Err(Error::Diverged { path, trusted: Lsn::default(), lsn: None, mutation: None, reason });
            }
            if differs {
                // Chance: this time they went apart earlier.
                (low, high) = (from.get(), at);
                found = Some(high);
                continue;
            }
            while !differs && at < high {
                low = at;
                at = (at + stride).min(high);
                differs = step(at)?;
            }
            if !differs {
                break;
            }
            (high, found) = (at, Some(at));
            if high - low <= 1 {
                break;
            }
        }
        Ok(found.map(|found| (Lsn::new(low.min(found - 1)), Lsn::new(found))))
    }
}
