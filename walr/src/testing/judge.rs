//! Checks the folder that a crash leaves: what was answered, the invariant, and both again after a second crash.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hasher};

use tokio::runtime::Runtime;

use super::Sim;
use super::crash::{Crash, CrashKind};
use super::forks::Fork;
use super::verdict::Verdict;
use crate::error::{self, Error, in_one_line};
use crate::log::view::{AbortedRanges, View};
use crate::lsn::Lsn;
use crate::options::Options;
use crate::panic;
use crate::schema::state::WalState;
use crate::store::durable::Durable;

/// The number of the power cut that a recovered store meets. No other cut has it.
const SECOND_CUT: u64 = u64::MAX;

/// The reason why a crash state is a failure.
#[derive(Debug)]
pub(super) struct CrashFailure {
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
    /// The hash of each record of the run, by its LSN.
    records: BTreeMap<Lsn, u64>,
    /// The last LSN of each crash state that was opened, by the fingerprint of its folder.
    seen: HashMap<u64, Lsn>,
    /// The number of crash states that were opened.
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

    /// Crashes a fork, and checks the folder that is left.
    pub(super) fn judge(&mut self, fork: &Fork, crash: Crash) -> Result<(), CrashFailure> {
        let image = crash.of(&fork.folder);
        let required = match crash.kind {
            CrashKind::Kill => fork.required.kill,
            CrashKind::Cut(_) => fork.required.cut,
        };
        // Two folders with unsynced bytes can be equal, and differ in what the second crash takes.
        let print = (image.unsynced() == 0).then(|| image.fingerprint());
        if let Some(&last) = print.and_then(|print| self.seen.get(&print)) {
            return check_present(last, required).map_err(|reason| CrashFailure { reason, recovered: Some(last) });
        }
        self.states += 1;
        let mut recovered = None;
        let checked = panic::catch(|| self.runtime.block_on(self.reopen(&image, crash, required, &mut recovered)));
        match checked.unwrap_or_else(|message| Err(format!("the open panics: {message}"))) {
            Err(reason) => Err(CrashFailure { reason, recovered }),
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
        let store =
            self.open(image).await.map_err(|error| format!("the store doesn't open: {}", in_one_line(&error)))?;
        let last = store.store().recovery().last;
        *recovered = Some(last);
        check_present(last, required)?;
        self.check_unchanged(&store)?;
        self.check_invariant(&store)?;
        let then = "after this recovery, a checkpoint, a close and a power cut";
        let cant = |what: &str, error: Error| format!("the recovered store {what}: {}", in_one_line(&error));
        store.checkpoint().await.map_err(|error| cant("can't write a checkpoint", error))?;
        store.close().await.map_err(|error| cant("can't be closed", error))?;
        drop(store);
        let again = image.crash(crash.mixed(SECOND_CUT));
        let store = self.open(&again).await;
        let store = store.map_err(|error| format!("{then}, the store doesn't open: {}", in_one_line(&error)))?;
        let last_again = store.store().recovery().last;
        if last_again != last {
            return Err(format!("{then}, the store ends at lsn {last_again}, and before at lsn {last}"));
        }
        self.check_invariant(&store).map_err(|reason| format!("{then}, {reason}"))?;
        Ok(last)
    }

    async fn open(&self, image: &Sim) -> error::Result<Durable<S>> {
        self.options.clone().open_on(image.clone(), self.first).await
    }

    /// Checks the invariant.
    fn check_invariant(&self, store: &Durable<S>) -> Result<(), String> {
        let verdict = store.read(|state| panic::catch(|| (self.invariant)(state).verdict()));
        verdict.flatten().map_err(|reason| format!("the invariant doesn't hold: {reason}"))
    }

    /// Checks that each record of this store has the same bytes as the run's record of that LSN. A record that no store had before
    /// counts as the run's.
    fn check_unchanged(&mut self, store: &Durable<S>) -> Result<(), String> {
        let front = store.front();
        let (dir, store) = (front.core.dir.clone(), front.core.store);
        let extents = front.core.log.lock().journal.extents();
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
        read.map_err(|error| format!("the log can't be read: {}", in_one_line(&error)))?;
        match changed {
            Some(lsn) => Err(format!("the record of lsn {lsn} differs from the one that was written")),
            None => Ok(()),
        }
    }
}

/// Checks that a store whose last LSN is `last` has all records up to `required`.
fn check_present(last: Lsn, required: Lsn) -> Result<(), String> {
    if last < required {
        let first = last.get() + 1;
        return Err(format!("acknowledged records are missing: those of lsn {first} to {required}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::forks::Required;
    use super::*;
    use crate::crash_tests::state::{Tally, TallyLog};

    #[test]
    fn a_changed_record_is_found() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (folder, options, sound) = (Sim::new(), Options::new(), |_: &Tally| ());
        runtime.block_on(async {
            let store = options.clone().open_on(folder.clone(), Tally::default).await.unwrap();
            for id in 1..4 {
                store.apply(TallyLog::Push(id, Vec::new())).await.unwrap();
            }
        });
        let fork = Fork { call: 1, required: Required::all(Lsn::new(3)), folder };
        let crash = Crash { seed: 0, call: 1, kind: CrashKind::Kill };
        let mut judge = Judge::new(&options, &Tally::default, &sound, &runtime);
        assert!(judge.judge(&fork, crash).is_ok());
        assert_eq!(judge.records.len(), 3);
        judge.seen.clear();
        *judge.records.get_mut(&Lsn::new(2)).unwrap() ^= 1;
        let failure = judge.judge(&fork, crash).unwrap_err();
        assert_eq!((failure.recovered, failure.reason.contains("the record of lsn 2")), (Some(Lsn::new(3)), true));
        let more = Fork { required: Required::all(Lsn::new(5)), ..fork };
        let failure = Judge::new(&options, &Tally::default, &sound, &runtime).judge(&more, crash).unwrap_err();
        let missing = "acknowledged records are missing: those of lsn 4 to 5";
        assert_eq!(failure.reason, missing);
        // A folder that was seen before isn't opened again.
        let (cut, mut judge) =
            (Crash { kind: CrashKind::Cut(0), ..crash }, Judge::new(&options, &Tally::default, &sound, &runtime));
        let fork = Fork { required: Required::all(Lsn::new(3)), ..more };
        assert!(judge.judge(&fork, cut).is_ok());
        let more = Fork { required: Required::all(Lsn::new(5)), ..fork };
        assert_eq!(judge.judge(&more, cut).unwrap_err().reason, missing);
        assert_eq!(judge.states, 1);
    }
}
