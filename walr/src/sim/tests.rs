//! A crash loses what it may lose, and nothing else.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

use std::collections::HashSet;
use std::time::{Duration, Instant};

use super::*;
use crate::fs::{File, Folder, Open};

const SEEDS: u64 = 4000;

pub(super) fn images(sim: &Sim) -> impl Iterator<Item = Sim> {
    (0..SEEDS).map(|seed| sim.crash(seed))
}

/// Creates a folder with one durable file.
pub(super) fn with_file(medium: Medium, bytes: &[u8]) -> (Sim, Box<dyn File>) {
    let sim = Sim::on(medium);
    sim.put("a", bytes);
    let file = sim.open("a", Open::Write).unwrap();
    (sim, file)
}

pub(super) fn contents(sim: &Sim) -> HashSet<Option<Vec<u8>>> {
    images(sim).map(|image| image.read("a")).collect()
}

#[test]
fn what_is_synced_stays() {
    let sim = Sim::new();
    let file = sim.open("a.tmp", Open::Create).unwrap();
    file.write_at(&[5; 3000], 0).unwrap();
    file.resize(9000).unwrap();
    file.sync().unwrap();
    sim.rename("a.tmp", "a").unwrap();
    sim.sync().unwrap();
    assert_eq!(sim.unsynced(), 0);
    let print = sim.fingerprint();
    assert!(images(&sim).all(|image| image.fingerprint() == print && image.unsynced() == 0));
    assert_eq!(sim.crash(1).read("a").unwrap()[..3000], [5; 3000]);
}

#[test]
fn an_unsynced_write_is_kept_lost_or_torn() {
    let (sim, file) = with_file(Medium::default(), &[1; 2048]);
    file.write_at(&[2; 1024], 512).unwrap();
    assert_eq!(sim.unsynced(), 2);
    let seen = contents(&sim);
    let with = |first: u8, second: u8| [vec![1; 512], vec![first; 512], vec![second; 512], vec![1; 512]].concat();
    for (first, second) in [(1, 1), (1, 2), (2, 1), (2, 2)] {
        assert!(seen.contains(&Some(with(first, second))), "{first} {second}");
    }
    let all = |test: fn(&[u8]) -> bool| seen.iter().flatten().all(|bytes| test(bytes));
    assert!(all(|bytes| bytes.len() == 2048 && bytes[..512] == [1; 512] && bytes[1536..] == [1; 512]));
    let any = |test: fn(&[u8]) -> bool| seen.iter().flatten().any(|bytes| test(&bytes[512..1024]));
    assert!(any(|s| s[0] == 2 && s[511] == 1), "the beginning is new");
    assert!(any(|s| s[0] == 1 && s[511] == 2), "the end is new");
    assert!(any(|s| s.iter().any(|b| !(1..=2).contains(b))), "garbled");
    assert!(seen.len() > 100);
}

#[test]
fn equal_bytes_are_harmed_only_where_the_medium_may() {
    for overwrite_safe in [true, false] {
        let (sim, file) = with_file(Medium { overwrite_safe, ..Medium::default() }, &[1; 8192]);
        let mut sector = [1; 512];
        sector[100..110].fill(2);
        file.write_at(&sector, 0).unwrap();
        let harmed = |bytes: &Option<Vec<u8>>| {
            let bytes = bytes.as_ref().unwrap();
            bytes[..100] != [1; 100] || bytes[110..512] != [1; 402]
        };
        let seen = contents(&sim);
        assert_eq!(seen.iter().any(harmed), !overwrite_safe);
        assert!(seen.iter().flatten().all(|bytes| bytes[4096..] == [1; 4096]));
        let beside = |bytes: &Vec<u8>| bytes[512..4096] != [1; 3584];
        assert_eq!(seen.iter().flatten().any(beside), !overwrite_safe, "the rest of the block");
        assert!(seen.iter().flatten().any(|bytes| bytes[100..110].iter().any(|b| !(1..=2).contains(b))));
    }
}

