//! The faults and the medium of a [`Sim`](super::Sim).

use std::io;

/// A failure of one call, or of all calls from one on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The number of the call that fails, from 1. [`Sim::calls`](super::Sim::calls) returns the number of the last call.
    pub at: u64,
    /// The kind of the failure. A call that can't fail in this way succeeds.
    pub kind: Kind,
    /// `true` if all later calls fail too.
    pub forever: bool,
}

/// The kind of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Any call fails with an I/O error, and does nothing.
    Io,
    /// Any call but a read fails with a full disk, and does nothing.
    Full,
    /// Any call is interrupted, and does nothing.
    Interrupted,
    /// A write stops before its end with an I/O error.
    ShortWrite,
    /// A sync fails, and what wasn't synced is lost. Reads still show it, and the next sync returns `Ok`, as on Linux. After
    /// [`evict`](crate::fs::File::evict) reads show the contents of the medium. The length of a file, and the names of a folder, can still
    /// be synced.
    SyncLost,
    /// A listing, the opening of an existing file, or a read fails with an I/O error, as for a process without free file descriptors. Other
    /// calls succeed.
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

    pub(super) fn hits(self, call: CallKind) -> bool {
        match self {
            Kind::Io | Kind::Interrupted => true,
            Kind::Full => call != CallKind::Read,
            Kind::ShortWrite => call == CallKind::Write,
            Kind::SyncLost => matches!(call, CallKind::FileSync | CallKind::FolderSync),
            Kind::Unreadable => call == CallKind::Read,
        }
    }
}

/// The kind of a call, by which faults select calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CallKind {
    Read,
    /// A change of names, lengths or locks.
    Change,
    Write,
    FileSync,
    FolderSync,
}

/// A promise of the medium that a test can break, to see that its checks find that.
#[derive(Clone, Copy, Debug)]
pub enum Broken {
    /// The sync of a file does nothing and returns `Ok`, if the file's name ends in this text. `""` selects every file.
    FileSync(&'static str),
    /// The sync of the folder does nothing and returns `Ok`.
    FolderSync,
    /// A write returns `Ok` at once if this function accepts its bytes. The next call does the write, without a sync.
    LateWrite(fn(&[u8]) -> bool),
}

/// The properties of the medium and its file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Medium {
    /// `true` if a write can't damage durable bytes that it doesn't change: SQLite's "power-safe overwrite". With `false`, a write affects
    /// whole blocks of 4096 bytes, and a crash may garble every byte of them.
    pub overwrite_safe: bool,
    /// `true` if [`write_through`](crate::fs::File::write_through) writes whole blocks past the cache before it syncs. With `false`, it
    /// writes through the cache.
    pub direct: bool,
}

impl Medium {
    /// Returns the number of sectors in the unit of a write.
    pub(super) fn sectors(self) -> u64 {
        if self.overwrite_safe { 1 } else { 8 }
    }
}

impl Default for Medium {
    fn default() -> Medium {
        Medium { overwrite_safe: true, direct: true }
    }
}
