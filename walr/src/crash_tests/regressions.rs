//! Mistakes that reviews found.

use std::sync::Arc;

use parking_lot::Mutex;

use super::state::{TallyLog, with_hook};
use super::{Driver, Plan, Status, Way, ids, open};
use crate::error::Error;
use crate::lsn::Lsn;
use crate::options::Config;
use crate::sim::{Fault, Kind, Sim};

fn push(id: u32) -> TallyLog {
    TallyLog::Push(id, vec![id as u8; 40])
}

fn driver(sim: &Sim, segment_size: u64) -> Driver {
    Driver::new(sim, &Plan { segment_size, ..Plan::sync(0) }, Arc::default()).unwrap()
}

fn checkpoints(sim: &Sim) -> usize {
    sim.files().iter().filter(|file| file.name.ends_with(".ckpt")).count()
}

/// The folder has three checkpoints, because the power fails right after the rename of the newest, and the newest is corrupt.
#[test]
fn an_older_checkpoint_is_not_kept_without_its_log() {
    let sim = Sim::new();
    let images: Arc<Mutex<Vec<Sim>>> = Arc::default();
    let mut driver = driver(&sim, 4096);
    for id in [1, 3, 5] {
        driver.group(vec![vec![push(id)]], 0).unwrap();
        driver.group(vec![vec![push(id + 1)]], 0).unwrap();
        if id == 5 {
            let seen = images.clone();
            sim.observe(Some(Arc::new(move |sim: &Sim| {
                if checkpoints(sim) == 3 {
                    seen.lock().push(sim.crash(1));
                }
            })));
        }
        driver.checkpoint().unwrap();
    }
    sim.observe(None);
    let image = images.lock().iter().find(|image| checkpoints(image) == 3).unwrap().restart();
    assert!(image.flip("0000000000000006.ckpt", 8 * 70));
    for _ in 0..2 {
        assert_eq!(ids(&open(&image, &Config::default()).unwrap()), [1, 2, 3, 4, 5, 6]);
    }
}

#[test]
fn a_missing_segment_is_noticed_by_the_empty_one_after_it() {
    for closed_before in [true, false] {
        let sim = Sim::new();
        let mut driver = driver(&sim, 64 << 10);
        if closed_before {
            driver.group(vec![vec![push(1)]], 0).unwrap();
            driver.close().unwrap();
            driver = self::driver(&sim, 64 << 10);
        }
        for id in 2..6 {
            driver.group(vec![vec![TallyLog::Push(id, vec![1; 9000])]], 0).unwrap();
        }
        driver.mark();
        let all = ids(&driver.core);
        let image = sim.crash(3);
        assert_eq!(ids(&open(&image.restart(), &Config::default()).unwrap()), all);
        assert!(image.delete(if closed_before { "0000000000000002.wal" } else { "0000000000000001.wal" }));
        let refused = open(&image, &Config::default()).map(|core| ids(&core));
        assert!(matches!(refused, Err(Error::Missing { .. })), "{refused:?}");
    }
}

/// The power fails while a recovery writes the abort of a record that panics on replay.
#[test]
fn a_torn_abort_of_a_recovery_is_written_again() {
    (0..Way::WRITES).for_each(|writes| tear_an_abort_of_a_recovery(Way::new(writes, 0)));
}

fn tear_an_abort_of_a_recovery(way: Way) {
    let plan = Plan { segment_size: 64 << 10, way, ..Plan::sync(2) };
    let (sim, config) = (plan.folder(), plan.config());
    let images: Arc<Mutex<Vec<Sim>>> = Arc::default();
    let mut driver = Driver::new(&sim, &plan, Arc::default()).unwrap();
    driver.group(vec![vec![push(1)]], 0).unwrap();
    let seen = images.clone();
    sim.observe(Some(Arc::new(move |sim: &Sim| seen.lock().push(sim.crash(5)))));
    driver.group(vec![vec![TallyLog::Boom(2)]], 0).unwrap();
    sim.observe(None);
    let mut torn = 0;
    for image in images.lock().iter() {
        let states: Arc<Mutex<Vec<Sim>>> = Arc::default();
        let seen = states.clone();
        image.observe(Some(Arc::new(move |sim: &Sim| {
            (0..64).for_each(|seed| seen.lock().push(sim.crash(seed * 77 + 1)));
        })));
        assert_eq!(ids(&open(image, &config).unwrap()), [1]);
        image.observe(None);
        for state in states.lock().iter() {
            assert_eq!(ids(&open(state, &config).unwrap()), [1]);
            torn += 1;
        }
    }
    assert!(torn > 1000);
}

