//! A folder in memory that forgets what wasn't synced: the crash simulator.
//!
//! A [`Sim`] keeps, beside what calls see, what its medium holds for certain. [`Sim::crash`] gives a folder as a power cut
//! could leave it: each 512-byte sector, each length and each name that wasn't synced is kept, lost or, for sectors, torn
//! or garbled, as a seed decides. [`Sim::restart`] gives it as the end of the process leaves it. Faults, a full disk and broken
//! promises can be set, and damage done to files.
//!
//! ```text
//!   calls ──▶ seen names, cached bytes ──restart(): all of it, locks gone──▶ Sim
//!                      │ sync()
//!                      ▼
//!             durable names and bytes ──crash(seed): and some of the rest──▶ Sim
//! ```

mod bytes;
mod crash;
mod fault;
mod folder;
mod inode;
mod names;
mod rng;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_settings;

pub use fault::{Broken, Fault, Kind, Medium};

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use self::bytes::{Bytes, Hash};
use self::fault::Call;
use self::inode::Inode;
use self::names::{Id, Names};
use crate::fs::{Entry, SALVAGE};

/// Who is told of each change; see [`Sim::observe`].
pub type Observer = Arc<dyn Fn(&Sim) + Send + Sync>;

/// A simulated folder. Its clones are the same folder.
#[derive(Clone, Default)]
pub struct Sim {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    names: Names,
    inodes: BTreeMap<Id, Inode>,
    locks: BTreeSet<Id>,
    next_id: Id,
    calls: u64,
    hits: u64,
    fault: Option<Fault>,
    broken: Vec<Broken>,
    space: Option<u64>,
    slow: Option<Duration>,
    medium: Medium,
    observer: Option<Observer>,
    /// The folder's name, where it isn't `simulated store`.
    path: Option<PathBuf>,
}

impl Sim {
    /// An empty folder on the default [`Medium`].
    #[must_use]
    pub fn new() -> Sim {
        Sim::default()
    }

    /// An empty folder on the given medium.
    #[must_use]
    pub fn on(medium: Medium) -> Sim {
        Sim::from_state(State { medium, ..State::default() })
    }

    /// Gives the folder a name for messages, in the place of `simulated store`. All clones have it, and all folders that
    /// [`crash`](Sim::crash) and [`restart`](Sim::restart) make of them.
    #[must_use]
    pub fn named(self, path: impl Into<PathBuf>) -> Sim {
        self.state.lock().path = Some(path.into());
        self
    }

    fn from_state(state: State) -> Sim {
        Sim { state: Arc::new(Mutex::new(state)) }
    }

    /// What a power cut at this moment leaves, one possibility for each seed: a new folder in which everything is durable.
    /// Locks are gone, and of the settings it has the medium and the name alone.
    #[must_use]
    pub fn crash(&self, seed: u64) -> Sim {
        Sim::from_state(crash::crash(&self.state.lock(), seed))
    }

    /// What the end of the process at this moment leaves: a new folder with everything that calls did, of which a later
    /// crash may lose what isn't synced. Locks are gone, and of the settings it has the medium and the name
    /// alone.
    #[must_use]
    pub fn restart(&self) -> Sim {
        let state = self.state.lock();
        let reached = state.inodes.iter().filter(|(id, _)| state.names.reaches(**id));
        Sim::from_state(State {
            names: state.names.clone(),
            inodes: reached.map(|(id, inode)| (*id, inode.copy())).collect(),
            next_id: state.next_id,
            // The unsynced changes bear the numbers of their calls.
            calls: state.calls,
            medium: state.medium,
            path: state.path.clone(),
            ..State::default()
        })
    }

    /// How many sectors, lengths and names a crash at this moment could lose. With 0 all seeds give the same folder.
    #[must_use]
    pub fn unsynced(&self) -> usize {
        let state = self.state.lock();
        let inodes = state.inodes.iter().filter(|(id, _)| state.names.reaches(**id));
        let pieces = inodes.map(|(_, inode)| inode.dirty.len() + inode.lengths.len());
        pieces.sum::<usize>() + state.names.pending.len()
    }

    /// Calls `observer` after every call that changes or syncs something, also when it failed; `None` ends it. No lock is
    /// held meanwhile, so that the observer can take images; it must not change the folder itself.
    pub fn observe(&self, observer: Option<Observer>) {
        self.state.lock().observer = observer;
    }

