//! The contract of [`Folder`] and [`File`], on the real file system and on the simulated one.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

use std::io::ErrorKind;

use super::{Disk, Entry, File, Folder, Open};
use crate::sim::Sim;

/// Runs a test on both folders.
fn both(test: impl Fn(&dyn Folder)) {
    let temp = tempfile::tempdir().unwrap();
    test(&Disk::create(&temp.path().join("store")).unwrap());
    test(&Sim::new());
}

fn create(folder: &dyn Folder, name: &str, bytes: &[u8]) -> Box<dyn File> {
    let file = folder.open(name, Open::Create).unwrap();
    file.write_at(bytes, 0).unwrap();
    file
}

fn read(file: &dyn File) -> Vec<u8> {
    let mut bytes = vec![0xaa; file.len().unwrap() as usize];
    assert_eq!(file.read_at(&mut bytes, 0).unwrap(), bytes.len());
    bytes
}

fn read_name(folder: &dyn Folder, name: &str) -> Vec<u8> {
    read(&*folder.open(name, Open::Read).unwrap())
}

fn listed(folder: &dyn Folder) -> Vec<(String, u64)> {
    let mut list: Vec<_> = folder.list().unwrap().into_iter().map(|Entry { name, len }| (name, len)).collect();
    list.sort();
    list
}

fn kind<T>(result: std::io::Result<T>) -> ErrorKind {
    match result {
        Ok(_) => panic!("the call succeeded"),
        Err(e) => e.kind(),
    }
}

#[test]
fn a_file_is_created_once() {
    both(|folder| {
        assert_eq!(kind(folder.open("a", Open::Read)), ErrorKind::NotFound);
        assert_eq!(kind(folder.open("a", Open::Write)), ErrorKind::NotFound);
        create(folder, "a", b"one");
        assert_eq!(kind(folder.open("a", Open::Create)), ErrorKind::AlreadyExists);
        assert_eq!(read_name(folder, "a"), b"one");
        folder.open("a", Open::Write).unwrap().write_at(b"two", 0).unwrap();
        assert_eq!(read_name(folder, "a"), b"two");
        assert_eq!(listed(folder), [("a".to_owned(), 3)]);
    });
}

#[test]
fn reads_stop_at_the_end_and_holes_are_zeros() {
    both(|folder| {
        let file = create(folder, "a", b"head");
        file.write_at(b"tail", 10_000).unwrap();
        assert_eq!(file.len().unwrap(), 10_004);
        let mut buf = [0xaa; 8];
        assert_eq!(file.read_at(&mut buf, 9_998).unwrap(), 6);
        assert_eq!(&buf[..6], b"\0\0tail");
        assert_eq!(file.read_at(&mut buf, 10_004).unwrap(), 0);
        assert_eq!(file.read_at(&mut buf, 1 << 40).unwrap(), 0);
        assert_eq!(file.read_at(&mut buf, 0).unwrap(), 8);
        assert_eq!(&buf, b"head\0\0\0\0");
        file.write_at(b"", 20_000).unwrap();
        assert_eq!(file.len().unwrap(), 10_004, "writing nothing changes nothing");
    });
}

#[test]
fn a_file_grows_by_zeros_and_cut_bytes_never_return() {
    both(|folder| {
        let file = create(folder, "a", &[7; 5000]);
        file.resize(100_000).unwrap();
        assert!(read(&*file)[5000..].iter().all(|&b| b == 0));
        file.resize(4097).unwrap();
        assert_eq!(read(&*file), [7; 4097]);
        file.resize(6000).unwrap();
        assert_eq!(read(&*file)[..4097], [7; 4097]);
        assert_eq!(read(&*file)[4097..], [0; 1903]);
        file.resize(6000).unwrap();
        file.resize(0).unwrap();
        assert_eq!(file.len().unwrap(), 0);
    });
}

#[test]
fn a_rename_replaces_a_file_and_handles_keep_their_file() {
    both(|folder| {
        let new = create(folder, "a.tmp", b"new");
        let old = create(folder, "a", b"old");
        folder.rename("a.tmp", "a").unwrap();
        assert_eq!(read_name(folder, "a"), b"new");
        assert_eq!(read(&*old), b"old");
        new.write_at(b"newer", 0).unwrap();
        assert_eq!(read_name(folder, "a"), b"newer");
        folder.remove("a").unwrap();
        folder.sync().unwrap();
        new.write_at(b"!", 5).unwrap();
        assert_eq!(read(&*new), b"newer!");
        assert!(listed(folder).is_empty());
        assert_eq!(kind(folder.remove("a")), ErrorKind::NotFound);
        assert_eq!(kind(folder.rename("a", "b")), ErrorKind::NotFound);
    });
}

