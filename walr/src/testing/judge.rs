//! Opens a crash state, compares it with what was answered, checks the invariant, and does it again after a second crash.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hasher};

use tokio::runtime::Runtime;

use super::Sim;
use super::crash::{Crash, Way};
use super::forks::Fork;
use super::verdict::Verdict;
use crate::error::{Error, Result as Opening};
use crate::log::view::{AbortedRanges, View};
use crate::lsn::Lsn;
use crate::options::Options;
use crate::panic;
use crate::schema::state::WalState;
use crate::store::durable::Durable;

/// The number of the power cut that a recovered store meets; no other has it.
const AGAIN: u64 = u64::MAX;

/// Why a crash state is a failure.
#[derive(Debug)]
pub(super) struct Wrong {
    pub(super) reason: String,
    /// The last LSN of the recovered store, if it could be opened.
    pub(super) recovered: Option<Lsn>,
}

/// Judges the crash states of one run.
pub(super) struct Judge<'a, S, F, I> {
    pub(super) options: &'a Options<S>,
    pub(super) first: &'a F,
    pub(super) invariant: &'a I,
    pub(super) runtime: &'a Runtime,
    /// The hash of each record, by its LSN, as the run wrote it.
    records: BTreeMap<Lsn, u64>,
    /// Power cuts that left the same folder, by its fingerprint, with the last LSN that was recovered.
    seen: HashMap<u64, Lsn>,
    /// Crash states that were opened.
    pub(super) states: u64,
}

impl<'a, S, F, I, V> Judge<'a, S, F, I>
where
    S: WalState,
    F: Fn() -> S,
    I: Fn(&S) -> V,
    V: Verdict,
{
    pub(super) fn new(options: &'a Options<S>, first: &'a F, invariant: &'a I, runtime: &'a Runtime) -> Self {
        let (records, seen) = (BTreeMap::new(), HashMap::new());
        Judge { options, first, invariant, runtime, records, seen, states: 0 }
    }

    /// Crashes a fork, and judges what is left.
    pub(super) fn judge(&mut self, fork: &Fork, crash: Crash) -> Result<(), Wrong> {
        let image = crash.of(&fork.folder);
        let required = match crash.way {
            Way::Kill => fork.required.kill,
            Way::Cut(_) => fork.required.cut,
        };
        // After the end of the process, equal files can differ in what a later power cut takes of them.
        let print = (image.unsynced() == 0).then(|| image.fingerprint());
        if let Some(&last) = print.and_then(|print| self.seen.get(&print)) {
            return there(last, required).map_err(|reason| Wrong { reason, recovered: Some(last) });
        }
        self.states += 1;
        let mut recovered = None;
        let sound = panic::catch(|| self.runtime.block_on(self.reopen(&image, crash, required, &mut recovered)));
        match sound.unwrap_or_else(|message| Err(format!("its open panics: {message}"))) {
            Err(reason) => Err(Wrong { reason, recovered }),
            Ok(last) => {
                self.seen.extend(print.map(|print| (print, last)));
                Ok(())
            }
        }
    }

    /// Opens the store twice, with a checkpoint, a close and a power cut between, and returns the last LSN.
    async fn reopen(
        &mut self,
        image: &Sim,
        crash: Crash,
        required: Lsn,
        recovered: &mut Option<Lsn>,
    ) -> Result<Lsn, String> {
        let store = self.open(image).await.map_err(|error| format!("the store doesn't open: {}", chain(&error)))?;
        let last = store.store().recovery().last;
        *recovered = Some(last);
        there(last, required)?;
        self.compare(&store)?;
        self.hold(&store)?;
        let then = "after this recovery, a checkpoint, a close and a power cut";
        let cant = |what: &str, error: Error| format!("the recovered store {what}: {}", chain(&error));
        store.checkpoint().await.map_err(|error| cant("can't write a checkpoint", error))?;
        store.close().await.map_err(|error| cant("can't be closed", error))?;
        drop(store);
        let again = image.crash(crash.mixed(AGAIN));
        let store = self.open(&again).await;
        let store = store.map_err(|error| format!("{then}, the store doesn't open: {}", chain(&error)))?;
        let last_again = store.store().recovery().last;
        if last_again != last {
            return Err(format!("{then}, the store ends at lsn {last_again}, and before at lsn {last}"));
        }
        self.hold(&store).map_err(|reason| format!("{then}, {reason}"))?;
        Ok(last)
    }

    async fn open(&self, image: &Sim) -> Opening<Durable<S>> {
        self.options.clone().open_on(image.clone(), self.first).await
    }

    /// Checks the invariant.
    fn hold(&self, store: &Durable<S>) -> Result<(), String> {
        let verdict = store.read(|state| panic::catch(|| (self.invariant)(state).verdict()));
        verdict.flatten().map_err(|reason| format!("the invariant doesn't hold: {reason}"))
    }

    /// Checks that each record of this store has the same bytes as the run's record of that LSN. A record that no store had
    /// before counts as the run's.
    fn compare(&mut self, store: &Durable<S>) -> Result<(), String> {
        let front = store.front();
        let (dir, store) = (front.core.dir.clone(), front.core.store);
        let extents = front.committer.lock().journal.extents();
        let view = View { dir, store, extents, aborted: AbortedRanges::default() };
        let mut changed = None;
        let read = view.records(&mut |lsn, bytes| {
            let mut hasher = DefaultHasher::new();
            hasher.write(bytes);
            let hash = hasher.finish();
            if *self.records.entry(lsn).or_insert(hash) != hash {
                changed.get_or_insert(lsn);
            }
        });
        read.map_err(|error| format!("the log can't be read: {}", chain(&error)))?;
        match changed {
            Some(lsn) => Err(format!("the record of lsn {lsn} isn't the one that was written")),
            None => Ok(()),
        }
    }
}

/// Checks that a store which ends at `last` has all records that are required.
fn there(last: Lsn, required: Lsn) -> Result<(), String> {
    if last < required {
        let first = last.get() + 1;
        return Err(format!("acknowledged records are missing: those of lsn {first} to {required}"));
    }
    Ok(())
}

/// Returns an error's message, followed by those of its causes.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::forks::Required;
    use super::*;
    use crate::crash_tests::state::{Tally, TallyLog};

    #[test]
    fn a_record_that_is_not_the_one_that_was_written_is_found() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (folder, options, sound) = (Sim::new(), Options::new(), |_: &Tally| ());
        runtime.block_on(async {
            let store = options.clone().open_on(folder.clone(), Tally::default).await.unwrap();
            for id in 1..4 {
                store.apply(TallyLog::Push(id, Vec::new())).await.unwrap();
            }
        });
        let fork = Fork { call: 1, required: Required::all(Lsn::new(3)), folder };
        let crash = Crash { seed: 0, call: 1, way: Way::Kill };
        let mut judge = Judge::new(&options, &Tally::default, &sound, &runtime);
        assert!(judge.judge(&fork, crash).is_ok());
        assert_eq!(judge.records.len(), 3);
        judge.seen.clear();
        *judge.records.get_mut(&Lsn::new(2)).unwrap() ^= 1;
        let wrong = judge.judge(&fork, crash).unwrap_err();
        assert_eq!((wrong.recovered, wrong.reason.contains("the record of lsn 2")), (Some(Lsn::new(3)), true));
        let more = Fork { required: Required::all(Lsn::new(5)), ..fork };
        let wrong = Judge::new(&options, &Tally::default, &sound, &runtime).judge(&more, crash).unwrap_err();
        assert_eq!(wrong.reason, "acknowledged records are missing: those of lsn 4 to 5");
    }
}
