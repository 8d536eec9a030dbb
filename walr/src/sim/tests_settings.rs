//! Faults, settings, corruption and the observer of the simulated folder.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

use std::io::ErrorKind;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use super::tests::{contents, images, with_file};
use super::*;
use crate::fs::{Folder, Open};

#[test]
fn faults_hit_the_calls_that_they_fit() {
    let (sim, file) = with_file(Medium::default(), &[1; 1000]);
    let next = |kind, forever| sim.fail(Some(Fault { at: sim.calls() + 1, kind, forever }));
    next(Kind::Io, false);
    assert_eq!(file.read_at(&mut [0], 0).unwrap_err().kind(), ErrorKind::Other);
    assert_eq!(file.read_at(&mut [0], 0).unwrap(), 1);
    next(Kind::Interrupted, false);
    assert_eq!(file.sync().unwrap_err().kind(), ErrorKind::Interrupted);
    next(Kind::Full, false);
    assert_eq!(file.len().unwrap(), 1000);
    assert_eq!(sim.hits(), 2, "a read needs no space");
    next(Kind::Full, true);
    assert_eq!(file.resize(2000).unwrap_err().kind(), ErrorKind::StorageFull);
    assert_eq!(sim.open("b", Open::Create).unwrap_err().kind(), ErrorKind::StorageFull);
    assert_eq!(file.read_at(&mut [0], 0).unwrap(), 1);
    next(Kind::Unreadable, true);
    assert!(sim.list().is_err() && sim.open("a", Open::Read).is_err() && file.read_at(&mut [0], 0).is_err());
    file.sync().unwrap();
    next(Kind::ShortWrite, false);
    assert!(file.write_at(&[2; 1000], 0).is_err());
    let bytes = sim.read("a").unwrap();
    let written = bytes.iter().filter(|&&b| b == 2).count();
    assert!(bytes[..written].iter().all(|&b| b == 2) && written < 1000);
    sim.fail(None);
    file.write_at(&[2; 1000], 0).unwrap();
}

#[test]
fn broken_promises_are_broken() {
    let sim = Sim::new();
    sim.break_it(Broken::FileSync(".tmp"));
    for name in ["a", "b.tmp"] {
        let file = sim.open(name, Open::Create).unwrap();
        file.write_at(&[1; 100], 0).unwrap();
        file.sync().unwrap();
    }
    sim.sync().unwrap();
    assert_eq!(contents(&sim), [Some(vec![1; 100])].into());
    assert!(images(&sim).any(|image| image.read("b.tmp").unwrap().is_empty()));
    sim.break_it(Broken::FolderSync);
    sim.remove("a").unwrap();
    sim.sync().unwrap();
    assert!(contents(&sim).contains(&Some(vec![1; 100])));
}

#[test]
fn the_next_call_does_a_late_write_without_a_sync() {
    let (sim, file) = with_file(Medium::default(), &[1; 8]);
    sim.break_it(Broken::LateWrite(|bytes| bytes.starts_with(b"late")));
    file.write_through(b"late", 0).unwrap();
    assert_eq!((sim.read("a").unwrap(), sim.unsynced()), (vec![1; 8], 0));
    file.len().unwrap();
    assert_eq!((sim.read("a").unwrap(), sim.unsynced()), (b"late\x01\x01\x01\x01".to_vec(), 1));
    file.sync().unwrap();
    assert_eq!(sim.unsynced(), 0);
}

#[test]
fn space_is_limited_and_given_back() {
    let (sim, file) = with_file(Medium::default(), &[1; 1000]);
    sim.set_space(Some(3000));
    let other = sim.open("b", Open::Create).unwrap();
    other.resize(2000).unwrap();
    other.write_at(&[1; 2000], 0).unwrap();
    assert_eq!(other.resize(2001).unwrap_err().kind(), ErrorKind::StorageFull);
    assert_eq!(file.write_at(b"x", 1000).unwrap_err().kind(), ErrorKind::StorageFull);
    assert_eq!(file.len().unwrap(), 1000);
    drop(other);
    sim.remove("b").unwrap();
    sim.sync().unwrap();
    file.resize(3000).unwrap();
    sim.set_space(None);
    file.resize(3001).unwrap();
}

#[test]
fn the_observer_sees_every_change_and_can_take_images() {
    let sim = Sim::new();
    let seen = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&seen);
    sim.observe(Some(Arc::new(move |sim: &Sim| {
        let image = sim.crash(count.fetch_add(1, Ordering::Relaxed));
        image.open("x", Open::Create).unwrap();
        assert_eq!(image.calls(), 1, "the image has no observer and counts for itself");
    })));
    let file = sim.open("a", Open::Create).unwrap();
    file.write_at(b"x", 0).unwrap();
    file.resize(10).unwrap();
    file.sync().unwrap();
    sim.rename("a", "b").unwrap();
    sim.remove("b").unwrap();
    sim.sync().unwrap();
    let lock = sim.lock("LOCK").unwrap();
    assert_eq!(seen.load(Ordering::Relaxed), 8);
    file.len().unwrap();
    sim.list().unwrap();
    assert_eq!(seen.load(Ordering::Relaxed), 8, "reads change nothing");
    assert_eq!(sim.calls(), 10);
    sim.observe(None);
    drop(lock);
}

#[test]
fn a_slow_sync_covers_what_was_written_before_it() {
    let (sim, file) = with_file(Medium::default(), &[1; 512]);
    file.write_at(&[2; 512], 0).unwrap();
    sim.set_slow(Some(Duration::from_millis(50)));
    let begin = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(|| file.sync().unwrap());
        while sim.unsynced() > 0 {
            std::thread::yield_now();
        }
        file.write_at(&[3; 512], 0).unwrap();
    });
    assert!(begin.elapsed() >= Duration::from_millis(50));
    assert_eq!(sim.unsynced(), 1);
}

#[test]
fn corruption_is_durable_at_once() {
    let (sim, _file) = with_file(Medium::default(), &[0; 100]);
    assert!(sim.flip("a", 17));
    assert!(!sim.flip("a", 800));
    assert!(!sim.flip("b", 0));
    let mut expected = vec![0; 100];
    expected[2] = 2;
    assert_eq!(contents(&sim), [Some(expected)].into());
    let print = sim.fingerprint();
    sim.flip("a", 17);
    assert_ne!(sim.fingerprint(), print);
    sim.put("a", &[0; 100]);
    let zeros = sim.fingerprint();
    sim.put("a", &[0; 101]);
    assert_ne!(sim.fingerprint(), zeros);
    assert!(sim.delete("a") && !sim.delete("a"));
    assert_eq!(contents(&sim), [None].into());
}