#[cfg(unix)]
#[test]
fn the_sync_of_a_removed_file_fails() {
    both(|folder| {
        let (removed, replaced, renamed) =
            (create(folder, "a", b"one"), create(folder, "b", b"two"), create(folder, "c", b"three"));
        for file in [&removed, &replaced, &renamed] {
            file.resize(8192).unwrap();
            file.write_through(b"all", 4096).unwrap();
        }
        folder.remove("a").unwrap();
        folder.rename("c", "b").unwrap();
        for file in [removed, replaced] {
            assert_eq!(kind(file.write_through(b"lost", 4096)), ErrorKind::NotFound);
            assert_eq!(kind(file.sync()), ErrorKind::NotFound);
        }
        renamed.write_through(b"kept", 4096).unwrap();
        renamed.sync().unwrap();
    });
}

#[test]
fn syncs_and_evictions_change_no_bytes() {
    both(|folder| {
        let file = create(folder, "a", &[1; 3000]);
        file.sync().unwrap();
        file.evict().unwrap();
        folder.sync().unwrap();
        assert_eq!(read(&*file), [1; 3000]);
        // Recovery syncs a file that is open for reading.
        let reader = folder.open("a", Open::Read).unwrap();
        file.write_at(&[2; 10], 0).unwrap();
        reader.sync().unwrap();
        reader.evict().unwrap();
        assert_eq!(read(&*reader)[..11], [2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1]);
    });
}

#[test]
fn a_file_that_is_open_for_reading_can_not_be_written() {
    both(|folder| {
        create(folder, "a", b"one");
        let reader = folder.open("a", Open::Read).unwrap();
        assert!(reader.write_at(b"two", 0).is_err());
        assert!(reader.resize(1).is_err());
        assert_eq!(read(&*reader), b"one");
    });
}

#[test]
fn salvage_is_created_when_needed_and_listed_apart() {
    both(|folder| {
        assert_eq!(kind(folder.open("salvage/a", Open::Read)), ErrorKind::NotFound);
        assert!(folder.list_salvage().unwrap().is_empty());
        create(folder, "salvage/a", b"cut");
        assert_eq!(folder.list_salvage().unwrap(), [Entry { name: "salvage/a".to_owned(), len: 3 }]);
        assert_eq!(kind(folder.open("salvage/a", Open::Create)), ErrorKind::AlreadyExists);
        create(folder, "b", b"there");
        folder.sync().unwrap();
        assert_eq!(listed(folder), [("b".to_owned(), 5)]);
        assert_eq!(read_name(folder, "salvage/a"), b"cut");
        folder.rename("b", "salvage/b").unwrap();
        folder.rename("salvage/a", "a").unwrap();
        assert_eq!(listed(folder), [("a".to_owned(), 3)]);
        folder.remove("salvage/b").unwrap();
        folder.sync().unwrap();
        assert_eq!(kind(folder.open("salvage/b", Open::Read)), ErrorKind::NotFound);
    });
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    both(|folder| {
        create(folder, "a", b"");
        let names = "/a b/a ../a . .. salvage salvage/ salvage/.. salvage/b/a a\\b a:b a\0";
        for name in names.split(' ').chain([""]) {
            for how in [Open::Read, Open::Write, Open::Create] {
                assert_eq!(kind(folder.open(name, how)), ErrorKind::InvalidInput, "{name:?}");
            }
            assert_eq!(kind(folder.remove(name)), ErrorKind::InvalidInput);
            assert_eq!(kind(folder.rename("a", name)), ErrorKind::InvalidInput);
            assert_eq!(kind(folder.rename(name, "a")), ErrorKind::InvalidInput);
            assert_eq!(kind(folder.lock(name)), ErrorKind::InvalidInput);
        }
    });
}

