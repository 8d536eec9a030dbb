//! The names of a simulated folder: those that calls see, those on the medium, and the changes between them.

use std::collections::BTreeMap;
use std::sync::Arc;

/// The number of a file. A folder uses each number once.
pub(super) type FileId = u64;
/// Names in order, so that a seed decides the same for equal folders.
pub(super) type NameMap = BTreeMap<Arc<str>, FileId>;

#[derive(Clone, Default)]
pub(super) struct NameTable {
    /// The names that calls see.
    pub(super) seen: NameMap,
    /// The names that the medium certainly holds.
    pub(super) durable: NameMap,
    /// The changes since the last sync, in order, each with the number of its call.
    pub(super) pending: Vec<(u64, Change)>,
}

#[derive(Clone)]
pub(super) enum Change {
    /// A file got its name.
    Create(Arc<str>, FileId),
    /// A file got this name and lost the one it had, in one step.
    Rename(Arc<str>, FileId),
    /// A file lost this name.
    Remove(Arc<str>, FileId),
}

impl Change {
    /// Applies the change to `map`. It finds the file by its number, because earlier changes may be lost.
    pub(super) fn apply(&self, map: &mut NameMap) {
        match self {
            Change::Create(name, id) => {
                map.insert(Arc::clone(name), *id);
            }
            Change::Rename(to, id) => {
                map.retain(|_, other| other != id);
                map.insert(Arc::clone(to), *id);
            }
            Change::Remove(name, id) => {
                if map.get(name) == Some(id) {
                    map.remove(name);
                }
            }
        }
    }
}

impl NameTable {
    pub(super) fn clean(map: NameMap) -> NameTable {
        NameTable { seen: map.clone(), durable: map, pending: Vec::new() }
    }

    pub(super) fn get(&self, name: &str) -> Option<FileId> {
        self.seen.get(name).copied()
    }

    /// Returns the name of a file.
    pub(super) fn name_of(&self, id: FileId) -> Option<&str> {
        self.seen.iter().find(|(_, other)| **other == id).map(|(name, _)| &**name)
    }

    pub(super) fn change(&mut self, call: u64, change: Change) {
        change.apply(&mut self.seen);
        self.pending.push((call, change));
    }

    pub(super) fn sync(&mut self) {
        if !self.pending.is_empty() {
            self.durable = self.seen.clone();
            self.pending.clear();
        }
    }

    /// Returns whether a crash can leave a name of this file.
    pub(super) fn reaches(&self, id: FileId) -> bool {
        let changed = |(_, change): &(u64, Change)| match change {
            Change::Create(_, other) | Change::Rename(_, other) => *other == id,
            Change::Remove(..) => false,
        };
        let named = |map: &NameMap| map.values().any(|other| *other == id);
        named(&self.seen) || named(&self.durable) || self.pending.iter().any(changed)
    }
}
