//! Runs a workload once on a simulated disk, and crashes each moment of it.

use std::error::Error;
use std::fmt;
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use tokio::runtime::Builder;

use super::Sim;
use super::crash::{Crash, Way};
use super::forks::{Fork, Forks, Required};
use super::judge::{Judge, chain};
use super::report::{Failure, Found, Report};
use super::verdict::Verdict;
use crate::commit::Core;
use crate::options::Options;
use crate::schema::state::{Begins, WalState};
use crate::store::durable::Durable;

/// The environment's variable that names the only crash to try.
const ONLY: &str = "WALR_CRASH";
/// How many crashes are tried, unless the test says otherwise.
const STATES: usize = 1_000;
/// Of each moment, at least so many crashes are tried, and at most so many.
const WAYS: (usize, usize) = (4, 16);

/// Runs `workload` once on a store over a simulated disk, crashes the disk after every call to the file system, and opens
/// what each crash leaves. Acknowledged mutations must be there, and `invariant` must hold.
///
/// This is [`CrashTest::run`] with the defaults. The [module](super) has an example, and says which crashes are tried.
///
/// # Panics
///
/// If the workload panics. A failure that the test finds is in the [`Report`]: [`Report::assert_ok`] panics with it.
pub fn crash_test<S, V>(
    workload: impl AsyncFnOnce(Durable<S>) -> Result<(), Box<dyn Error>> + Send,
    invariant: impl Fn(&S) -> V + Send,
) -> Report
where
    S: WalState + Begins,
    V: Verdict,
{
    CrashTest::new().run(workload, invariant)
}

/// A crash test with settings.
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
    /// A test with the default options, on an empty folder.
    #[must_use]
    pub fn new() -> Self {
        CrashTest { options: Options::new(), folder: Sim::new(), seed: 0, states: STATES, only: None }
    }

    /// Sets the options of the run's store, and of each crashed one that is opened. What an acknowledged mutation must
    /// survive depends on their durability. Default: those of [`Durable::options`].
    #[must_use]
    pub fn options(mut self, options: Options<S>) -> Self {
        self.options = options;
        self
    }

    /// Sets the folder that the run begins with: one on another [`Medium`](super::Medium), one that holds a store already,
    /// or one that breaks a promise. Default: an empty one.
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

    /// Sets how many crashes are tried at most; at least 8 are. Default: 1,000.
    ///
    /// Of each moment, 4 to 16 crashes are tried. Where that would be more, moments are left out, evenly.
    #[must_use]
    pub fn states(mut self, most: usize) -> Self {
        self.states = most;
        self
    }

    /// Tries this one crash alone, which a failed test has named. The environment's `WALR_CRASH` does the same, and counts
    /// more.
    ///
    /// # Panics
    ///
    /// If `crash` isn't a name such as `7:37:kill` or `7:37:cut2`.
    #[must_use]
    pub fn only(mut self, crash: &str) -> Self {
        self.only = Some(parsed(crash));
        self
    }

    /// Runs the test on a store that begins with `S::default()`. See [`crash_test`].
    ///
    /// # Panics
    ///
    /// If the workload panics, and if `WALR_CRASH` is set and names no crash.
    pub fn run<V: Verdict>(
        self,
        workload: impl AsyncFnOnce(Durable<S>) -> Result<(), Box<dyn Error>> + Send,
        invariant: impl Fn(&S) -> V + Send,
    ) -> Report
    where
        S: Begins,
    {
        self.run_with(S::begin, workload, invariant)
    }

    /// Runs the test on a store that begins with what `first` returns. See [`crash_test`].
    ///
    /// # Panics
    ///
    /// As [`run`](CrashTest::run).
    pub fn run_with<V: Verdict>(
        mut self,
        first: impl Fn() -> S + Send,
        workload: impl AsyncFnOnce(Durable<S>) -> Result<(), Box<dyn Error>> + Send,
        invariant: impl Fn(&S) -> V + Send,
    ) -> Report {
        if let Ok(crash) = std::env::var(ONLY) {
            self.only = Some(parsed(&crash));
        }
        self.options.config.in_background = false;
        let test = std::thread::current().name().filter(|name| *name != "main").map(str::to_string);
        // A thread of its own: the caller may be inside of a runtime, and no runtime starts within another.
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
        let forks = Arc::new(Mutex::new(Forks::new(self.states / WAYS.0, self.only.map(|crash| crash.call))));
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

    /// Runs the workload, and keeps forks of it. Returns how many records were applied, or why the run failed.
    async fn record(
        &self,
        forks: &Arc<Mutex<Forks>>,
        first: &impl Fn() -> S,
        workload: impl AsyncFnOnce(Durable<S>) -> Result<(), Box<dyn Error>>,
    ) -> Result<u64, String> {
        let core: Arc<OnceLock<Arc<Core<S>>>> = Arc::default();
        // Weak: the folder keeps its observer, and a store its folder, also where the workload panics.
        let (seen, noted) = (Arc::downgrade(&core), forks.clone());
        self.folder.observe(Some(Arc::new(move |folder: &Sim| {
            // Before the fork: what it holds is this much, or more.
            let seen = seen.upgrade();
            let required = seen.and_then(|core| core.get().map(|core| Required::of(core))).unwrap_or_default();
            noted.lock().note(required, folder);
        })));
        let store = self.options.clone().open_on(self.folder.clone(), first).await;
        let store = store.map_err(|error| format!("the run's store doesn't open: {}", chain(&error)))?;
        let core = core.get_or_init(|| store.front().core.clone());
        workload(store.clone()).await.map_err(|error| format!("the workload failed: {}", chain(&*error)))?;
        // With a checkpoint, unless the options say otherwise: that is crashed too.
        store.close().await.map_err(|error| format!("the run's store can't be closed: {}", chain(&error)))?;
        let stats = core.stats.lock().clone();
        forks.lock().end(Required::all(stats.last), &self.folder);
        Ok(stats.records)
    }

    /// Judges the crash states of each fork, up to the first failure.
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
                let Err(wrong) = judged else { continue };
                if self.only.is_some_and(|only| only != crash) {
                    continue;
                }
                let test = test.clone();
                let found = Found { crash, required: fork.required, recovered: wrong.recovered, test };
                report.failure = Some(Failure::of_crash(wrong.reason, crash.of(&fork.folder), found));
                return;
            }
        }
    }

    /// Returns the crashes of a fork. The kill comes first: it shows every record that the power cuts may leave.
    fn crashes(&self, fork: &Fork, forks: usize) -> impl Iterator<Item = Crash> + use<S> {
        let (call, only) = (fork.call, self.only);
        let ways = (self.states / forks.max(1)).clamp(WAYS.0, WAYS.1) as u64;
        let seed = only.map_or(self.seed, |only| only.seed);
        let cuts = (0..ways - 1).map(Way::Cut).map(move |way| Crash { seed, call, way });
        let cuts = cuts.filter(move |_| only.is_none()).chain(only.filter(|only| only.way != Way::Kill));
        std::iter::once(Crash { seed, call, way: Way::Kill }).chain(cuts)
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

fn parsed(crash: &str) -> Crash {
    crash.parse().unwrap_or_else(|reason| panic!("{reason}"))
}
