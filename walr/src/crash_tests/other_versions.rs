//! Files that an older or a newer version wrote.

use std::sync::Arc;

use super::state::TallyLog;
use super::{Dice, Driver, Plan, ids, open};
use crate::error::Error;
use crate::log::layout::{HEAD, STORE, put_crc};
use crate::options::Config;
use crate::sim::Sim;

/// The offsets in the head of a file.
const FORMAT_AT: usize = 8;
const REQUIRED_AT: usize = 12;
const IGNORABLE_AT: usize = 16;
const CODEC_AT: usize = 20;

const IDS: [u32; 3] = [1, 2, 3];

/// Returns a store that isn't closed: a checkpoint, and a record above it.
fn store() -> Sim {
    let plan = Plan { slices: false, ..Plan::sync(0) };
    let sim = plan.folder();
    let mut driver = Driver::new(&sim, &plan, Arc::default()).unwrap();
    driver.group(vec![vec![TallyLog::Push(1, vec![]), TallyLog::Push(2, vec![])]]).unwrap();
    driver.checkpoint().unwrap();
    driver.group(vec![vec![TallyLog::Push(3, vec![])]]).unwrap();
    drop(driver);
    sim.restart()
}

/// Returns `STORE`, the newest checkpoint and the newest segment, each with the length of its header.
fn newest_files(sim: &Sim) -> [(String, usize); 3] {
    let newest = |suffix: &str| {
        let named = sim.files().into_iter().map(|file| file.name).filter(|name| name.ends_with(suffix));
        named.max().unwrap()
    };
    [(STORE.to_string(), 64), (newest(".ckpt"), 96), (newest(".wal"), 4096)]
}

/// Returns a copy of the store with another number in the head of a file.
fn with_number(sim: &Sim, (name, header): &(String, usize), at: usize, number: u32) -> Sim {
    let changed = sim.restart();
    let mut bytes = changed.read(name).unwrap();
    bytes[at..at + 4].copy_from_slice(&number.to_le_bytes());
    put_crc(&mut bytes[..*header]);
    changed.put(name, &bytes);
    changed
}

/// Opens the store, which is refused and stays as it is.
fn refusal(sim: &Sim) -> Error {
    let before = sim.fingerprint();
    let error = open(sim, &Config::default()).err().expect("a refusal");
    assert_eq!(sim.fingerprint(), before, "{error:?} changed something");
    error
}

#[test]
fn unknown_ignorable_flags_are_ignored() {
    let mut sim = store();
    for file in newest_files(&sim) {
        sim = with_number(&sim, &file, IGNORABLE_AT, u32::MAX);
    }
    assert_eq!(ids(&open(&sim, &Config::default()).unwrap()), IDS);
}

#[test]
fn what_a_newer_version_wrote_is_refused_by_name() {
    let sim = store();
    for file in newest_files(&sim) {
        for (at, number, unknown) in
            [(FORMAT_AT, 3, "the format 3"), (REQUIRED_AT, 0b110, "the required flag 1"), (CODEC_AT, 7, "the codec 7")]
        {
            let error = refusal(&with_number(&sim, &file, at, number));
            assert!(matches!(error, Error::Newer { .. }), "{error:?}");
            assert!(error.to_string().contains(&format!("{} has {unknown}, ", file.0)), "{error}");
        }
    }
    let [.., segment] = newest_files(&sim);
    let error = refusal(&with_number(&sim, &segment, 64, 8192));
    assert!(error.to_string().contains("has the block size 8192, "), "{error}");
}

#[test]
fn a_longer_file_of_a_newer_format_is_no_corruption() {
    let sim = store();
    let [identity, ..] = newest_files(&sim);
    let newer = with_number(&sim, &identity, FORMAT_AT, 3);
    newer.put(STORE, &[newer.read(STORE).unwrap(), vec![1; 64]].concat());
    assert!(matches!(refusal(&newer), Error::Newer { .. }));
}

#[test]
fn the_unreleased_format_is_refused_by_name() {
    let sim = store();
    for file in newest_files(&sim) {
        let error = refusal(&with_number(&sim, &file, FORMAT_AT, 1));
        assert!(error.to_string().contains("is in format 1, which was never released; "), "{error}");
    }
}

#[test]
fn garbage_behind_the_head_of_a_file_is_harmless_or_refused() {
    let sim = store();
    let mut dice = Dice::new(1);
    for (name, header) in newest_files(&sim) {
        let (mut opened, mut refused) = (0, 0);
        for _ in 0..500 {
            let changed = sim.restart();
            let mut bytes = changed.read(&name).unwrap();
            let start = HEAD + dice.below(36) as usize;
            let end = (start + dice.below(8) as usize).min(header - 4);
            bytes[start.min(end)..end].iter_mut().for_each(|byte| *byte = dice.below(256) as u8);
            put_crc(&mut bytes[..header]);
            changed.put(&name, &bytes);
            let before = changed.fingerprint();
            match open(&changed, &Config::default()) {
                Ok(committer) => {
                    opened += 1;
                    assert!(IDS.starts_with(&ids(&committer)), "{name}");
                }
                Err(error) => {
                    refused += 1;
                    assert_eq!(changed.fingerprint(), before, "{name}: {error:?} changed something");
                }
            }
        }
        println!("{name}: {opened} opened, {refused} refused");
    }
}
