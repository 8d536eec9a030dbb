//! A simulated file: the bytes on the medium, the bytes in the cache, and the changes between them.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use super::bytes::{Bytes, SECTOR, Sector};

/// The most overwritten contents of one unsynced sector that are kept.
const VERSIONS_MAX: usize = 4;
/// The most unsynced lengths that are kept while a file only grows.
const LENGTHS_MAX: usize = 8;

/// A file without its name.
pub(super) struct Inode {
    /// The bytes that the medium certainly holds.
    pub(super) durable: Arc<Bytes>,
    /// The bytes that reads return.
    pub(super) cached: Arc<Bytes>,
    /// The sectors that were written since the last sync.
    pub(super) dirty: BTreeMap<u64, Dirty>,
    /// The lengths since the last sync, each with the number of the call that set it.
    pub(super) lengths: Vec<(u64, u64)>,
    /// The sectors that a failed sync lost. The cache holds them as clean, and the medium doesn't have them.
    lost: BTreeSet<u64>,
    /// Has a clone in each open handle, so that a file without a name lives as long as its handles.
    pub(super) pin: Arc<()>,
}

/// A sector that was written since the last sync. [`Inode::cached`] has its newest contents.
#[derive(Clone)]
pub(super) struct Dirty {
    /// The call that wrote the newest contents.
    pub(super) call: u64,
    /// Older unsynced contents, each with its call: the disk may have got them before they were overwritten.
    pub(super) older: Vec<(u64, Arc<Sector>)>,
}

impl Inode {
    pub(super) fn new(content: Arc<Bytes>) -> Inode {
        Inode {
            durable: Arc::clone(&content),
            cached: content,
            dirty: BTreeMap::new(),
            lengths: Vec::new(),
            lost: BTreeSet::new(),
            pin: Arc::new(()),
        }
    }

    /// Copies the file for another image, without its handles.
    pub(super) fn copy(&self) -> Inode {
        Inode {
            durable: Arc::clone(&self.durable),
            cached: Arc::clone(&self.cached),
            dirty: self.dirty.clone(),
            lengths: self.lengths.clone(),
            lost: self.lost.clone(),
            pin: Arc::new(()),
        }
    }

    /// Writes bytes, and marks whole units of `unit` sectors as written.
    pub(super) fn write(&mut self, call: u64, bytes: &[u8], offset: u64, unit: u64) {
        if bytes.is_empty() {
            return;
        }
        self.touch_units(call, offset..offset + bytes.len() as u64, unit);
        let old = self.cached.len();
        Arc::make_mut(&mut self.cached).write_at(bytes, offset);
        self.note_length(call, old);
    }

    pub(super) fn resize(&mut self, call: u64, len: u64, unit: u64) {
        let (old, sector) = (self.cached.len(), SECTOR as u64);
        // A cut clears the rest of its last unit, and discards unsynced writes behind it. It writes no synced sectors behind it: they stay
        // if a crash loses the cut.
        if len < old {
            if !len.is_multiple_of(unit * sector) {
                self.touch_units(call, len..len + 1, unit);
            }
            let behind = len.div_ceil(unit * sector) * unit;
            let behind: Vec<u64> = self.dirty.range(behind..).map(|(&number, _)| number).collect();
            for number in behind {
                self.touch(call, number);
            }
        }
        Arc::make_mut(&mut self.cached).set_len(len);
        self.note_length(call, old);
    }

    /// Marks the units that hold these bytes as written by `call`.
    fn touch_units(&mut self, call: u64, bytes: Range<u64>, unit: u64) {
        let size = unit * SECTOR as u64;
        for number in bytes.start / size * unit..bytes.end.div_ceil(size) * unit {
            self.touch(call, number);
        }
    }

    /// Marks a sector as written by `call`, before the write.
    fn touch(&mut self, call: u64, number: u64) {
        self.lost.remove(&number);
        if let Some(dirty) = self.dirty.get_mut(&number) {
            if dirty.older.len() == VERSIONS_MAX {
                dirty.older.remove(VERSIONS_MAX / 2);
            }
            dirty.older.push((dirty.call, Arc::new(self.cached.sector(number))));
            dirty.call = call;
        } else {
            self.dirty.insert(number, Dirty { call, older: Vec::new() });
        }
    }

    fn note_length(&mut self, call: u64, old: u64) {
        let len = self.cached.len();
        if len == old {
            return;
        }
        // A file can grow thousands of times between two syncs; a few of the lengths are enough.
        if let [.., (_, before), last] = &mut self.lengths[..]
            && *before <= last.1
            && last.1 <= len
            && self.lengths.len() >= LENGTHS_MAX
        {
            self.lengths.pop();
        }
        self.lengths.push((call, len));
    }

    /// Returns the shortest of the unsynced lengths whose call `counts` accepts: the bytes after it were cut off.
    pub(super) fn cut(&self, counts: impl Fn(u64) -> bool) -> u64 {
        self.lengths.iter().filter(|(call, _)| counts(*call)).map(|(_, len)| *len).min().unwrap_or(u64::MAX)
    }

    pub(super) fn is_clean(&self) -> bool {
        self.dirty.is_empty() && self.lengths.is_empty()
    }

    /// Returns the bytes of the medium once it has all dirty sectors.
    pub(super) fn flushed(&self) -> Arc<Bytes> {
        if self.lost.is_empty() {
            return Arc::clone(&self.cached);
        }
        let mut flushed = Arc::clone(&self.durable);
        let bytes = Arc::make_mut(&mut flushed);
        if !self.lengths.is_empty() {
            bytes.set_len(self.cut(|_| true).min(bytes.len()));
            bytes.set_len(self.cached.len());
        }
        for &number in self.dirty.keys() {
            bytes.put_sector(number, &self.cached.sector(number));
        }
        flushed
    }

    pub(super) fn sync(&mut self) {
        self.durable = self.flushed();
        self.dirty.clear();
        self.lengths.clear();
    }

    /// Performs a sync that fails: the cache keeps the sectors as clean, and the medium doesn't get them. The length belongs to the file
    /// system, and can still be synced.
    pub(super) fn lose(&mut self) {
        self.lost.extend(std::mem::take(&mut self.dirty).into_keys());
    }

    /// Drops the clean sectors from the cache.
    pub(super) fn evict(&mut self) {
        for number in std::mem::take(&mut self.lost) {
            Arc::make_mut(&mut self.cached).put_sector(number, &self.durable.sector(number));
        }
    }

    /// Flips one bit in the cache and on the medium, and returns `false` if the file is too short.
    pub(super) fn flip(&mut self, bit: u64) -> bool {
        let (offset, mask) = (bit / 8, 1 << (bit % 8));
        for bytes in [&mut self.durable, &mut self.cached] {
            let mut byte = [0];
            if bytes.read_at(&mut byte, offset) == 1 {
                Arc::make_mut(bytes).write_at(&[byte[0] ^ mask], offset);
            }
        }
        offset < self.cached.len()
    }
}
