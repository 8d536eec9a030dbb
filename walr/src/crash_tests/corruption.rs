//! Corruption of a store that isn't open: flipped bits, zeroed, swapped and doubled sectors, removed and mixed files.
//!
//! An open must find the right state or refuse, and a refusal must change nothing.

use std::sync::Arc;

use super::state::TallyLog;
use super::{Driver, Plan, Way, ids, open};
use crate::error::Error;
use crate::log::frame::{self, FrameHeader, FrameKind, FramePlace, HEADER};
use crate::lsn::Lsn;
use crate::options::Config;
use crate::sim::Sim;

const SECTOR: usize = 512;
/// The kinds of stores, as `(unclean, padded)`: not closed, and with padded groups.
const KINDS: [(bool, bool); 4] = [(false, false), (true, false), (false, true), (true, true)];

/// Returns a small store and its ids: two checkpoints, several segments, a batch and an abort. It is closed unless `unclean`.
fn store(unclean: bool, padded: bool) -> (Sim, Vec<u32>) {
    let way = Way::new(if padded { 2 } else { 0 }, 0);
    let plan = Plan { slices: false, segment_size: 4096, way, ..Plan::sync(0) };
    assert_eq!(way.padded, padded);
    let sim = plan.folder();
    let model = Arc::default();
    let mut driver = Driver::new(&sim, &plan, model).unwrap();
    let push = |id| TallyLog::Push(id, vec![id as u8; 40]);
    driver.group(vec![vec![push(1)], vec![push(2), push(3)]]).unwrap();
    driver.checkpoint().unwrap();
    driver.group(vec![vec![push(4)], vec![TallyLog::Boom(5)], vec![push(6)]]).unwrap();
    driver.group(vec![vec![push(7)]]).unwrap();
    driver.checkpoint().unwrap();
    driver.group(vec![vec![push(8)]]).unwrap();
    driver.mark();
    driver.group(vec![vec![push(9), push(10)]]).unwrap();
    let all = ids(&driver.committer);
    if !unclean {
        driver.close().unwrap();
    }
    (sim.restart(), all)
}

/// Opens a corrupt copy, and returns whether it opens. Its state must be `all`, but the last `optional` ids may be missing.
fn judge(image: &Sim, all: &[u32], optional: usize, what: &str) -> bool {
    let before = image.fingerprint();
    match open(image, &Config::default()) {
        Ok(committer) => {
            let found = ids(&committer);
            let whole = found == all || found == all[..all.len() - optional];
            assert!(whole, "{what}: {found:?}");
            true
        }
        Err(error) => {
            assert_eq!(image.fingerprint(), before, "{what}: the refusal changed something: {error:?}");
            let named = matches!(error, Error::Corrupt { .. } | Error::Missing { .. } | Error::Newer { .. });
            assert!(named, "{what}: {error:?}");
            false
        }
    }
}

fn files(sim: &Sim) -> Vec<(String, Vec<u8>)> {
    let named = |entry: crate::fs::Entry| sim.read(&entry.name).map(|bytes| (entry.name, bytes));
    sim.files().into_iter().filter_map(named).collect()
}

#[test]
fn every_flipped_bit_is_harmless_or_refused() {
    for (unclean, padded) in KINDS {
        let (sim, all) = store(unclean, padded);
        let optional = if unclean { 2 } else { 0 };
        let (mut flips, mut refused) = (0u64, 0u64);
        for (name, bytes) in files(&sim) {
            for bit in worthwhile(&bytes, padded) {
                let image = sim.restart();
                assert!(image.flip(&name, bit));
                flips += 1;
                refused += u64::from(!judge(&image, &all, optional, &format!("bit {bit} of {name}")));
            }
        }
        println!("flips: {flips}, {refused} refused (unclean: {unclean}, padded: {padded})");
        assert!(refused > flips / 8);
    }
}

/// Returns the bits of a file to flip: all, except in long stretches of zeros, where one flip is like another.
///
/// Of such a stretch, one bit is flipped in each of the first 64 bytes, and then in each sector. The stretch is the end of the file, or
/// with padding any stretch.
fn worthwhile(bytes: &[u8], padded: bool) -> Vec<u64> {
    let end = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |at| at + 1);
    let mut bits = Vec::new();
    let mut zeros = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        if zeros == 0 || at < end && !padded {
            bits.extend((at * 8..at * 8 + 8).map(|bit| bit as u64));
        } else if zeros <= 64 || at % SECTOR == 8 {
            bits.push(at as u64 * 8);
        }
    }
    bits
}