#[test]
fn a_cut_within_a_block_rewrites_it_and_one_between_blocks_does_not() {
    for (overwrite_safe, len) in [(false, 5000), (false, 5120), (false, 8192), (true, 5000)] {
        let (sim, file) = with_file(Medium { overwrite_safe, ..Medium::default() }, &[1; 12288]);
        file.resize(len).unwrap();
        let seen = contents(&sim);
        let harmed = |bytes: &Vec<u8>| bytes[..len as usize].iter().any(|&byte| byte != 1);
        assert_eq!(seen.iter().flatten().any(harmed), !overwrite_safe && len != 8192, "{len}");
        assert!(seen.iter().flatten().all(|bytes| bytes[..4096] == [1; 4096]), "{len}");
    }
}

#[test]
fn writes_past_the_cache_write_whole_blocks() {
    for direct in [true, false] {
        let (sim, file) = with_file(Medium { direct, ..Medium::default() }, &[0; 12288]);
        sim.break_it(Broken::FileSync("a"));
        file.write_through(&[1; 100], 4000).unwrap();
        assert_eq!(sim.unsynced(), if direct { 16 } else { 2 });
        file.write_through(&[2; 100], 4100).unwrap();
        let expected = [vec![0; 4000], vec![1; 100], vec![2; 100], vec![0; 8088]].concat();
        assert_eq!(sim.read("a").unwrap(), expected);
    }
}

#[test]
fn bytes_behind_the_durable_end_may_be_garbled_though_they_are_zeros() {
    let (sim, file) = with_file(Medium::default(), &[1; 100]);
    file.write_at(&[0; 412], 100).unwrap();
    let seen = contents(&sim);
    assert!(seen.iter().flatten().all(|bytes| bytes[..100] == [1; 100]));
    assert!(seen.iter().flatten().any(|bytes| bytes.len() == 512 && bytes[100..] != [0; 412]));
}

#[test]
fn a_content_that_was_overwritten_before_the_sync_may_show() {
    let (sim, file) = with_file(Medium::default(), &[1; 512]);
    file.write_at(&[2; 512], 0).unwrap();
    file.write_at(&[1; 512], 0).unwrap();
    let seen = contents(&sim);
    assert!(seen.contains(&Some(vec![2; 512])));
    assert!(seen.contains(&Some(vec![1; 512])));
}

#[test]
fn a_growth_is_kept_lost_or_half_way_and_may_hold_zeros() {
    let (sim, file) = with_file(Medium::default(), &[1; 700]);
    file.write_at(&[2; 2000], 700).unwrap();
    let seen = contents(&sim);
    let lens: HashSet<usize> = seen.iter().flatten().map(Vec::len).collect();
    assert_eq!(lens, [700, 1024, 1536, 2048, 2560, 2700].into());
    assert!(seen.iter().flatten().all(|bytes| bytes[..700] == [1; 700]));
    assert!(seen.contains(&Some([vec![1; 700], vec![0; 2000]].concat())), "the length without the data");
    assert!(seen.contains(&Some([vec![1; 700], vec![2; 2000]].concat())));
}

#[test]
fn a_cut_is_kept_or_undone() {
    let (sim, file) = with_file(Medium::default(), &[1; 3000]);
    file.resize(1000).unwrap();
    let seen = contents(&sim);
    let lens: HashSet<usize> = seen.iter().flatten().map(Vec::len).collect();
    assert_eq!(lens, [1000, 3000].into());
    assert!(seen.contains(&Some(vec![1; 3000])));
    assert!(seen.iter().flatten().all(|bytes| bytes[..1000] == [1; 1000]));
    // After a cut and a growth, the bytes behind the cut are zeros, or the old ones if the cut was lost.
    file.resize(3000).unwrap();
    let seen = contents(&sim);
    assert!(seen.contains(&Some(vec![1; 3000])));
    assert!(seen.contains(&Some([vec![1; 1000], vec![0; 2000]].concat())));
    file.sync().unwrap();
    assert_eq!(contents(&sim), [Some([vec![1; 1000], vec![0; 2000]].concat())].into());
}