    /// The number of the last call, which is how many there were; after [`Sim::restart`] it goes on from the old folder's.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.state.lock().calls
    }

    /// Sets the failure to come, or none.
    pub fn fail(&self, fault: Option<Fault>) {
        self.state.lock().fault = fault;
    }

    /// How many calls have failed for a [`Fault`].
    #[must_use]
    pub fn hits(&self) -> u64 {
        self.state.lock().hits
    }

    /// Breaks a promise, in addition to those broken before.
    pub fn break_it(&self, broken: Broken) {
        self.state.lock().broken.push(broken);
    }

    /// Limits the sum of all files' lengths: what would go beyond fails with `StorageFull`.
    pub fn set_space(&self, bytes: Option<u64>) {
        self.state.lock().space = bytes;
    }

    /// Makes each sync, of a file or of the folder, take this long.
    pub fn set_slow(&self, each_sync: Option<Duration>) {
        self.state.lock().slow = each_sync;
    }

    /// All files, those in `salvage` included, in the order of their names.
    #[must_use]
    pub fn files(&self) -> Vec<Entry> {
        let state = self.state.lock();
        let entry = |(name, id): (&Arc<str>, &Id)| {
            state.inodes.get(id).map(|inode| Entry { name: name.to_string(), len: inode.cached.len() })
        };
        state.names.seen.iter().filter_map(entry).collect()
    }

    /// A file's bytes, as calls see them.
    #[must_use]
    pub fn read(&self, name: &str) -> Option<Vec<u8>> {
        let state = self.state.lock();
        let inode = state.inodes.get(&state.names.get(name)?)?;
        Some(inode.cached.to_vec())
    }

    /// Writes all files, as calls see them, into the folder `to` of the real file system, which is created if it is missing.
    ///
    /// # Errors
    ///
    /// Those of the file system.
    pub fn save(&self, to: impl AsRef<Path>) -> io::Result<()> {
        let to = to.as_ref();
        for entry in self.files() {
            let path = to.join(&entry.name);
            std::fs::create_dir_all(path.parent().unwrap_or(to))?;
            std::fs::write(path, self.read(&entry.name).unwrap_or_default())?;
        }
        Ok(())
    }

    /// Puts a file there, in the place of any other of its name. It and all names are durable at once.
    pub fn put(&self, name: &str, bytes: &[u8]) {
        let mut state = self.state.lock();
        state.create(name, Bytes::new(bytes));
        state.names.sync();
        state.collect();
    }

    /// Deletes a file. That and all other names are durable at once. False when there is none.
    pub fn delete(&self, name: &str) -> bool {
        let mut state = self.state.lock();
        let call = state.calls;
        let Some(id) = state.names.get(name) else { return false };
        state.names.change(call, names::Change::Remove(name.into(), id));
        state.names.sync();
        state.collect();
        true
    }

    /// Flips one bit of a file on the medium and in the cache: bit 0 is the lowest of the first byte. False when there is
    /// no such bit.
    pub fn flip(&self, name: &str, bit: u64) -> bool {
        let mut state = self.state.lock();
        let id = state.names.get(name);
        id.and_then(|id| state.inodes.get_mut(&id)).is_some_and(|inode| inode.flip(bit))
    }

    /// A hash of all names and bytes, as calls see them: to count different states.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        let state = self.state.lock();
        let mut hash = Hash::new();
        for (name, id) in &state.names.seen {
            hash.add_bytes(name.as_bytes());
            if let Some(inode) = state.inodes.get(id) {
                inode.cached.hash(&mut hash);
            }
        }
        hash.finish()
    }

    /// Makes one call: counts it, lets it fail if it has to, and tells the observer. `act` hears whether it has to go
    /// wrong in a way of its own (`ShortWrite`, `SyncLost`).
    fn call<T>(&self, call: Call, act: impl FnOnce(&mut State, bool) -> io::Result<T>) -> io::Result<T> {
        let mut state = self.state.lock();
        let result = match state.next_call(call) {
            Some(kind @ (Kind::Io | Kind::Full | Kind::Interrupted | Kind::Unreadable)) => Err(kind.error()),
            fault => act(&mut state, fault.is_some()),
        };
        let observer = state.observer.clone().filter(|_| call != Call::Read);
        let slow = state.slow.filter(|_| matches!(call, Call::FileSync | Call::FolderSync));
        drop(state);
        // After the deed, so that what is written in the meantime isn't covered by this sync.
        if let Some(time) = slow {
            std::thread::sleep(time);
        }
        if let Some(observer) = observer {
            observer(self);
        }
        result
    }
}

impl State {
    fn next_call(&mut self, call: Call) -> Option<Kind> {
        self.calls += 1;
        let due = |fault: &Fault| self.calls == fault.at || (fault.forever && self.calls > fault.at);
        let kind = self.fault.filter(due).map(|fault| fault.kind).filter(|kind| kind.hits(call));
        self.hits += u64::from(kind.is_some());
        kind
    }

    fn create(&mut self, name: &str, content: Bytes) -> Id {
        let id = self.next_id;
        self.next_id += 1;
        self.inodes.insert(id, Inode::new(Arc::new(content)));
        self.names.change(self.calls, names::Change::Create(name.into(), id));
        id
    }

    /// The files whose names are wanted.
    fn list(&mut self, wanted: fn(&str) -> bool) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for (name, id) in self.names.seen.clone() {
            if wanted(&name) {
                entries.push(Entry { name: name.to_string(), len: self.inode(id)?.cached.len() });
            }
        }
        Ok(entries)
    }

    /// The file of an open handle.
    fn inode(&mut self, id: Id) -> io::Result<&mut Inode> {
        self.inodes.get_mut(&id).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// Refuses to let the file `id` grow to `len` when there is no space for it.
    fn need(&mut self, id: Id, len: u64) -> io::Result<()> {
        /// So that a mistaken length meets an error, and not the end of the memory.
        const LEN_MAX: u64 = 1 << 36;
        let old = self.inode(id)?.cached.len();
        let others = |state: &State| state.inodes.values().map(|inode| inode.cached.len()).sum::<u64>() - old;
        let full = len > LEN_MAX || self.space.is_some_and(|space| others(self) + len > space);
        if len > old && full { Err(Kind::Full.error()) } else { Ok(()) }
    }

    /// Drops the files that have neither a name, in any image to come, nor a handle.
    fn collect(&mut self) {
        let names = &self.names;
        self.inodes.retain(|id, inode| names.reaches(*id) || Arc::strong_count(&inode.pin) > 1);
    }
}

impl fmt::Debug for Sim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sim").field("files", &self.files()).finish_non_exhaustive()
    }
}

/// Whether a name lies in the folder below.
fn in_salvage(name: &str) -> bool {
    name.strip_prefix(SALVAGE).is_some_and(|rest| rest.starts_with('/'))
}