#[test]
fn zeroed_swapped_and_doubled_sectors_are_harmless_or_refused() {
    for (unclean, padded) in KINDS {
        let (sim, all) = store(unclean, padded);
        let optional = if unclean { 2 } else { 0 };
        let files = files(&sim);
        for (name, bytes) in &files {
            for at in (0..bytes.len()).step_by(SECTOR) {
                let end = (at + SECTOR).min(bytes.len());
                let put = |what: &str, change: &dyn Fn(&mut Vec<u8>)| {
                    let mut changed = bytes.clone();
                    change(&mut changed);
                    let image = sim.restart();
                    image.put(name, &changed);
                    judge(&image, &all, optional, &format!("{what} sector {} of {name}", at / SECTOR));
                };
                put("zeroed", &|bytes| bytes[at..end].fill(0));
                put("cut from", &|bytes| bytes.truncate(at));
                for to in (0..bytes.len()).step_by(SECTOR).filter(|to| to + SECTOR <= bytes.len() && end - at == SECTOR)
                {
                    put("doubled", &|bytes| bytes.copy_within(at..end, to));
                    put("swapped", &|bytes| {
                        let sector = bytes[to..to + SECTOR].to_vec();
                        bytes.copy_within(at..end, to);
                        bytes[at..end].copy_from_slice(&sector);
                    });
                }
            }
        }
    }
}

#[test]
fn removed_and_mixed_files_are_harmless_or_refused() {
    for padded in [false, true] {
        remove_and_mix(padded);
    }
}

fn remove_and_mix(padded: bool) {
    let (sim, all) = store(false, padded);
    let (other, _) = store(false, padded);
    let files = files(&sim);
    for (name, bytes) in &files {
        let image = sim.restart();
        assert!(image.delete(name));
        let harmless = judge(&image, &all, 0, &format!("without {name}"));
        assert!(!harmless || name.ends_with(".ckpt"), "{name} is missing, and the store opens");
        if let Some(foreign) = other.read(name) {
            let image = sim.restart();
            image.put(name, &foreign);
            judge(&image, &all, 0, &format!("another store's {name}"));
        }
        for (elsewhere, _) in &files {
            let image = sim.restart();
            image.put(elsewhere, bytes);
            judge(&image, &all, 0, &format!("{name} as {elsewhere}"));
        }
    }
}

/// Commits a record that holds a valid frame for its own offset in the file, and tears the frame around it. Returns `true` if recovery
/// takes the forged frame for a frame.
///
/// Without a `salt`, the record has the salt of the segment.
fn is_forgery_taken(salt: Option<u64>) -> bool {
    let sim = Sim::new();
    let plan = Plan { slices: false, segment_size: 64 << 10, ..Plan::sync(0) };
    let mut driver = Driver::new(&sim, &plan, Arc::default()).unwrap();
    driver.group(vec![vec![TallyLog::Push(1, vec![])]]).unwrap();
    let segment = sim.files().into_iter().find(|file| file.name.ends_with("1.wal")).unwrap();
    let bytes = sim.read(&segment.name).unwrap();
    let salt = salt.unwrap_or_else(|| frame::u64_at(&bytes, 48));
    let end = bytes.iter().rposition(|&byte| byte != 0).unwrap() as u64 + 1;
    let frame_at = end.next_multiple_of(8);
    // Before the vector's bytes: two bytes for the record's length, the variant, the id, three bytes for the vector's length.
    let payload_at = frame_at + HEADER as u64 + 2 + 1 + 1 + 3;
    let mut payload = vec![0; (payload_at.next_multiple_of(8) - payload_at) as usize];
    let place = FramePlace { salt, offset: payload_at.next_multiple_of(8) };
    let header = FrameHeader {
        kind: FrameKind::Mark,
        flags: 0,
        number: 1 << 40,
        durable: (1 << 40) - 1,
        first_lsn: Lsn::new(9),
        applied: Lsn::default(),
        digest: 0,
        epoch: 0,
        position: 0,
        written_ms: 0,
        body_len: 0,
        count: 0,
        body_crc: 0,
        chain: 0,
    };
    let mut frame = vec![0; HEADER];
    frame::finish(&mut frame, 0, header, place);
    payload.extend_from_slice(&frame);
    payload.resize(1000, 1);
    driver.group(vec![vec![TallyLog::Push(2, payload)]]).unwrap();
    drop(driver);
    let image = sim.restart();
    let mut bytes = image.read(&segment.name).unwrap();
    bytes[frame_at as usize + 900..].fill(0);
    image.put(&segment.name, &bytes);
    matches!(open(&image, &plan.config()), Err(Error::Corrupt { .. }))
}

#[test]
fn only_the_salt_of_the_segment_makes_a_forged_frame_valid() {
    assert!(!is_forgery_taken(Some(0x1234)));
    assert!(is_forgery_taken(None));
}
