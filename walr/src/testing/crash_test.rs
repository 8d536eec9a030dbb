//! Runs a workload once on a simulated disk, and crashes it after each call to the file system.

use std::error::Error;
use std::fmt;
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use tokio::runtime::Builder;

use super::Sim;
use super::crash::{Crash, CrashKind};
use super::forks::{Fork, Forks, Required};
use super::judge::Judge;
use super::report::{CrashDetails, Failure, Report};
use super::verdict::Verdict;
use crate::commit::Core;
use crate::error::in_one_line;
use crate::options::Options;
use crate::schema::state::{FirstState, WalState};
use crate::store::durable::Durable;

/// The environment variable with the name of the only crash to try.
const ONLY: &str = "WALR_CRASH";
/// The default for the most crashes of a test.
const STATES: usize = 1_000;
/// The fewest and the most crashes after one call.
const CRASHES_PER_CALL: (usize, usize) = (4, 16);

/// Runs `workload` once on a simulated disk, crashes the disk after every call to the file system, and opens what each crash leaves. All
/// acknowledged mutations must be there, and `invariant` must hold.
///
/// This is [`CrashTest::run`] with the defaults. The [module](super) has an example, and says which crashes are tried.
///
/// # Panics
///
/// Panics if the workload panics. A failure that the test finds is in the [`Report`], and [`Report::assert_ok`] panics with it.
pub fn crash_test<S, V>(
    workload: impl AsyncFnOnce(Durable<S>) -> Result<(), Box<dyn Error>> + Send,
    invariant: impl Fn(&S) -> V + Send,
) -> Report
where
    S: WalState + FirstState,
    V: Verdict,
{
    CrashTest::new().run(workload, invariant)
}

/// A crash test with settings: options, seed, number of crashes, folder.
///
/// ```
/// # use serde::{Deserialize, Serialize};
/// # #[derive(Default, Serialize, Deserialize, walr::WalState)]
/// # struct Cache { hits: u64 }
/// # #[walr::mutations]
/// # impl Cache { #[mutation] fn hit(&mut self) { self.hits += 1 } }
/// use walr::testing::CrashTest;
/// use walr::{Durability, Durable};
///
/// let report = CrashTest::new()
///     .options(Durable::<Cache>::options().durability(Durability::Os))
///     .seed(7)
///     .run(
///         async |cache: Durable<Cache>| {
///             cache.hit().await?;
///             cache.hit().await?;
///             Ok(())
///         },
///         |cache: &Cache| cache.hits <= 2,
///     );
/// report.assert_ok();
/// println!("{report}");
/// ```
pub struct CrashTest<S> {
    options: Options<S>,
    folder: Sim,
    seed: u64,
    states: usize,
    only: Option<Crash>,
}

impl<S: WalState> CrashTest<S> {
    /// Creates a test with the default options, on an empty folder.
    #[must_use]
    pub fn new() -> Self {
        CrashTest { options: Options::new(), folder: Sim::new(), seed: 0, states: STATES, only: None }
    }

    /// Sets the options of the run's store, and of each store that is opened after a crash. Their durability decides what an
    /// acknowledged mutation must survive. Default: those of [`Durable::options`].
    #[must_use]
    pub fn options(mut self, options: Options<S>) -> Self {
        self.options = options;
        self
    }

    /// Sets the folder that the run begins with, for example one on another [`Medium`](super::Medium), one that holds a store, or one
    /// that breaks a promise. Default: an empty folder.
    #[must_use]
    pub fn folder(mut self, folder: Sim) -> Self {
        self.folder = folder;
        self
    }

    /// Sets the seed that decides what each power cut keeps. Default: 0.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Sets the most crashes of the test, at least 8. Default: 1,000.
    ///
    /// The test tries 4 to 16 crashes after a call. If the run makes too many calls for that, it leaves calls out, evenly.
    #[must_use]
    pub fn states(mut self, most: usize) -> Self {
        self.states = most;
        self
    }

    /// Tries only the crash with this name, which a failed test has printed. The variable `WALR_CRASH` does the same, and has
    /// precedence.
    ///
    /// # Panics
    ///
    /// Panics if `crash` isn't a name such as `7:37:kill` or `7:37:cut2`.
    #[must_use]
    pub fn only(mut self, crash: &str) -> Self {
        self.only = Some(parse_crash(crash));
        self
    }

    /// Runs the test on a store that begins with `S::default()`. See [`crash_test`].
    ///
    /// # Panics
    ///
    /// Panics if the workload panics, or if `WALR_CRASH` is set and isn't the name of a crash.
    pub fn run<V: Verdict>(
        self,
        workload: impl AsyncFnOnce(Durable<S>) -> Result<(), Box<dyn Error>> + Send,
        invariant: impl Fn(&S) -> V + Send,
    ) -> Report
    where
        S: FirstState,
    {
        self.run_with(S::first_state, workload, invariant)
    }

    /// Runs the test on a store that begins with what `first` returns. See [`crash_test`].
    ///
    /// # Panics
    ///
    /// Panics like [`run`](CrashTest::run).
    pub fn run_with<V: Verdict>(
        mut self,
        first: impl Fn() -> S + Send,
        workload: impl AsyncFnOnce(Durable<S>) -> Result<(), Box<dyn Error>> + Send,
        invariant: impl Fn(&S) -> V + Send,
    ) -> Report {
        if let Ok(crash) = std::env::var(ONLY) {
            self.only = Some(parse_crash(&crash));
        }
        self.options.config.in_background = false;
        let test = std::thread::current().name().filter(|name| *name != "main").map(str::to_string);
        // The caller may be inside of a tokio runtime, and a runtime can't start within another one on its thread.
        let mut thread = std::thread::Builder::new();
        if let Some(test) = &test {
            thread = thread.name(test.clone());
        }
        std::thread::scope(|scope| {
            let here = || self.run_here(test, first, workload, invariant);
            let started = thread.spawn_scoped(scope, here);
            let started = started.unwrap_or_else(|error| panic!("the test's thread can't be started: {error}"));
            started.join().unwrap_or_else(|payload| std::panic::resume_unwind(payload))
        })
    }

