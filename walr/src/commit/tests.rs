//! What a checkpoint that is under way is told: to hurry by a close, to stop by the drop of the last handle.

use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use parking_lot::Mutex;

use crate::crash_tests::state::{Tally, TallyLog};
use crate::error::Error;
use crate::fs::Throttle;
use crate::options::{CheckpointPolicy, Config, Options};
use crate::sim::Sim;
use crate::store::durable::Durable;

/// More than a state that is written under the read lock, in several chunks.
const IDS: u32 = 400_000;

fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(done) => return done,
            Poll::Pending => thread::park(),
        }
    }
}

fn begin<F: Future>(future: F) -> Pin<Box<F>> {
    let mut future = Box::pin(future);
    assert!(future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    future
}

/// Where a checkpoint takes the state from, by a number.
fn options(source: usize) -> Options<Tally> {
    let small_state = if source == 0 { u64::MAX } else { 0 };
    let (checkpoint, idle_mark) = (CheckpointPolicy::Manual, Duration::MAX);
    let options = Options::with(Config { small_state, checkpoint, idle_mark, ..Config::default() });
    if source == 1 { options.cheap_clone() } else { options }
}

/// A store with a large state and one record above its checkpoint.
fn store(sim: &Sim, source: usize) -> Durable<Tally> {
    let large = || Tally { ids: (0..IDS).collect() };
    let tally = block_on(options(source).open_on(sim.clone(), large)).unwrap();
    block_on(tally.apply(TallyLog::Push(IDS, Vec::new()))).unwrap();
    tally
}

/// The checkpoint's thread, held after one of its calls.
struct Held {
    calls: Arc<AtomicU64>,
    reached: mpsc::Receiver<()>,
    go: mpsc::Sender<()>,
}

impl Held {
    /// Holds it after the call of this number.
    fn after(sim: &Sim, call: u64) -> Held {
        let ((tell, reached), (go, gone)) = (mpsc::channel(), mpsc::channel());
        let calls = Arc::<AtomicU64>::default();
        let (counted, gone) = (calls.clone(), Mutex::new(gone));
        sim.observe(Some(Arc::new(move |_: &Sim| {
            if thread::current().name() == Some("walr-checkpoint") && counted.fetch_add(1, Ordering::SeqCst) + 1 == call
            {
                tell.send(()).unwrap();
                // A test that has failed doesn't hold it for ever.
                let _ = gone.lock().recv();
            }
        })));
        Held { calls, reached, go }
    }

    fn wait(&self) {
        self.reached.recv().unwrap();
    }

    fn go(&self) {
        self.go.send(()).unwrap();
    }
}

/// How many calls a checkpoint makes that nobody disturbs.
fn calls_of_a_checkpoint(source: usize) -> u64 {
    let sim = Sim::new();
    let tally = store(&sim, source);
    let held = Held::after(&sim, 0);
    block_on(tally.checkpoint()).unwrap();
    held.calls.load(Ordering::SeqCst)
}

#[test]
fn a_close_makes_it_hurry() {
    for source in 0..3 {
        let sim = Sim::new();
        let tally = store(&sim, source);
        let held = Held::after(&sim, 1);
        let checkpoint = begin(tally.checkpoint());
        held.wait();
        let core = tally.front().core.clone();
        assert!(Throttle::background(&core.checkpoint).is_on());
        let close = begin(tally.close());
        // When the first is answered, the log thread has seen the close; when the second is answered, it waits for the checkpoint.
        block_on(tally.sync()).unwrap();
        block_on(tally.sync()).unwrap();
        let hurries = !Throttle::background(&core.checkpoint).is_on();
        held.go();
        block_on(close).unwrap();
        assert!(hurries, "source {source}: it takes its time while others wait");
        assert_eq!(block_on(checkpoint).unwrap().get(), 1, "it is finished");
        let (gentle, hurried) = (calls_of_a_checkpoint(source), held.calls.load(Ordering::SeqCst));
        assert!(hurried < gentle, "source {source}: {hurried} calls in a hurry, {gentle} else");
    }
}

#[test]
fn the_drop_of_the_last_handle_abandons_it_wherever_it_is() {
    for source in 0..3 {
        let calls = calls_of_a_checkpoint(source);
        let mut abandoned = 0;
        for call in 1..=calls {
            let sim = Sim::new();
            let tally = store(&sim, source);
            let held = Held::after(&sim, call);
            drop(begin(tally.checkpoint()));
            held.wait();
            let core = tally.front().core.clone();
            let dropped = thread::spawn(move || drop(tally));
            // The checkpoint is told before the queue is.
            while !core.queue.is_closed() {
                thread::yield_now();
            }
            held.go();
            dropped.join().unwrap();
            sim.observe(None);
            let files = sim.files();
            assert!(!files.iter().any(|file| file.name.ends_with(".tmp")), "call {call}: {files:?}");
            let finished = files.iter().any(|file| file.name == "0000000000000001.ckpt");
            abandoned += u64::from(!finished);
            let tally = block_on(options(source).open_on(sim, Tally::default)).unwrap();
            assert_eq!(tally.store().recovery().records, u64::from(!finished), "call {call}");
            assert_eq!(tally.read(|tally| tally.ids.len()), IDS as usize + 1, "call {call}");
        }
        // All but its rename, and the folder's sync behind that.
        assert_eq!(abandoned, calls - 2, "source {source}");
    }
}

#[test]
fn a_batch_of_more_records_than_a_frame_counts_is_refused() {
    let sim = Sim::new();
    let options = || Options::<Tally>::with(Config { batch_records: 3, idle_mark: Duration::MAX, ..Config::default() });
    let tally = block_on(options().open_on(sim.clone(), Tally::default)).unwrap();
    let batch = |ids: std::ops::Range<u32>| ids.map(|id| TallyLog::Push(id, Vec::new()));
    let refused = block_on(tally.apply_batch(batch(0..4)));
    assert!(matches!(refused, Err(Error::TooMany { records: 4, max: 3 })), "{refused:?}");
    assert_eq!(tally.stats().log_bytes, 0, "nothing was recorded");
    block_on(tally.apply_batch(batch(0..3))).unwrap();
    // Calls that are made at the same time are no batch.
    thread::scope(|scope| {
        for id in 3..9 {
            let tally = &tally;
            scope.spawn(move || block_on(tally.apply(TallyLog::Push(id, Vec::new()))).unwrap());
        }
    });
    let mut ids = tally.read(|tally| tally.ids.clone());
    ids.sort_unstable();
    assert_eq!(ids, (0..9).collect::<Vec<_>>());
}
