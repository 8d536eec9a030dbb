//! The callback of `on_progress` gets the progress of an open, and a panic in it harms nothing. The log is long enough to be
//! decoded ahead of its application.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Deserializer, Serialize};
use walr::testing::Sim;
use walr::{CheckpointPolicy, Durable, Error, Lsn, Options, Phase, Progress, WalState};

use crate::common::{Result, run};

/// The number of notes in the log, which together take 3 MiB.
const COUNT: u32 = 3 * 1024;
const BATCH: u32 = 16;

/// Lets one test run at a time, because the flags below are shared.
static ALONE: Mutex<()> = Mutex::new(());
/// Makes note 2000 panic when it is applied.
static APPLYING_PANICS: AtomicBool = AtomicBool::new(false);
/// Makes note 2100 panic when it is decoded.
static DECODING_PANICS: AtomicBool = AtomicBool::new(false);

/// A number, and a text of a KiB.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Note(u32, String);

impl<'de> Deserialize<'de> for Note {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        let (number, text) = Deserialize::deserialize(from)?;
        assert!(number != 2100 || !DECODING_PANICS.load(Ordering::Relaxed), "2100 can't be decoded");
        Ok(Note(number, text))
    }
}

impl Drop for Note {
    fn drop(&mut self) {
        // Panics in the notes that were decoded ahead of the one that can't be applied.
        assert!(self.0 < 2001 || !APPLYING_PANICS.load(Ordering::Relaxed), "a note panics in its drop");
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
        assert!(note.0 != 2000 || !APPLYING_PANICS.load(Ordering::Relaxed), "2000 can't be applied");
        self.numbers.push(note.0);
    }
}

fn options() -> Options<Notes> {
    Durable::<Notes>::options().checkpoint(CheckpointPolicy::Manual).segment_size(1 << 20)
}

/// Leaves a store with [`COUNT`] notes in its log.
async fn store() -> walr::Result<Sim> {
    let sim = Sim::new();
    let notes = options().open_on(sim.clone(), Notes::default).await?;
    for first in (0..COUNT).step_by(BATCH as usize) {
        let batch = (first..first + BATCH).map(|number| NotesLog::Note { note: Note(number, "n".repeat(1020)) });
        notes.apply_batch(batch).await?;
    }
    notes.close().await?;
    Ok(sim)
}

/// Asserts that the state holds every note.
fn assert_complete(notes: &Durable<Notes>) {
    notes.read(|notes| assert!(notes.numbers.iter().copied().eq(0..COUNT)));
}

/// Returns the phases in order, each with its calls, and checks the figures of each call.
fn phases(calls: &[Progress]) -> Vec<(Phase, Vec<Progress>)> {
    let mut phases: Vec<(Phase, Vec<Progress>)> = Vec::new();
    for &call in calls {
        match phases.last_mut() {
            Some((phase, calls)) if *phase == call.phase => calls.push(call),
            _ => phases.push((call.phase, vec![call])),
        }
    }
    for (phase, calls) in &phases {
        let last = calls.last().expect("each phase has a call");
        assert_eq!((calls[0].bytes, last.bytes), (0, last.total), "{phase:?}");
        for pair in calls.windows(2) {
            assert_eq!(pair[0].total, pair[1].total);
            let step = pair[1].bytes - pair[0].bytes;
            assert!(step >= 1 << 20 || pair[1] == *last, "{phase:?} is reported after {step} bytes");
            assert!(pair[0].records <= pair[1].records);
        }
    }
    phases
}

#[test]
fn an_open_reports_its_progress() -> Result {
    let _alone = ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    run(async {
        let sim = store().await?;
        let calls = Arc::new(Mutex::new(Vec::new()));
        let reported = calls.clone();
        let options = options().on_progress(move |at| reported.lock().unwrap().push(at));
        let notes = options.open_on(sim, Notes::default).await?;
        assert_complete(&notes);
        let phases = phases(&calls.lock().unwrap());
        let names: Vec<_> = phases.iter().map(|(phase, _)| *phase).collect();
        assert_eq!(names, [Phase::Checkpoint, Phase::Scan, Phase::Replay]);
        for (phase, calls) in &phases[1..] {
            assert!(calls.len() >= 4, "{phase:?} is reported {} times", calls.len());
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
fn a_panicking_callback_is_not_called_again_and_harms_nothing() -> Result {
    let _alone = ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    run(async {
        let sim = store().await?;
        let calls = Arc::new(Mutex::new(0));
        let count = calls.clone();
        let options = options().on_progress(move |at| {
            if at.phase == Phase::Replay && at.bytes > 0 {
                *count.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) += 1;
                panic!("the callback panics");
            }
        });
        let notes = options.open_on(sim, Notes::default).await?;
        assert_complete(&notes);
        assert_eq!(*calls.lock().unwrap(), 1, "the callback is called after its panic");
        notes.note(Note(COUNT, String::new())).await?;
        Ok(())
    })
}

#[test]
fn a_panic_in_the_middle_of_a_long_log_is_refused_by_lsn() -> Result {
    let _alone = ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    run(async {
        let sim = store().await?;
        // The note that can't be applied comes first in the log, so that the open reports it.
        APPLYING_PANICS.store(true, Ordering::Relaxed);
        DECODING_PANICS.store(true, Ordering::Relaxed);
        let error = options().open_on(sim.clone(), Notes::default).await.expect_err("note 2000 was applied");
        APPLYING_PANICS.store(false, Ordering::Relaxed);
        match error {
            Error::ReplayPanicked { mutation, lsn, message, .. } => {
                assert_eq!((&mutation[..], lsn), ("note", Lsn::new(2001)));
                assert!(message.contains("2000 can't be applied"), "{message}");
            }
            other => panic!("{other:?}"),
        }
        let error = options().open_on(sim.clone(), Notes::default).await.expect_err("note 2100 was decoded");
        DECODING_PANICS.store(false, Ordering::Relaxed);
        let message = error.to_string();
        assert!(message.contains("lsn 2101") && message.contains("2100 can't be decoded"), "{message}");
        assert_complete(&options().open_on(sim, Notes::default).await?);
        Ok(())
    })
}