#[test]
fn writes_are_sometimes_a_prefix() {
    let (sim, file) = with_file(Medium::default(), &[0; 16 * 512]);
    for i in 0..16 {
        file.write_at(&[9; 512], i * 512).unwrap();
    }
    let seen = contents(&sim);
    for n in 0..=16 {
        assert!(seen.contains(&Some([vec![9; n * 512], vec![0; (16 - n) * 512]].concat())), "{n}");
    }
}

#[test]
fn unsynced_names_are_kept_or_lost_each_for_itself() {
    let sim = Sim::new();
    sim.put("old", b"old");
    sim.put("gone", b"gone");
    sim.open("tmp", Open::Create).unwrap().write_at(b"new", 0).unwrap();
    sim.open("other", Open::Create).unwrap();
    sim.rename("tmp", "old").unwrap();
    sim.remove("gone").unwrap();
    assert_eq!(sim.unsynced(), 6);
    let names = |image: &Sim| image.files().into_iter().map(|entry| entry.name).collect::<Vec<_>>().join(" ");
    let seen: HashSet<String> = images(&sim).map(|image| names(&image)).collect();
    for expected in ["gone old", "gone old tmp", "old", "old other", "gone old other", "old tmp", "old other tmp"] {
        assert!(seen.contains(expected), "{expected} in {seen:?}");
    }
    for image in images(&sim) {
        let old = image.read("old").expect("a rename never leaves its target without a file");
        assert!(old == b"old" || image.read("tmp").is_none(), "the file has one name");
    }
    sim.sync().unwrap();
    assert!(images(&sim).all(|image| names(&image) == "old other"));
    assert!(images(&sim).any(|image| image.read("old").unwrap().is_empty()), "the folder's sync doesn't cover bytes");
}

#[test]
fn a_files_sync_does_not_cover_its_name() {
    let sim = Sim::new();
    let file = sim.open("a", Open::Create).unwrap();
    file.write_at(b"bytes", 0).unwrap();
    file.sync().unwrap();
    assert_eq!(contents(&sim), [None, Some(b"bytes".to_vec())].into());
}

#[test]
fn a_seed_always_decides_the_same_and_images_are_independent() {
    let (sim, file) = with_file(Medium::default(), &[1; 8192]);
    file.write_at(&[2; 5000], 100).unwrap();
    let before: Vec<u64> = (0..100).map(|seed| sim.crash(seed).fingerprint()).collect();
    let image = sim.crash(3);
    image.open("a", Open::Write).unwrap().write_at(&[7; 8192], 0).unwrap();
    image.remove("a").unwrap();
    let after: Vec<u64> = (0..100).map(|seed| sim.crash(seed).fingerprint()).collect();
    assert_eq!(before, after);
    assert!(before.iter().collect::<HashSet<_>>().len() > 30);
}

#[test]
fn the_end_of_the_process_loses_nothing_but_locks() {
    let (sim, file) = with_file(Medium::default(), &[1; 1000]);
    let lock = sim.lock("LOCK").unwrap().unwrap();
    file.write_at(&[2; 1000], 0).unwrap();
    let next = sim.restart();
    assert_eq!(next.read("a").unwrap(), [2; 1000]);
    assert_eq!(next.unsynced(), sim.unsynced());
    assert!(next.lock("LOCK").unwrap().is_some());
    assert!(next.crash(1).lock("LOCK").unwrap().is_some());
    assert!(contents(&next).contains(&Some(vec![1; 1000])), "it isn't durable for that");
    drop(lock);
    next.open("a", Open::Read).unwrap().sync().unwrap();
    assert_eq!(contents(&next), [Some(vec![2; 1000])].into());
    assert!(contents(&sim).contains(&Some(vec![1; 1000])), "the old folder is another");
}