/// An abort, a mark, and the mark of a close or a seal fit behind each group. The journal asserts it.
#[test]
fn a_group_of_any_length_leaves_space_for_the_frames_that_follow_it() {
    for (padded, len) in [0, 2].into_iter().flat_map(|padded| (0..8300).step_by(8).map(move |len| (padded, len))) {
        let plan = Plan { segment_size: 24 << 10, way: Way::new(padded, 0), ..Plan::sync(0) };
        let sim = plan.folder();
        let mut driver = Driver::new(&sim, &plan, Arc::default()).unwrap();
        driver.group(vec![vec![TallyLog::Push(1, vec![1; len])], vec![TallyLog::Boom(2)]], 0).unwrap();
        driver.mark();
        driver.group(vec![vec![TallyLog::Push(3, vec![3; len])], vec![TallyLog::Boom(4)]], 0).unwrap();
        driver.mark();
        driver.close().unwrap();
        assert_eq!(ids(&open(&sim, &plan.config()).unwrap()), [1, 3]);
    }
}

/// The aborts of four groups that aren't applied yet fit behind the last one, in its segment. The journal asserts it.
#[test]
fn pending_groups_of_any_length_leave_space_for_all_their_aborts() {
    for (padded, len) in [0, 2].into_iter().flat_map(|padded| (0..8300).step_by(40).map(move |len| (padded, len))) {
        let plan = Plan { segment_size: 40 << 10, way: Way::new(padded, 0), ..Plan::sync(0) };
        let sim = plan.folder();
        let mut driver = Driver::new(&sim, &plan, Arc::default()).unwrap();
        driver.group(vec![vec![TallyLog::Push(1, vec![1; len])]], 0).unwrap();
        driver.group(vec![vec![TallyLog::Push(2, vec![2; len])]], 0).unwrap();
        for _ in 0..4 {
            // Many calls, because a segment always has nearly a block to spare.
            driver.group((0..100).map(|_| vec![TallyLog::Boom(3)]).collect(), 4).unwrap();
        }
        driver.apply_down_to(0).unwrap();
        driver.mark();
        driver.close().unwrap();
        assert_eq!(ids(&open(&sim, &plan.config()).unwrap()), [1, 2]);
    }
}

/// A caller that commits its own call panics after other groups have filled the segment. The journal asserts that the abort fits.
#[test]
fn a_call_of_its_caller_keeps_the_space_for_its_abort() {
    for len in (0..8300).step_by(40) {
        // In a padded store each abort takes a block.
        let plan = Plan { segment_size: 64 << 10, way: Way::new(2, 0), ..Plan::sync(0) };
        let sim = plan.folder();
        let mut driver = Driver::new(&sim, &plan, Arc::default()).unwrap();
        driver.group(vec![vec![push(1)]], 0).unwrap();
        let core = driver.core.clone();
        let fill = move |id| {
            for id in (3..7).filter(|_| id == 2) {
                // Nobody waits for the answer.
                drop(core.enqueue(vec![TallyLog::Push(id, vec![id as u8; len])]).unwrap());
                drop(core.enqueue(vec![TallyLog::Boom(id)]).unwrap());
                core.log_turn();
            }
        };
        with_hook(fill, || driver.here(TallyLog::Boom(2), 0)).unwrap();
        while driver.core.state_turn() {}
        driver.mark();
        driver.close().unwrap();
        assert_eq!(ids(&open(&sim, &plan.config()).unwrap()), [1, 3, 4, 5, 6]);
    }
}