#[test]
fn a_lock_is_held_once_until_it_is_released() {
    both(|folder| {
        let first = folder.lock("LOCK").unwrap().unwrap();
        assert!(folder.lock("LOCK").unwrap().is_none());
        first.unlock().unwrap();
        let second = folder.lock("LOCK").unwrap().unwrap();
        drop(first);
        assert!(folder.lock("LOCK").unwrap().is_none(), "the drop of a released lock releases no other lock");
        drop(second);
        assert!(folder.lock("LOCK").unwrap().is_some());
        assert_eq!(listed(folder), [("LOCK".to_owned(), 0)], "the file stays");
    });
}

#[test]
fn lock_if_there_takes_the_same_lock() {
    both(|folder| {
        assert_eq!(kind(folder.lock_if_there("LOCK")), ErrorKind::NotFound);
        assert!(listed(folder).is_empty());
        let lock = folder.lock("LOCK").unwrap().unwrap();
        assert!(folder.lock_if_there("LOCK").unwrap().is_none());
        lock.unlock().unwrap();
        let lock = folder.lock_if_there("LOCK").unwrap().unwrap();
        assert!(folder.lock("LOCK").unwrap().is_none());
        drop(lock);
        assert!(folder.lock("LOCK").unwrap().is_some());
    });
}

#[test]
fn several_threads_use_one_file() {
    both(|folder| {
        let file = create(folder, "a", b"");
        file.resize(64 << 10).unwrap();
        std::thread::scope(|scope| {
            for i in 0..8_u8 {
                let file = &file;
                scope.spawn(move || {
                    for n in 0..64 {
                        file.write_at(&[i; 128], u64::from(i) * 8192 + n * 128).unwrap();
                    }
                    file.sync().unwrap();
                });
            }
        });
        let expected: Vec<u8> = (0..8).flat_map(|i| [i; 8192]).collect();
        assert_eq!(read(&*file), expected);
    });
}

#[test]
fn an_impossible_length_is_an_error() {
    both(|folder| {
        let file = create(folder, "a", b"one");
        assert!(file.resize(u64::MAX).is_err());
        assert!(file.write_at(b"x", u64::MAX).is_err());
        assert_eq!(read(&*file), b"one");
    });
}

#[test]
fn random_calls_have_the_same_results_on_both() {
    let temp = tempfile::tempdir().unwrap();
    for seed in 0..40_u64 {
        let disk = Disk::create(&temp.path().join(seed.to_string())).unwrap();
        let mut sim = Sim::new();
        let mut random = seed;
        let mut below = |bound: u64| {
            random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
            (random >> 33) % bound
        };
        for step in 0..400_u32 {
            let (name, other) = (["a", "b", "salvage/c"][below(3) as usize], ["a", "b", "d"][below(3) as usize]);
            let (action, how) = (below(12), [Open::Read, Open::Write, Open::Create][below(3) as usize]);
            let (at, len) = (below(9000), below(3000) as usize);
            let act = |folder: &dyn Folder| -> Result<Vec<u8>, ErrorKind> {
                let write = |name: &str| folder.open(name, Open::Write).map_err(|e| e.kind());
                match action {
                    0 => folder.open(name, how).map(|_| Vec::new()).map_err(|e| e.kind()),
                    1 => folder.rename(name, other).map(|()| Vec::new()).map_err(|e| e.kind()),
                    2 => folder.remove(name).map(|()| Vec::new()).map_err(|e| e.kind()),
                    3 => folder.sync().map(|()| Vec::new()).map_err(|e| e.kind()),
                    4 | 5 => write(name)?.resize(at).map(|()| Vec::new()).map_err(|e| e.kind()),
                    6 => {
                        write(name)?.sync().unwrap();
                        write(name)?.evict().unwrap();
                        Ok(read_name(folder, name))
                    }
                    7..10 => {
                        write(name)?.write_at(&vec![step as u8; len], at).unwrap();
                        Ok(read_name(folder, name))
                    }
                    _ => {
                        let mut buf = vec![0; len];
                        let n = write(name)?.read_at(&mut buf, at).unwrap();
                        buf.truncate(n);
                        Ok(buf)
                    }
                }
            };
            assert_eq!(act(&disk), act(&sim), "seed {seed}, step {step}");
            assert_eq!(listed(&disk), listed(&sim), "seed {seed}, step {step}");
            if below(50) == 0 {
                sim = sim.restart();
            }
        }
    }
}
