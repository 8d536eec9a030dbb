//! What can be made to go wrong in a [`Sim`](super::Sim) without a crash.

use std::io;

/// A failure of one call, or of all calls from one on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The number of the call that fails. The first call has number 1, and [`Sim::calls`](super::Sim::calls) tells the last.
    pub at: u64,
    /// How it fails. A call that can't fail so works as ever: only calls that need space meet a full disk.
    pub kind: Kind,
    /// Whether all later calls fail too.
    pub forever: bool,
}

/// A way to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The call fails with an I/O error and does nothing; any call.
    Io,
    /// The disk is full, and the call does nothing; any call but reads.
    Full,
    /// The call was interrupted and did nothing; any call.
    Interrupted,
    /// A write stops before its end, with an I/O error.
    ShortWrite,
    /// A sync fails, and what wasn't synced will never be durable, while reads go on to show it and the next sync returns
    /// `Ok`: what Linux does. After [`evict`](crate::fs::File::evict) reads show what the medium holds. The length stays to
    /// be synced. A folder's sync fails with its names still to be synced.
    SyncLost,
    /// A listing, the opening of a file that is there, or a read fails with an I/O error, and nothing else does: what a
    /// process meets that has used up its file descriptors.
    Unreadable,
}

impl Kind {
    pub(super) fn error(self) -> io::Error {
        match self {
            Kind::Io | Kind::ShortWrite | Kind::SyncLost | Kind::Unreadable => io::Error::other("simulated I/O error"),
            Kind::Full => io::Error::new(io::ErrorKind::StorageFull, "simulated full disk"),
            Kind::Interrupted => io::Error::new(io::ErrorKind::Interrupted, "simulated interruption"),
        }
    }

    pub(super) fn hits(self, call: Call) -> bool {
        match self {
            Kind::Io | Kind::Interrupted => true,
            Kind::Full => call != Call::Read,
            Kind::ShortWrite => call == Call::Write,
            Kind::SyncLost => matches!(call, Call::FileSync | Call::FolderSync),
            Kind::Unreadable => call == Call::Read,
        }
    }
}

/// What a call does, as far as faults care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    Read,
    /// Of names, lengths or locks.
    Change,
    Write,
    FileSync,
    FolderSync,
}

/// A promise to break: a checker that misses its absence is no checker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// The sync of a file whose name ends so does nothing and returns `Ok`; `""` means every file.
    FileSync(&'static str),
    /// The folder's sync does nothing and returns `Ok`.
    FolderSync,
}

/// What the medium is like, and the file system on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Medium {
    /// Whether rewriting durable bytes with equal ones can't harm them, as SQLite's "power-safe overwrite" assumes. When
    /// false, a write touches each block of 4096 bytes that it has a part in as a whole, and a crash may garble every byte
    /// of it.
    pub overwrite_safe: bool,
    /// Whether [`write_through`](crate::fs::File::write_through) goes past the cache: whole blocks, and then a sync. When
    /// false, it is a write and a sync.
    pub direct: bool,
}

impl Medium {
    /// How many sectors a write touches at least.
    pub(super) fn sectors(self) -> u64 {
        if self.overwrite_safe { 1 } else { 8 }
    }
}

impl Default for Medium {
    fn default() -> Medium {
        Medium { overwrite_safe: true, direct: true }
    }
}