/// A record that only a renamed checkpoint proves to have been answered panics in a later program.
#[test]
fn a_corrupt_checkpoint_still_proves_that_its_records_were_answered() {
    let sim = Sim::new();
    let mut driver = driver(&sim, 64 << 10);
    driver.group(vec![vec![push(1)]], 0).unwrap();
    driver.group(vec![vec![push(2)]], 0).unwrap();
    driver.checkpoint().unwrap();
    drop(driver);
    assert!(sim.flip("0000000000000002.ckpt", 8 * 100));
    // This open renames the checkpoint, and the process ends before a frame says what was applied.
    assert_eq!(ids(&open(&sim, &Config::default()).unwrap()), [1, 2]);
    assert!(sim.files().iter().any(|file| file.name.ends_with(".bad")));
    let panics = |id| {
        if id == 2 {
            std::panic::resume_unwind(Box::new("changed"));
        }
    };
    let refused = with_hook(panics, || open(&sim, &Config::default()).map(|core| ids(&core)));
    assert!(matches!(refused, Err(Error::ReplayPanicked { .. })), "{refused:?}");
}

/// A mutation panics, and its abort can't be written. The state is the one before the mutation.
#[test]
fn a_failed_abort_leaves_what_is_certain() {
    for writes in 0..Way::WRITES {
        let plan = Plan { segment_size: 64 << 10, way: Way::new(writes, 0), ..Plan::sync(0) };
        let mut hit = 0;
        for (at, kind) in (1..30).flat_map(|at| [(at, Kind::ShortWrite), (at, Kind::SyncLost)]) {
            let sim = plan.folder();
            let mut driver = Driver::new(&sim, &plan, Arc::default()).unwrap();
            driver.group(vec![vec![push(1)]], 0).unwrap();
            sim.fail(Some(Fault { at: sim.calls() + at, kind, forever: false }));
            if driver.group(vec![vec![TallyLog::Boom(2)], vec![push(3)]], 0).is_err() {
                hit += 1;
                assert_eq!(ids(&driver.core), [1], "way {writes}, {kind:?} at call {at}");
            }
        }
        assert_eq!(hit, 4, "the group's write and sync, and the abort's");
    }
}

/// An abort can't be written, and a later group is durable already.
#[test]
fn a_failed_abort_shows_no_later_group() {
    let mut hit = 0;
    for (at, kind) in (1..30).flat_map(|at| [(at, Kind::ShortWrite), (at, Kind::SyncLost)]) {
        let sim = Sim::new();
        let mut driver = driver(&sim, 64 << 10);
        driver.group(vec![vec![push(1)]], 0).unwrap();
        driver.group(vec![vec![TallyLog::Boom(2)]], 4).unwrap();
        driver.group(vec![vec![push(3)]], 4).unwrap();
        sim.fail(Some(Fault { at: sim.calls() + at, kind, forever: false }));
        if driver.apply_down_to(0).is_err() {
            hit += 1;
            assert_eq!(ids(&driver.core), [1], "{kind:?} at call {at}");
            let model = driver.model.lock();
            assert!(model.units[1..].iter().all(|unit| unit.status == Status::Unknown), "{model:?}");
        }
    }
    assert_eq!(hit, 2, "the abort's write and sync");
}

/// The disk is full, so that an open can't record the abort of a record that panics.
#[test]
fn a_full_disk_shows_no_state_above_a_record_that_recovery_aborts() {
    for writes in 0..Way::WRITES {
        let plan = Plan { segment_size: 64 << 10, way: Way::new(writes, 0), ..Plan::sync(0) };
        let sim = plan.folder();
        let mut driver = Driver::new(&sim, &plan, Arc::default()).unwrap();
        driver.group(vec![vec![push(1)]], 0).unwrap();
        driver.group(vec![vec![TallyLog::Boom(2)], vec![push(3)]], 4).unwrap();
        drop(driver);
        sim.set_space(Some(0));
        let mut driver = Driver::new(&sim, &plan, Arc::default()).unwrap();
        assert_eq!(ids(&driver.core), [1], "way {writes}");
        assert!(matches!(driver.group(vec![vec![push(4)]], 0), Err(Error::Full { .. })));
        assert_eq!(ids(&driver.core), [1], "way {writes}");
        sim.set_space(None);
        driver.group(vec![vec![push(5)]], 0).unwrap();
        assert_eq!(ids(&driver.core), [1, 3, 5], "way {writes}");
        driver.close().unwrap();
        assert_eq!(ids(&open(&sim, &plan.config()).unwrap()), [1, 3, 5], "way {writes}");
    }
}

