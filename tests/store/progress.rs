//! How far an open is: what the callback of `on_progress` hears, and what becomes of one that panics. The log is long enough
//! to be decoded ahead of being applied.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Deserializer, Serialize};
use walr::testing::Sim;
use walr::{CheckpointPolicy, Durable, Error, Lsn, Options, Phase, Progress, WalState};

use crate::common::{Result, run};

/// Three MiB of log.
const COUNT: u32 = 3 * 1024;
const BATCH: u32 = 16;

/// One test at a time: what misbehaves is told to all.
static ALONE: Mutex<()> = Mutex::new(());
/// Whether the note 2000 panics when it is applied, and the note 2100 when it is decoded.
static APPLIED: AtomicBool = AtomicBool::new(false);
static DECODED: AtomicBool = AtomicBool::new(false);

/// A number, and a KiB.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Note(u32, String);

impl<'de> Deserialize<'de> for Note {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        let (number, text) = Deserialize::deserialize(from)?;
        assert!(number != 2100 || !DECODED.load(Ordering::Relaxed), "2100 can't be decoded");
        Ok(Note(number, text))
    }
}

impl Drop for Note {
    fn drop(&mut self) {
        // Nobody is to meet more than one of them at a time.
        assert!(self.0 < 2001 || !APPLIED.load(Ordering::Relaxed), "a note is dropped");
    }
}

#[derive(Default, Serialize, Deserialize, WalState)]
pub(crate) struct Notes {
    numbers: Vec<u32>,
}

#[walr::mutations]
impl Notes {
    #[mutation(allow_nondeterminism)]
    pub(crate) fn note(&mut self, note: Note) {
        assert!(note.0 != 2000 || !APPLIED.load(Ordering::Relaxed), "2000 can't be applied");
        self.numbers.push(note.0);
    }
}

fn options() -> Options<Notes> {
    Durable::<Notes>::options().checkpoint(CheckpointPolicy::Manual).segment_size(1 << 20)
}

/// A store with `COUNT` notes in its log.
async fn written() -> walr::Result<Sim> {
    let sim = Sim::new();
    let notes = options().open_on(sim.clone(), Notes::default).await?;
    for first in (0..COUNT).step_by(BATCH as usize) {
        let batch = (first..first + BATCH).map(|number| NotesLog::Note { note: Note(number, "n".repeat(1020)) });
        notes.apply_batch(batch).await?;
    }
    notes.close().await?;
    Ok(sim)
}

fn check(notes: &Durable<Notes>) {
    notes.read(|notes| assert!(notes.numbers.iter().copied().eq(0..COUNT)));
}

/// The phases, each with its calls; each call's figures checked.
fn phases(calls: &[Progress]) -> Vec<(Phase, Vec<Progress>)> {
    let mut phases: Vec<(Phase, Vec<Progress>)> = Vec::new();
    for &call in calls {
        match phases.last_mut() {
            Some((phase, calls)) if *phase == call.phase => calls.push(call),
            _ => phases.push((call.phase, vec![call])),
        }
    }
    for (phase, calls) in &phases {
        let last = calls.last().expect("a phase has calls");
        assert_eq!((calls[0].bytes, last.bytes), (0, last.total), "{phase:?}");
        for pair in calls.windows(2) {
            assert_eq!(pair[0].total, pair[1].total);
            let step = pair[1].bytes - pair[0].bytes;
            assert!(step >= 1 << 20 || pair[1] == *last, "{phase:?} is told after {step} bytes");
            assert!(pair[0].records <= pair[1].records);
        }
    }
    phases
}

#[test]
fn an_open_tells_how_far_it_is() -> Result {
    let _alone = ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    run(async {
        let sim = written().await?;
        let calls = Arc::new(Mutex::new(Vec::new()));
        let heard = calls.clone();
        let options = options().on_progress(move |at| heard.lock().unwrap().push(at));
        let notes = options.open_on(sim, Notes::default).await?;
        check(&notes);
        let phases = phases(&calls.lock().unwrap());
        let names: Vec<_> = phases.iter().map(|(phase, _)| *phase).collect();
        assert_eq!(names, [Phase::Checkpoint, Phase::Scan, Phase::Replay]);
        for (phase, calls) in &phases[1..] {
            assert!(calls.len() >= 4, "{phase:?} is told {} times", calls.len());
            assert!(calls[0].total >= 3 << 20);
        }
        let replay = &phases[2].1;
        assert!(replay[1].records > 0 && replay[1].records < COUNT.into());
        assert_eq!(replay.last().map(|at| at.records), Some(COUNT.into()));
        assert!(phases[1].1.iter().all(|at| at.records == 0));
        Ok(())
    })
}

#[test]
fn a_callback_that_panics_harms_nothing() -> Result {
    let _alone = ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    run(async {
        let sim = written().await?;
        let calls = Arc::new(Mutex::new(0));
        let count = calls.clone();
        let options = options().on_progress(move |at| {
            if at.phase == Phase::Replay && at.bytes > 0 {
                *count.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) += 1;
                panic!("the callback is broken");
            }
        });
        let notes = options.open_on(sim, Notes::default).await?;
        check(&notes);
        assert_eq!(*calls.lock().unwrap(), 1, "it is called again");
        notes.note(Note(COUNT, String::new())).await?;
        Ok(())
    })
}

#[test]
fn a_panic_in_the_middle_of_a_long_log_is_refused_by_lsn() -> Result {
    let _alone = ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    run(async {
        let sim = written().await?;
        // Both: the one that comes first in the log is told, and the values that were decoded ahead of it are dropped quietly.
        APPLIED.store(true, Ordering::Relaxed);
        DECODED.store(true, Ordering::Relaxed);
        let error = options().open_on(sim.clone(), Notes::default).await.expect_err("the note 2000 panics");
        APPLIED.store(false, Ordering::Relaxed);
        match error {
            Error::ReplayPanicked { mutation, lsn, message, .. } => {
                assert_eq!((&mutation[..], lsn), ("note", Lsn::new(2001)));
                assert!(message.contains("2000 can't be applied"), "{message}");
            }
            other => panic!("{other:?}"),
        }
        let error = options().open_on(sim.clone(), Notes::default).await.expect_err("the note 2100 can't be decoded");
        DECODED.store(false, Ordering::Relaxed);
        let told = error.to_string();
        assert!(told.contains("lsn 2101") && told.contains("2100 can't be decoded"), "{told}");
        check(&options().open_on(sim, Notes::default).await?);
        Ok(())
    })
}
