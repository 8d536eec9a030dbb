//! The names of a simulated folder: those it shows, those on the medium, and the changes between them.

use std::collections::BTreeMap;
use std::sync::Arc;

/// A file's number; it is never used again in the same folder.
pub(super) type Id = u64;
/// Names in order, so that a seed decides the same for the same folder.
pub(super) type Map = BTreeMap<Arc<str>, Id>;

#[derive(Clone, Default)]
pub(super) struct Names {
    /// What calls see.
    pub(super) seen: Map,
    /// What is on the medium for certain.
    pub(super) durable: Map,
    /// The changes since the last sync, in order, each with its call's number.
    pub(super) pending: Vec<(u64, Change)>,
}

#[derive(Clone)]
pub(super) enum Change {
    /// A file got its name.
    Create(Arc<str>, Id),
    /// A file got this name and lost the one it had, in one step.
    Rename(Arc<str>, Id),
    /// A file lost this name.
    Remove(Arc<str>, Id),
}

impl Change {
    /// It finds its file by number: the changes before it may have been lost.
    pub(super) fn apply(&self, map: &mut Map) {
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

impl Names {
    pub(super) fn clean(map: Map) -> Names {
        Names { seen: map.clone(), durable: map, pending: Vec::new() }
    }

    pub(super) fn get(&self, name: &str) -> Option<Id> {
        self.seen.get(name).copied()
    }

    /// The name of a file, for the few who have only its number.
    pub(super) fn name_of(&self, id: Id) -> Option<&str> {
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

    /// Whether a crash could still leave a name of this file.
    pub(super) fn reaches(&self, id: Id) -> bool {
        let changed = |(_, change): &(u64, Change)| match change {
            Change::Create(_, other) | Change::Rename(_, other) => *other == id,
            Change::Remove(..) => false,
        };
        let named = |map: &Map| map.values().any(|other| *other == id);
        named(&self.seen) || named(&self.durable) || self.pending.iter().any(changed)
    }
}
