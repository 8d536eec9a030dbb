//! The crash simulator: a folder in memory that loses what wasn't synced.
//!
//! A [`Sim`] keeps the names and bytes that calls see, and those that its medium certainly holds. [`Sim::crash`] returns the folder that a
//! power cut leaves: a seed decides for each 512-byte sector, each length and each name that wasn't synced whether it is kept or lost;
//! sectors may also be torn or garbled. [`Sim::restart`] returns the folder that the end of the process leaves. A test can also set
//! faults, a full disk and broken promises, and corrupt files.
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

use self::bytes::{Bytes, FolderHash};
use self::fault::CallKind;
use self::inode::Inode;
use self::names::{FileId, NameTable};
use crate::fs::{Entry, SALVAGE};

/// A callback for each change of a folder; see [`Sim::observe`].
pub type Observer = Arc<dyn Fn(&Sim) + Send + Sync>;

/// A simulated folder. Clones are handles of the same folder.
#[derive(Clone, Default)]
pub struct Sim {
    state: Arc<Mutex<SimState>>,
}

#[derive(Default)]
struct SimState {
    names: NameTable,
    inodes: BTreeMap<FileId, Inode>,
    locks: BTreeSet<FileId>,
    next_id: FileId,
    calls: u64,
    hits: u64,
    fault: Option<Fault>,
    broken: Vec<Broken>,
    /// The writes that [`Broken::LateWrite`] left to the next call.
    late: Vec<(FileId, Vec<u8>, u64)>,
    space: Option<u64>,
    slow: Option<Duration>,
    medium: Medium,
    observer: Option<Observer>,
    /// The folder's name; `None` stands for `simulated store`.
    path: Option<PathBuf>,
}

impl Sim {
    /// Creates an empty folder on the default [`Medium`].
    #[must_use]
    pub fn new() -> Sim {
        Sim::default()
    }

    /// Creates an empty folder on a medium.
    #[must_use]
    pub fn on(medium: Medium) -> Sim {
        Sim::from_state(SimState { medium, ..SimState::default() })
    }

    /// Sets the name of the folder for messages. Default: `simulated store`.
    ///
    /// The clones have the same name, and so have the folders that [`crash`](Sim::crash) and [`restart`](Sim::restart) return.
    #[must_use]
    pub fn named(self, path: impl Into<PathBuf>) -> Sim {
        self.state.lock().path = Some(path.into());
        self
    }

    fn from_state(state: SimState) -> Sim {
        Sim { state: Arc::new(Mutex::new(state)) }
    }

    /// Returns the folder that a power cut at this moment leaves, one possibility for each seed. Everything in it is durable.
    ///
    /// The new folder has no locks, and none of the settings but the medium and the name.
    #[must_use]
    pub fn crash(&self, seed: u64) -> Sim {
        Sim::from_state(crash::crash(&self.state.lock(), seed))
    }

    /// Returns the folder that the end of the process at this moment leaves. Everything is there that calls did, and a later crash can
    /// lose what wasn't synced.
    ///
    /// The new folder has no locks, and none of the settings but the medium and the name.
    #[must_use]
    pub fn restart(&self) -> Sim {
        let state = self.state.lock();
        let reached = state.inodes.iter().filter(|(id, _)| state.names.reaches(**id));
        Sim::from_state(SimState {
            names: state.names.clone(),
            inodes: reached.map(|(id, inode)| (*id, inode.copy())).collect(),
            next_id: state.next_id,
            // The unsynced changes have the numbers of their calls.
            calls: state.calls,
            medium: state.medium,
            path: state.path.clone(),
            ..SimState::default()
        })
    }

    /// Returns the number of sectors, lengths and names that a crash at this moment can lose. If it is 0, all seeds lead to the same
    /// folder.
    #[must_use]
    pub fn unsynced(&self) -> usize {
        let state = self.state.lock();
        let inodes = state.inodes.iter().filter(|(id, _)| state.names.reaches(**id));
        let pieces = inodes.map(|(_, inode)| inode.dirty.len() + inode.lengths.len());
        pieces.sum::<usize>() + state.names.pending.len()
    }

    /// Sets a callback for every call that changes or syncs something; `None` removes it.
    ///
    /// The callback comes after the call, also if the call failed. It may copy the folder, but must not change it.
    pub fn observe(&self, observer: Option<Observer>) {
        self.state.lock().observer = observer;
    }