#[test]
fn a_lost_sync_stays_lost() {
    let (sim, file) = with_file(Medium::default(), &[1; 2048]);
    file.write_at(&[2; 512], 0).unwrap();
    sim.fail(Some(Fault { at: sim.calls() + 1, kind: Kind::SyncLost, forever: false }));
    assert!(file.sync().is_err());
    assert_eq!(sim.hits(), 1);
    file.write_at(&[3; 512], 1024).unwrap();
    file.sync().unwrap();
    let shown = [vec![2; 512], vec![1; 512], vec![3; 512], vec![1; 512]].concat();
    let held = [vec![1; 512], vec![1; 512], vec![3; 512], vec![1; 512]].concat();
    assert_eq!(sim.read("a").unwrap(), shown);
    assert_eq!(contents(&sim), [Some(held.clone())].into());
    let next = sim.restart();
    assert_eq!(next.read("a").unwrap(), shown, "the cache outlives the process");
    next.open("a", Open::Read).unwrap().evict().unwrap();
    assert_eq!(next.read("a").unwrap(), held);
}

#[test]
fn a_crash_costs_little() {
    let sim = Sim::new();
    for i in 0..4 {
        sim.put(&format!("{i}"), &vec![i as u8 + 1; 25 << 10]);
    }
    let file = sim.open("3", Open::Write).unwrap();
    for i in 0..10 {
        file.write_at(&[i as u8; 300], i * 1700).unwrap();
    }
    let (rounds, begin) = (20_000, Instant::now());
    for seed in 0..rounds {
        std::hint::black_box(sim.crash(seed));
    }
    let each = begin.elapsed() / rounds as u32;
    println!("a crash of {} unsynced sectors took {each:?}", sim.unsynced());
    let begin = Instant::now();
    for _ in 0..rounds {
        std::hint::black_box(sim.fingerprint());
    }
    println!("a fingerprint took {:?}", begin.elapsed() / rounds as u32);
    // A busy machine needs far less, and a copy of everything takes far more.
    assert!(each < Duration::from_micros(500), "{each:?}");
}

/// Makes random calls on one file, and collects the sectors and lengths that may differ after a crash.
#[test]
fn a_crash_harms_nothing_that_was_not_written() {
    for seed in 0..300 {
        let medium = Medium { overwrite_safe: seed % 2 == 0, direct: seed % 4 < 2 };
        let unit = if medium.overwrite_safe { 512 } else { 4096 };
        let (sim, file) = with_file(medium, &[1; 6000]);
        let mut rng = rng::Rng::new(seed);
        let (mut durable, mut dirty, mut shortest) = (vec![1; 6000], HashSet::new(), 6000);
        for step in 0..30_u8 {
            let (at, len) = (rng.below(8000), rng.below(1500));
            match rng.below(8) {
                0 => {
                    file.sync().unwrap();
                    durable = sim.read("a").unwrap();
                    shortest = durable.len();
                    dirty.clear();
                }
                1 => {
                    file.resize(at).unwrap();
                    shortest = shortest.min(at as usize);
                    dirty.insert(at / unit);
                }
                _ => {
                    file.write_at(&vec![step; len as usize], at).unwrap();
                    dirty.extend(at / unit..(at + len).div_ceil(unit));
                }
            }
            for image_seed in 0..10 {
                let bytes = sim.crash(rng.next() ^ image_seed).read("a").unwrap();
                assert!(bytes.len() >= shortest, "shorter than it ever was");
                for (i, (byte, old)) in bytes.iter().zip(&durable).enumerate().take(shortest) {
                    assert!(byte == old || dirty.contains(&(i as u64 / unit)), "seed {seed}, step {step}, byte {i}");
                }
            }
        }
    }
}
