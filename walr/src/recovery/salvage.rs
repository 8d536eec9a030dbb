//! Copies of what a recovery cuts off.

use std::path::PathBuf;

use super::Cut;
use crate::fs::{Open, SALVAGE};
use crate::log::layout::Dir;

/// Of a torn tail, at most this much is copied.
const MOST_SALVAGED: u64 = 1 << 20;
/// At most so many copies are kept of what stood at one place.
const MOST_COPIES: u32 = 16;

/// Keeps a copy of what is cut off; `None` where it can't be written, as on a full disk: then it stays where it is.
pub(super) fn salvage(dir: &Dir, cut: &Cut) -> Option<PathBuf> {
    let from = cut.path.file_name()?.to_str()?;
    let source = dir.folder.open(from, Open::Read).ok()?;
    let mut bytes = vec![0; cut.bytes.min(MOST_SALVAGED) as usize];
    let len = source.read_at(&mut bytes, cut.offset).ok()?;
    bytes.truncate(len);
    for copy in 0..MOST_COPIES {
        let name = format!("{SALVAGE}/{from}-{:x}-{copy}", cut.offset);
        let file = match dir.folder.open(&name, Open::Create) {
            Ok(file) => file,
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {
                // An earlier open was here, and ended before anything was written behind; or it cut something else.
                let there = dir.folder.open(&name, Open::Read).ok()?;
                let mut same = vec![0; bytes.len() + 1];
                let len = there.read_at(&mut same, 0).ok()?;
                if same[..len] == bytes {
                    return Some(dir.file_path(&name));
                }
                continue;
            }
            Err(_) => return None,
        };
        let kept = file.write_at(&bytes, 0).and_then(|()| file.sync()).and_then(|()| dir.folder.sync());
        return kept.ok().map(|()| dir.file_path(&name));
    }
    None
}
