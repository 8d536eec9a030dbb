//! Creating a store.

use super::{FolderFiles, OpenedStore, Recovery};
use crate::checkpoint;
use crate::error::{Error, Result};
use crate::fs::{Open, Throttle};
use crate::log::frame::BLOCK;
use crate::log::journal::LogPosition;
use crate::log::layout::{Identity, STORE, StoreDir, checkpoint_name, segment_name};
use crate::log::segment::{NextFrame, Segment, SegmentSpace};
use crate::lsn::{Lsn, Position};
use crate::panic::drop_quietly;
use crate::schema::state::WalState;

/// The length of the empty first segment of a new store. The first mutation replaces the segment.
const FIRST_SEGMENT: u64 = 4 * BLOCK;

/// Refuses a folder without `STORE` that holds more than an interrupted creation leaves.
pub(super) fn refuse_without_store(dir: &StoreDir, files: &FolderFiles) -> Result<()> {
    if let Some(name) = files.old.first() {
        let format = "the format of walr 0.1, which this version doesn't read";
        let advice = "replay this folder with walr 0.1, and make the calls again in another folder";
        return Err(Error::Older { path: dir.file_path(name), format, advice });
    }
    let missing = |reason| Err(Error::Missing { path: dir.file_path(STORE), reason });
    if let Some(lsn) = files.checkpoints.iter().find(|lsn| lsn.get() > 0) {
        return missing(format!("the file is missing, and the folder holds a checkpoint of lsn {lsn}"));
    }
    for &seq in &files.segments {
        let name = segment_name(seq);
        let path = dir.file_path(&name);
        let file = dir.folder.open(&name, Open::Read).map_err(|e| Error::io("open", &path, e))?;
        let mut bytes = vec![0; FIRST_SEGMENT as usize];
        let len = file.read_at(&mut bytes, 0).map_err(|e| Error::io("read", &path, e))?;
        let empty = bytes[..len].iter().skip(BLOCK as usize).all(|&byte| byte == 0);
        if seq != 1 || !empty {
            return missing(format!("the file is missing, and the segment {name} holds records"));
        }
    }
    Ok(())
}

/// Creates a store with the state `first`. `STORE` is written last: until then there is no store.
pub(super) fn create<S: WalState>(dir: &StoreDir, files: &FolderFiles, first: S) -> Result<OpenedStore<S>> {
    remove_unfinished(dir, files)?;
    let identity = Identity::random()?;
    let written =
        checkpoint::write(dir, &identity.store, Lsn::default(), Position::default(), &first, &Throttle::off())?;
    drop_quietly(first);
    let written = written.sync(dir)?;
    let bytes = written.bytes;
    let state = written.read_back::<S>(dir, &identity.store, &Throttle::off())?;
    written.commit(dir)?;
    let position = create_log(dir, &identity)?;
    let report = Recovery { created: true, checkpoint_bytes: bytes, ..Recovery::default() };
    Ok(OpenedStore { state, identity, position, checkpoints: vec![Lsn::default()], aborts: Vec::new(), report })
}

/// Removes the files of an interrupted creation.
fn remove_unfinished(dir: &StoreDir, files: &FolderFiles) -> Result<()> {
    for name in files.unfinished.iter().cloned().chain(files.segments.iter().map(|&seq| segment_name(seq))) {
        dir.remove_if_there(&name)?;
    }
    dir.remove_if_there(&checkpoint_name(Lsn::default()))
}

/// Creates the first segment, and then `STORE`.
fn create_log(dir: &StoreDir, identity: &Identity) -> Result<LogPosition> {
    let space = SegmentSpace { reserved: FIRST_SEGMENT, written: false };
    Segment::create(dir, &identity.store, 1, space, &Throttle::off())?;
    identity.write(dir)?;
    let next = NextFrame { number: 1, chain: 0, lsn: Lsn::new(1) };
    Ok(LogPosition { extents: Vec::new(), next, unwritten_aborts: Vec::new(), marked: true, trim: None })
}