#[test]
fn an_abort_on_demand_is_not_taken_for_changed_results() {
    let sim = Sim::new();
    // No checkpoint comes between, whose records can't be aborted.
    let plan = Plan { slices: false, ..Plan::sync(0) };
    let mut driver = Driver::new(&sim, &plan, Arc::default()).unwrap();
    for id in 1..6 {
        driver.group(vec![vec![push(id)]], 0).unwrap();
    }
    driver.core.log.lock().abort_above(Lsn::new(3)).unwrap();
    driver.close().unwrap();
    assert_eq!(ids(&open(&sim, &Config::default()).unwrap()), [1, 2, 3]);
}

#[test]
fn a_throttled_checkpoint_takes_no_more_space_than_it_needs() {
    for writes in 0..Way::WRITES {
        let plan = Plan { segment_size: 64 << 10, way: Way::new(writes, 1), ..Plan::sync(0) };
        let sim = plan.folder();
        let mut driver = Driver::new(&sim, &plan, Arc::default()).unwrap();
        driver.group(vec![vec![push(1)]], 0).unwrap();
        let used: u64 = sim.files().iter().map(|file| file.len).sum();
        sim.set_space(Some(used + 4096));
        driver.checkpoint().unwrap();
        assert_eq!(checkpoints(&sim), 2);
        assert_eq!(ids(&open(&sim.crash(1), &plan.config()).unwrap()), [1]);
    }
}

#[test]
fn wrong_numbers_under_right_checksums_cause_no_panic() {
    use crate::log::frame::{self, FramePlace, HEADER};
    let sim = Sim::new();
    let mut driver = driver(&sim, 64 << 10);
    driver.group(vec![vec![push(1)], vec![TallyLog::Boom(2)]], 0).unwrap();
    driver.close().unwrap();
    let base = sim.restart();
    let name = "0000000000000001.wal";
    let bytes = base.read(name).unwrap();
    let salt = frame::u64_at(&bytes, 40);
    for extreme in [0, 1, 1 << 63, u64::MAX - 1, u64::MAX] {
        for field in [16, 24, 32, 40, 56, 64, 88, 104, 112, 120] {
            let mut changed = bytes.clone();
            let (mut at, mut chain) = (4096, None);
            while let Some((mut header, _)) = frame::parse(&bytes[at..], FramePlace { salt, offset: at as u64 }) {
                let end = at + header.frame_len() as usize;
                let mut out = vec![0; HEADER];
                out.extend_from_slice(&bytes[at + HEADER..end]);
                match field {
                    16 => header.number = extreme.max(1),
                    24 => header.durable = extreme,
                    32 => header.first_lsn = crate::lsn::Lsn::new(extreme),
                    40 => header.applied = crate::lsn::Lsn::new(extreme),
                    56 => header.epoch = extreme,
                    64 => header.position = extreme,
                    88 => header.count = extreme as u32,
                    _ if out.len() >= field + 8 => out[field..field + 8].copy_from_slice(&extreme.to_le_bytes()),
                    _ => {}
                }
                header.chain = chain.unwrap_or(header.chain);
                chain = Some(frame::finish(&mut out, 0, header, FramePlace { salt, offset: at as u64 }));
                changed[at..end].copy_from_slice(&out);
                at = end;
            }
            let image = base.restart();
            image.put(name, &changed);
            drop(open(&image, &Config::default()));
        }
    }
}