    /// Returns the number of calls so far, which is the number of the last call. [`Sim::restart`] keeps it.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.state.lock().calls
    }

    /// Sets the next failure; `None` removes it.
    pub fn fail(&self, fault: Option<Fault>) {
        self.state.lock().fault = fault;
    }

    /// Returns the number of calls that failed by a [`Fault`].
    #[must_use]
    pub fn hits(&self) -> u64 {
        self.state.lock().hits
    }

    /// Breaks a promise, in addition to those that are broken already.
    pub fn break_it(&self, broken: Broken) {
        self.state.lock().broken.push(broken);
    }

    /// Sets the most bytes that all files may take. A call that needs more fails with `StorageFull`. `None` removes the limit.
    pub fn set_space(&self, bytes: Option<u64>) {
        self.state.lock().space = bytes;
    }

    /// Sets how long each sync of a file or of the folder takes.
    pub fn set_slow(&self, each_sync: Option<Duration>) {
        self.state.lock().slow = each_sync;
    }

    /// Returns all files, with those in `salvage`, in the order of their names.
    #[must_use]
    pub fn files(&self) -> Vec<Entry> {
        let state = self.state.lock();
        let entry = |(name, id): (&Arc<str>, &FileId)| {
            state.inodes.get(id).map(|inode| Entry { name: name.to_string(), len: inode.cached.len() })
        };
        state.names.seen.iter().filter_map(entry).collect()
    }

    /// Returns the bytes of a file, as calls see them.
    #[must_use]
    pub fn read(&self, name: &str) -> Option<Vec<u8>> {
        let state = self.state.lock();
        let inode = state.inodes.get(&state.names.get(name)?)?;
        Some(inode.cached.to_vec())
    }

    /// Writes all files, as calls see them, to the folder `to` on a disk. A missing folder is created.
    ///
    /// # Errors
    ///
    /// Returns the errors of the file system.
    pub fn save(&self, to: impl AsRef<Path>) -> io::Result<()> {
        let to = to.as_ref();
        for entry in self.files() {
            let path = to.join(&entry.name);
            std::fs::create_dir_all(path.parent().unwrap_or(to))?;
            std::fs::write(path, self.read(&entry.name).unwrap_or_default())?;
        }
        Ok(())
    }

    /// Creates or replaces a file. The file and all names are durable at once.
    pub fn put(&self, name: &str, bytes: &[u8]) {
        let mut state = self.state.lock();
        state.create(name, Bytes::new(bytes));
        state.names.sync();
        state.collect();
    }

    /// Removes a file, and returns `false` if there is none. All names are durable at once.
    pub fn delete(&self, name: &str) -> bool {
        let mut state = self.state.lock();
        let call = state.calls;
        let Some(id) = state.names.get(name) else { return false };
        state.names.change(call, names::Change::Remove(name.into(), id));
        state.names.sync();
        state.collect();
        true
    }

    /// Flips one bit of a file, on the medium and in the cache, and returns `false` if the file is too short. Bit 0 is the lowest bit of
    /// the first byte.
    pub fn flip(&self, name: &str, bit: u64) -> bool {
        let mut state = self.state.lock();
        let id = state.names.get(name);
        id.and_then(|id| state.inodes.get_mut(&id)).is_some_and(|inode| inode.flip(bit))
    }

    /// Returns a hash of all names and bytes, as calls see them, to count different folders.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        let state = self.state.lock();
        let mut hash = FolderHash::new();
        for (name, id) in &state.names.seen {
            hash.add_bytes(name.as_bytes());
            if let Some(inode) = state.inodes.get(id) {
                inode.cached.hash(&mut hash);
            }
        }
        hash.finish()
    }

    /// Makes one call: counts it, lets it fail if a fault is due, and calls the observer. The argument of `act` is `true` if the call itself
    /// must fail (`ShortWrite`, `SyncLost`).
    fn call<T>(&self, call: CallKind, act: impl FnOnce(&mut SimState, bool) -> io::Result<T>) -> io::Result<T> {
        let mut state = self.state.lock();
        state.write_late()?;
        let result = match state.next_call(call) {
            Some(kind @ (Kind::Io | Kind::Full | Kind::Interrupted | Kind::Unreadable)) => Err(kind.error()),
            fault => act(&mut state, fault.is_some()),
        };
        let observer = state.observer.clone().filter(|_| call != CallKind::Read);
        let slow = state.slow.filter(|_| matches!(call, CallKind::FileSync | CallKind::FolderSync));
        drop(state);
        // The sync is done: it must not cover what is written during the pause.
        if let Some(time) = slow {
            std::thread::sleep(time);
        }
        if let Some(observer) = observer {
            observer(self);
        }
        result
    }
}

impl SimState {
    fn next_call(&mut self, call: CallKind) -> Option<Kind> {
        self.calls += 1;
        let due = |fault: &Fault| self.calls == fault.at || (fault.forever && self.calls > fault.at);
        let kind = self.fault.filter(due).map(|fault| fault.kind).filter(|kind| kind.hits(call));
        self.hits += u64::from(kind.is_some());
        kind
    }

    fn write_late(&mut self) -> io::Result<()> {
        for (id, bytes, offset) in std::mem::take(&mut self.late) {
            let (call, unit) = (self.calls, self.medium.sectors());
            self.inode(id)?.write(call, &bytes, offset, unit);
        }
        Ok(())
    }

    fn create(&mut self, name: &str, content: Bytes) -> FileId {
        let id = self.next_id;
        self.next_id += 1;
        self.inodes.insert(id, Inode::new(Arc::new(content)));
        self.names.change(self.calls, names::Change::Create(name.into(), id));
        id
    }

    /// Returns the files whose names `wanted` accepts.
    fn list(&mut self, wanted: fn(&str) -> bool) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for (name, id) in self.names.seen.clone() {
            if wanted(&name) {
                entries.push(Entry { name: name.to_string(), len: self.inode(id)?.cached.len() });
            }
        }
        Ok(entries)
    }

    /// Returns the file of an open handle.
    fn inode(&mut self, id: FileId) -> io::Result<&mut Inode> {
        self.inodes.get_mut(&id).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// Returns an error if there is no space for the file `id` to grow to `len`.
    fn need(&mut self, id: FileId, len: u64) -> io::Result<()> {
        /// Turns a wrong length into an error before it uses up the memory.
        const LEN_MAX: u64 = 1 << 36;
        let old = self.inode(id)?.cached.len();
        let others = |state: &SimState| state.inodes.values().map(|inode| inode.cached.len()).sum::<u64>() - old;
        let full = len > LEN_MAX || self.space.is_some_and(|space| others(self) + len > space);
        if len > old && full { Err(Kind::Full.error()) } else { Ok(()) }
    }

    /// Drops the files that have no handle, and no name in any later image.
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

/// Returns whether a name is in `salvage`.
fn in_salvage(name: &str) -> bool {
    name.strip_prefix(SALVAGE).is_some_and(|rest| rest.starts_with('/'))
}
