//! The creation of a segment: its space and its header.

use std::io;
use std::sync::Arc;

use super::{SEGMENT_HEAD, Segment};
use crate::error::{Error, Result};
use crate::fs::{Open, Throttle};
use crate::log::frame::BLOCK;
use crate::log::layout::{HEAD, StoreDir, StoreId, TMP, segment_name};

/// The most zeros that are written and synced at once, so that no sync of the log waits behind more.
const PIECE: u64 = 128 * 1024;

/// The space of a new segment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SegmentSpace {
    /// The length of the file, all of it reserved.
    pub(crate) reserved: u64,
    /// `true` if the space is filled with zeros: the sync of a small write into space that is only reserved takes twice as long. This
    /// pays where groups are small and each is synced.
    pub(crate) written: bool,
}

/// A finished segment that still has its `.tmp` name.
#[derive(Debug)]
pub(crate) struct UnnamedSegment(Segment);

impl UnnamedSegment {
    /// Gives the segment its name durably, and replaces an empty segment of that number.
    pub(crate) fn name(self, dir: &StoreDir) -> Result<Segment> {
        let name = self.0.name();
        dir.rename(&(name.clone() + TMP), &name)?;
        Ok(self.0)
    }
}

impl Segment {
    /// Creates the segment `seq` durably, and replaces an empty segment of that number.
    pub(crate) fn create(
        dir: &StoreDir,
        store: &StoreId,
        seq: u64,
        space: SegmentSpace,
        throttle: &Throttle<'_>,
    ) -> Result<Segment> {
        Segment::create_unnamed(dir, store, seq, space, throttle)?.name(dir)
    }

    /// Creates the segment `seq` under a `.tmp` name, without a change to other segments.
    pub(crate) fn create_unnamed(
        dir: &StoreDir,
        store: &StoreId,
        seq: u64,
        space: SegmentSpace,
        throttle: &Throttle<'_>,
    ) -> Result<UnnamedSegment> {
        let unfinished = segment_name(seq) + TMP;
        dir.remove_if_there(&unfinished)?;
        let created = Segment::write_tmp(dir, &unfinished, store, seq, space, throttle);
        if created.is_err() {
            // If this fails too, the next creation or the next open removes the file.
            let _ = dir.folder.remove(&unfinished);
        }
        created.map(UnnamedSegment)
    }

    fn write_tmp(
        dir: &StoreDir,
        name: &str,
        store: &StoreId,
        seq: u64,
        space: SegmentSpace,
        throttle: &Throttle<'_>,
    ) -> Result<Segment> {
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
        // A small file is written in small pieces, so that its buffers stay small too.
        let most = PIECE.min((reserved / 4).next_multiple_of(BLOCK));
        while offset < end {
            if throttle.is_cancelled() {
                return Err(Error::Closed);
            }
            piece.resize(most.min(end - offset) as usize, 0);
            file.write_through(&piece, offset).map_err(at("write and sync"))?;
            offset += piece.len() as u64;
            piece.clear();
            throttle.rest();
        }
        Ok(Segment { file, seq, salt, reserved })
    }
}

fn draw_salt() -> Result<u64> {
    Ok(u64::from_le_bytes(crate::log::layout::random()?))
}

pub(crate) fn header_block(store: &StoreId, seq: u64, salt: u64, reserved: u64) -> Vec<u8> {
    let mut block = vec![0; BLOCK as usize];
    block[HEAD..48].copy_from_slice(&seq.to_le_bytes());
    block[48..56].copy_from_slice(&salt.to_le_bytes());
    block[56..64].copy_from_slice(&reserved.to_le_bytes());
    block[64..68].copy_from_slice(&(BLOCK as u32).to_le_bytes());
    SEGMENT_HEAD.finish(store, &mut block);
    block
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::fs::WorkSignals;
    use crate::sim::Sim;

    fn create(sim: &Sim, written: bool, throttle: &Throttle<'_>) -> Result<Segment> {
        let dir = StoreDir { folder: Arc::new(sim.clone()), path: PathBuf::new() };
        Segment::create(&dir, &[7; 16], 1, SegmentSpace { reserved: 1 << 20, written }, throttle)
    }

    #[test]
    fn all_space_is_reserved_and_optionally_written() {
        let calls = [true, false].map(|written| {
            let sim = Sim::new();
            create(&sim, written, &Throttle::off()).unwrap();
            assert_eq!(
                sim.files().iter().map(|file| (file.name.as_str(), file.len)).collect::<Vec<_>>(),
                [("0000000000000001.wal", 1 << 20)]
            );
            assert_eq!(sim.unsynced(), 0);
            sim.calls()
        });
        // All eight pieces are written and synced, or only the first block.
        assert_eq!(calls[0] - calls[1], 2 * 7);
    }

    #[test]
    fn a_creation_can_be_cancelled() {
        let (sim, signals) = (Sim::new(), Arc::<WorkSignals>::default());
        let stop = signals.clone();
        sim.observe(Some(Arc::new(move |sim: &Sim| {
            if sim.calls() == 5 {
                stop.cancel();
            }
        })));
        assert!(matches!(create(&sim, true, &Throttle::background(&signals)), Err(Error::Closed)));
        assert!(sim.files().is_empty());
        assert!(sim.calls() < 10, "{}", sim.calls());
    }
}
