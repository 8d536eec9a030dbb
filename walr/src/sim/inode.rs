//! A simulated file: what the medium holds, what the cache shows, and what lies between them.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use super::bytes::{Bytes, SECTOR, Sector};

/// How many overwritten contents of one unsynced sector are remembered.
const VERSIONS_MAX: usize = 4;
/// How many unsynced lengths are remembered while a file only grows.
const LENGTHS_MAX: usize = 8;

/// A file without its name.
pub(super) struct Inode {
    /// What is on the medium for certain.
    pub(super) durable: Arc<Bytes>,
    /// What reads show.
    pub(super) cached: Arc<Bytes>,
    /// The sectors written since the last sync.
    pub(super) dirty: BTreeMap<u64, Dirty>,
    /// The lengths since the last sync, each with the number of the call that set it.
    pub(super) lengths: Vec<(u64, u64)>,
    /// Sectors that a failed sync gave up: the cache shows them as written and clean, the medium never got them.
    gone: BTreeSet<u64>,
    /// One clone is here and one in every open handle, so that a file without a name lives as long as somebody holds it.
    pub(super) pin: Arc<()>,
}

/// A sector that was written since the last sync: [`Inode::cached`] has its newest content.
#[derive(Clone)]
pub(super) struct Dirty {
    /// The call that wrote the newest content.
    pub(super) call: u64,
    /// Older unsynced contents: a disk may have been given them before they were overwritten.
    pub(super) older: Vec<(u64, Arc<Sector>)>,
}

impl Inode {
    pub(super) fn new(content: Arc<Bytes>) -> Inode {
        Inode {
            durable: Arc::clone(&content),
            cached: content,
            dirty: BTreeMap::new(),
            lengths: Vec::new(),
            gone: BTreeSet::new(),
            pin: Arc::new(()),
        }
    }

    /// The same file for another image, without the handles.
    pub(super) fn copy(&self) -> Inode {
        Inode {
            durable: Arc::clone(&self.durable),
            cached: Arc::clone(&self.cached),
            dirty: self.dirty.clone(),
            lengths: self.lengths.clone(),
            gone: self.gone.clone(),
            pin: Arc::new(()),
        }
    }

    /// Writes, and touches whole units of so many sectors.
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
        // A cut clears the rest of its last unit, and takes back what was written behind it. Synced sectors behind it
        // are not written: they stay where a crash undoes the cut.
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

    /// Marks a sector as written by `call`; it comes before the write.
    fn touch(&mut self, call: u64, number: u64) {
        self.gone.remove(&number);
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
        // An appended file has thousands of lengths between two syncs; one in between says as much as many.
        if let [.., (_, before), last] = &mut self.lengths[..]
            && *before <= last.1
            && last.1 <= len
            && self.lengths.len() >= LENGTHS_MAX
        {
            self.lengths.pop();
        }
        self.lengths.push((call, len));
    }

    /// The shortest length among those unsynced that `counts` lets pass: what lay behind it was cut off.
    pub(super) fn cut(&self, counts: impl Fn(u64) -> bool) -> u64 {
        self.lengths.iter().filter(|(call, _)| counts(*call)).map(|(_, len)| *len).min().unwrap_or(u64::MAX)
    }

    pub(super) fn is_clean(&self) -> bool {
        self.dirty.is_empty() && self.lengths.is_empty()
    }

    /// What the medium holds once everything that is dirty has reached it.
    pub(super) fn flushed(&self) -> Arc<Bytes> {
        if self.gone.is_empty() {
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

    /// A sync that fails for good: the cache keeps the sectors, marked clean. The length is the file system's own data, not
    /// the file's, and stays to be synced.
    pub(super) fn lose(&mut self) {
        self.gone.extend(std::mem::take(&mut self.dirty).into_keys());
    }

    /// Drops what is clean from the cache.
    pub(super) fn evict(&mut self) {
        for number in std::mem::take(&mut self.gone) {
            Arc::make_mut(&mut self.cached).put_sector(number, &self.durable.sector(number));
        }
    }

    /// Flips one bit, in the cache and on the medium. False when the file isn't that long.
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