    fn run_here<V: Verdict>(
        self,
        test: Option<String>,
        first: impl Fn() -> S,
        workload: impl AsyncFnOnce(Durable<S>) -> Result<(), Box<dyn Error>>,
        invariant: impl Fn(&S) -> V,
    ) -> Report {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.unwrap_or_else(|error| panic!("the test's runtime can't be started: {error}"));
        let forks =
            Arc::new(Mutex::new(Forks::new(self.states / CRASHES_PER_CALL.0, self.only.map(|crash| crash.call))));
        let ran = runtime.block_on(self.record(&forks, &first, workload));
        self.folder.observe(None);
        let forks = std::mem::replace(&mut *forks.lock(), Forks::new(0, None));
        let records = *ran.as_ref().unwrap_or(&0);
        let mut report = Report { states: 0, calls: forks.calls, records, failure: None };
        match ran {
            Err(reason) => report.failure = Some(Failure::of_run(reason, self.folder.restart())),
            Ok(_) => {
                self.judge(&mut report, &forks.kept, test, Judge::new(&self.options, &first, &invariant, &runtime))
            }
        }
        report
    }

    /// Runs the workload, and keeps forks of the folder. Returns the number of applied records, or why the run failed.
    async fn record(
        &self,
        forks: &Arc<Mutex<Forks>>,
        first: &impl Fn() -> S,
        workload: impl AsyncFnOnce(Durable<S>) -> Result<(), Box<dyn Error>>,
    ) -> Result<u64, String> {
        let core: Arc<OnceLock<Arc<Core<S>>>> = Arc::default();
        // Weak, because the folder keeps its observer and a store keeps its folder: a panic of the workload would leak both.
        let (seen, noted) = (Arc::downgrade(&core), forks.clone());
        self.folder.observe(Some(Arc::new(move |folder: &Sim| {
            // Read before the fork, so that the fork holds this much or more.
            let seen = seen.upgrade();
            let required = seen.and_then(|core| core.get().map(|core| Required::of(core))).unwrap_or_default();
            noted.lock().note(required, folder);
        })));
        let store = self.options.clone().open_on(self.folder.clone(), first).await;
        let store = store.map_err(|error| format!("the run's store doesn't open: {}", in_one_line(&error)))?;
        let core = core.get_or_init(|| store.front().core.clone());
        workload(store.clone()).await.map_err(|error| format!("the workload failed: {}", in_one_line(&*error)))?;
        // The close is crashed too, with its checkpoint.
        store.close().await.map_err(|error| format!("the run's store can't be closed: {}", in_one_line(&error)))?;
        let stats = core.stats.lock().clone();
        forks.lock().end(Required::all(stats.last), &self.folder);
        Ok(stats.records)
    }

    /// Checks the crash states of each fork, up to the first failure.
    fn judge<F, I, V>(&self, report: &mut Report, forks: &[Fork], test: Option<String>, mut judge: Judge<'_, S, F, I>)
    where
        F: Fn() -> S,
        I: Fn(&S) -> V,
        V: Verdict,
    {
        if let (Some(crash), []) = (self.only, forks) {
            let calls = report.calls;
            let reason = format!("the crash {crash} can't be repeated: this run made {calls} calls to the file system");
            report.failure = Some(Failure::of_run(reason, self.folder.restart()));
        }
        for fork in forks {
            for crash in self.crashes(fork, forks.len()) {
                let judged = judge.judge(fork, crash);
                report.states = judge.states;
                let Err(failure) = judged else { continue };
                if self.only.is_some_and(|only| only != crash) {
                    continue;
                }
                let test = test.clone();
                let details = CrashDetails { crash, required: fork.required, recovered: failure.recovered, test };
                report.failure = Some(Failure::of_crash(failure.reason, crash.of(&fork.folder), details));
                return;
            }
        }
    }

    /// Returns the crashes of a fork. The kill comes first, because it shows every record that a power cut may leave.
    fn crashes(&self, fork: &Fork, forks: usize) -> impl Iterator<Item = Crash> + use<S> {
        let (call, only) = (fork.call, self.only);
        let crashes = (self.states / forks.max(1)).clamp(CRASHES_PER_CALL.0, CRASHES_PER_CALL.1) as u64;
        let seed = only.map_or(self.seed, |only| only.seed);
        let cuts = (0..crashes - 1).map(CrashKind::Cut).map(move |kind| Crash { seed, call, kind });
        let cuts = cuts.filter(move |_| only.is_none()).chain(only.filter(|only| only.kind != CrashKind::Kill));
        std::iter::once(Crash { seed, call, kind: CrashKind::Kill }).chain(cuts)
    }
}

impl<S: WalState> Default for CrashTest<S> {
    fn default() -> Self {
        CrashTest::new()
    }
}

impl<S> fmt::Debug for CrashTest<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let CrashTest { options, folder: _, seed, states, only } = self;
        let mut debug = f.debug_struct("CrashTest");
        debug.field("options", options).field("seed", seed).field("states", states).field("only", only);
        debug.finish_non_exhaustive()
    }
}

fn parse_crash(crash: &str) -> Crash {
    crash.parse().unwrap_or_else(|reason| panic!("{reason}"))
}
