//! Copies of what a recovery cuts off, in the folder `salvage`: the newest ones, within a bound.

use std::io;
use std::path::PathBuf;

use super::Cut;
use crate::fs::{Open, SALVAGE};
use crate::log::layout::{FileKind, StoreDir, parse_name, segment_name};

/// Of a torn tail, at most this much is copied.
const MOST_SALVAGED: u64 = 1 << 20;
/// At most so many copies are kept: 16 MiB in all.
const MOST_COPIES: usize = 16;

/// The place and the number of a copy, which are its name. Later copies compare as greater: the log only grows, and the copies
/// of one place are numbered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct SavedCopy {
    segment: u64,
    offset: u64,
    number: u64,
}

impl SavedCopy {
    fn name(self) -> String {
        format!("{SALVAGE}/{}-{:x}-{}", segment_name(self.segment), self.offset, self.number)
    }

    /// The copy of this name; `None` for what isn't ours.
    fn parse(name: &str) -> Option<SavedCopy> {
        let mut parts = name.strip_prefix(SALVAGE)?.strip_prefix('/')?.split('-');
        let Some(FileKind::Segment(segment)) = parse_name(parts.next()?) else { return None };
        let offset = u64::from_str_radix(parts.next()?, 16).ok()?;
        let number = parts.next()?.parse().ok()?;
        Some(SavedCopy { segment, offset, number }).filter(|copy| copy.name() == name)
    }
}

/// Keeps a copy of what is cut off; `None` where it can't be written, as on a full disk, or where something else stands in the
/// place of the folder: then what is to be cut off stays where it is. The oldest copies beyond the bound are removed.
pub(super) fn salvage(dir: &StoreDir, cut: &Cut) -> Option<PathBuf> {
    copy(dir, cut).ok().flatten()
}

fn copy(dir: &StoreDir, cut: &Cut) -> io::Result<Option<PathBuf>> {
    let from = cut.path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let Some(FileKind::Segment(segment)) = parse_name(from) else { return Ok(None) };
    let mut bytes = vec![0; cut.bytes.min(MOST_SALVAGED) as usize];
    let len = dir.folder.open(from, Open::Read)?.read_at(&mut bytes, cut.offset)?;
    bytes.truncate(len);
    let mut copies: Vec<SavedCopy> =
        dir.folder.list_salvage()?.iter().filter_map(|entry| SavedCopy::parse(&entry.name)).collect();
    copies.sort_unstable();
    let mut new = SavedCopy { segment, offset: cut.offset, number: 0 };
    for copy in copies.iter().filter(|copy| (copy.segment, copy.offset) == (segment, cut.offset)) {
        let name = copy.name();
        let file = dir.folder.open(&name, Open::Read)?;
        let mut same = vec![0; bytes.len() + 1];
        let len = file.read_at(&mut same, 0)?;
        if same[..len] == bytes {
            // An earlier open was here, and may have ended before its syncs.
            file.sync()?;
            dir.folder.sync()?;
            return Ok(Some(dir.file_path(&name)));
        }
        new.number = copy.number.saturating_add(1);
    }
    let name = new.name();
    let file = dir.folder.open(&name, Open::Create)?;
    file.write_at(&bytes, 0)?;
    file.sync()?;
    dir.folder.sync()?;
    let beyond = (copies.len() + 1).saturating_sub(MOST_COPIES);
    for copy in copies.iter().filter(|copy| **copy < new).take(beyond) {
        // What can't be removed now is removed after the next copy.
        let _ = dir.folder.remove(&copy.name());
    }
    Ok(Some(dir.file_path(&name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_are_in_the_order_of_their_numbers_and_others_are_none_of_ours() {
        let names = ["0000000000000009.wal-ff0-10", "000000000000000a.wal-ff0-2", "000000000000000a.wal-1000-1"];
        let copies = names.map(|name| SavedCopy::parse(&format!("salvage/{name}")).unwrap());
        assert!(copies.is_sorted(), "{copies:?}");
        assert_eq!(copies.map(SavedCopy::name), names.map(|name| format!("salvage/{name}")));
        for foreign in
            ["9.wal-0-0", "0000000000000009.wal-0-00", "0000000000000009.wal-0-0-0", "0000000000000009.wal-F-0"]
        {
            assert_eq!(SavedCopy::parse(&format!("salvage/{foreign}")), None, "{foreign}");
        }
        assert_eq!(SavedCopy::parse("0000000000000009.wal-0-0"), None);
    }
}
