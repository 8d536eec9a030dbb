//! A new segment: its space, and its header.

use std::io;
use std::sync::Arc;

use super::{CRC_AT, MAGIC, Segment};
use crate::error::{Error, Result};
use crate::fs::Open;
use crate::log::frame::BLOCK;
use crate::log::layout::{Dir, FORMAT, StoreId, TMP, segment_name};
use crate::pace::Pace;

/// How many zeros are written and synced at a time, so that no sync of the log waits behind more.
const PIECE: u64 = 128 * 1024;

/// The space that a new segment gets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Space {
    /// How long the file is made, all of it reserved.
    pub(crate) reserved: u64,
    /// Whether it is also written: the sync of a small write to space that was reserved only costs twice as much. It pays
    /// where groups are small and each is synced.
    pub(crate) written: bool,
}

/// A segment that is made, and hasn't got its name yet.
#[derive(Debug)]
pub(crate) struct Unnamed(Segment);

impl Unnamed {
    /// Gives the segment its name, durably, and takes it from an empty one of that number.
    pub(crate) fn name(self, dir: &Dir) -> Result<Segment> {
        let name = self.0.name();
        dir.rename(&(name.clone() + TMP), &name)?;
        Ok(self.0)
    }
}

impl Segment {
    /// Creates the segment `seq`, durable under its name, replacing an empty one of that number.
    pub(crate) fn create(dir: &Dir, store: &StoreId, seq: u64, space: Space, pace: &Pace<'_>) -> Result<Segment> {
        Segment::make(dir, store, seq, space, pace)?.name(dir)
    }

    /// Makes the segment `seq`, all but its name. Nothing that has a name is changed, and a failure leaves no more than a
    /// `.tmp` behind.
    pub(crate) fn make(dir: &Dir, store: &StoreId, seq: u64, space: Space, pace: &Pace<'_>) -> Result<Unnamed> {
        let unfinished = segment_name(seq) + TMP;
        dir.remove_if_there(&unfinished)?;
        let made = Segment::fill(dir, &unfinished, store, seq, space, pace);
        if made.is_err() {
            // The first error is the one to tell; what stays is removed by the next try or the next open.
            let _ = dir.folder.remove(&unfinished);
        }
        made.map(Unnamed)
    }

    fn fill(dir: &Dir, name: &str, store: &StoreId, seq: u64, space: Space, pace: &Pace<'_>) -> Result<Segment> {
        let (path, reserved) = (dir.file_path(name), space.reserved);
        let at = |action| {
            let path = path.clone();
            move |e: io::Error| match e.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    Error::Full { path, needed: reserved, source: Arc::new(e) }
                }
                _ => Error::io(action, path, e),
            }
        };
        let file = dir.folder.open(name, Open::Create).map_err(at("create"))?;
        file.resize(reserved).map_err(at("reserve"))?;
        let salt = draw_salt()?;
        let mut piece = header_block(store, seq, salt, reserved);
        let (mut offset, end) = (0, if space.written { reserved } else { BLOCK });
        // A small store's file gets small pieces: its buffers stay small too.
        let most = PIECE.min((reserved / 4).next_multiple_of(BLOCK));
        while offset < end {
            if pace.is_stopped() {
                return Err(Error::Closed);
            }
            piece.resize(most.min(end - offset) as usize, 0);
            file.write_through(&piece, offset).map_err(at("write and sync"))?;
            offset += piece.len() as u64;
            piece.clear();
            pace.pause();
        }
        Ok(Segment { file, seq, salt, reserved })
    }
}

fn draw_salt() -> Result<u64> {
    Ok(u64::from_le_bytes(crate::log::layout::random()?))
}

pub(crate) fn header_block(store: &StoreId, seq: u64, salt: u64, reserved: u64) -> Vec<u8> {
    let mut block = vec![0; BLOCK as usize];
    block[..8].copy_from_slice(&MAGIC);
    block[8..12].copy_from_slice(&FORMAT.to_le_bytes());
    block[12..16].copy_from_slice(&(BLOCK as u32).to_le_bytes());
    block[16..32].copy_from_slice(store);
    block[32..40].copy_from_slice(&seq.to_le_bytes());
    block[40..48].copy_from_slice(&salt.to_le_bytes());
    block[48..56].copy_from_slice(&reserved.to_le_bytes());
    let crc = crc32c::crc32c(&block[..CRC_AT]);
    block[CRC_AT..].copy_from_slice(&crc.to_le_bytes());
    block
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::pace::Signals;
    use crate::sim::Sim;

    fn create(sim: &Sim, written: bool, pace: &Pace<'_>) -> Result<Segment> {
        let dir = Dir { folder: Arc::new(sim.clone()), path: PathBuf::new() };
        Segment::create(&dir, &[7; 16], 1, Space { reserved: 1 << 20, written }, pace)
    }

    #[test]
    fn space_is_reserved_whole_and_written_where_that_is_asked_for() {
        let calls = [true, false].map(|written| {
            let sim = Sim::new();
            create(&sim, written, &Pace::full()).unwrap();
            assert_eq!(
                sim.files().iter().map(|file| (file.name.as_str(), file.len)).collect::<Vec<_>>(),
                [("0000000000000001.wal", 1 << 20)]
            );
            assert_eq!(sim.unsynced(), 0);
            sim.calls()
        });
        // Eight pieces are written and synced, or only the first block.
        assert_eq!(calls[0] - calls[1], 2 * 7);
    }

    #[test]
    fn a_creation_ends_early_when_nobody_wants_the_segment_any_more() {
        let (sim, signals) = (Sim::new(), Arc::<Signals>::default());
        let stop = signals.clone();
        sim.observe(Some(Arc::new(move |sim: &Sim| {
            if sim.calls() == 5 {
                stop.stop();
            }
        })));
        assert!(matches!(create(&sim, true, &Pace::gentle(&signals)), Err(Error::Closed)));
        assert!(sim.files().is_empty());
        assert!(sim.calls() < 10, "{}", sim.calls());
    }
}
