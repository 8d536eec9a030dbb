//! Copies of the torn ends that recovery cuts off. The folder `salvage` keeps the newest ones.

use std::io;
use std::path::PathBuf;

use super::Cut;
use crate::fs::{Open, SALVAGE};
use crate::log::layout::{FileKind, StoreDir, parse_name, segment_name};

/// The most bytes of one copy.
const MOST_SALVAGED: u64 = 1 << 20;
/// The most copies that are kept, 16 MiB in all.
const MOST_COPIES: usize = 16;

/// The place and the number of a copy, which form its name. Later copies compare as greater: the log only grows, and the copies of one
/// place are numbered.
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

    /// Parses the name of a copy. Returns `None` for other names.
    fn parse(name: &str) -> Option<SavedCopy> {
        let mut parts = name.strip_prefix(SALVAGE)?.strip_prefix('/')?.split('-');
        let Some(FileKind::Segment(segment)) = parse_name(parts.next()?) else { return None };
        let offset = u64::from_str_radix(parts.next()?, 16).ok()?;
        let number = parts.next()?.parse().ok()?;
        Some(SavedCopy { segment, offset, number }).filter(|copy| copy.name() == name)
    }
}

/// Copies a torn end, and removes the oldest copies if there are too many.
///
/// Returns `None` if the copy can't be written, for example on a full disk, or if `salvage` isn't a folder. Then the torn end must stay.
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
        let mut earlier = vec![0; bytes.len() + 1];
        let len = file.read_at(&mut earlier, 0)?;
        if earlier[..len] == bytes {
            // An earlier open made this copy, and may have ended before its syncs.
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
    let excess = (copies.len() + 1).saturating_sub(MOST_COPIES);
    for copy in copies.iter().filter(|copy| **copy < new).take(excess) {
        // After a failure, the next copy removes it.
        let _ = dir.folder.remove(&copy.name());
    }
    Ok(Some(dir.file_path(&name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_are_ordered_by_number_and_other_names_are_ignored() {
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
