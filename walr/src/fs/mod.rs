//! The interface to the file system, in fourteen calls, and its implementation on a disk.
//!
//! All layers above reach the disk through [`Folder`] and [`File`] alone, so that the same code runs over the
//! real file system ([`Disk`]) and over the simulated one of `walr::testing`, which crashes. A store is one folder, and every
//! call is relative to it: an open store isn't affected by a change of the working directory or a rename of its folder.

#[cfg(any(target_os = "linux", target_os = "android", test, feature = "testing"))]
pub(crate) mod blocks;
mod disk;
pub(crate) mod name;
#[cfg(test)]
mod tests;
mod thread;
mod throttle;

pub use disk::Disk;
pub(crate) use thread::{STACK_BYTES, lower_priority, spawn};
pub(crate) use throttle::{Throttle, WorkSignals};

use std::fmt::Debug;
use std::io;
use std::path::PathBuf;

/// The folder below the store's folder that holds copies of what a recovery cut off.
pub const SALVAGE: &str = "salvage";

/// The message of a sync that finds that the file has no name any more.
pub(crate) const REMOVED: &str = "the file was removed while it was open";

/// One folder, held open.
///
/// Names are plain file names, or `salvage/NAME` for a file in the folder `salvage`. Only the owner can read and write the created files
/// (0600). A name that is a symbolic link is refused, where the platform can tell.
pub trait Folder: Send + Sync + Debug {
    /// Returns the name of this folder: messages and [`Store::path`](crate::Store::path) begin paths with it.
    ///
    /// The default is `unnamed store`. A folder on a disk returns its absolute path.
    fn path(&self) -> PathBuf {
        PathBuf::from("unnamed store")
    }

    /// Lists the regular files in the folder, without those in `salvage`, in any order.
    ///
    /// MUST list every file whose creation, rename or removal has returned before the call, as it left it.
    fn list(&self) -> io::Result<Vec<Entry>>;

    /// Lists the regular files in `salvage`, as `salvage/NAME`, like [`list`](Folder::list). The list is empty if there is no
    /// such folder.
    fn list_salvage(&self) -> io::Result<Vec<Entry>>;

    /// Opens the file `name`.
    ///
    /// With [`Open::Create`] the file MUST NOT exist yet (`AlreadyExists` otherwise), it starts empty, and a missing
    /// `salvage` folder is created first. With the others the file MUST exist (`NotFound` otherwise).
    fn open(&self, name: &str, how: Open) -> io::Result<Box<dyn File>>;

    /// Renames `from` to `to`, and replaces the file `to` if it exists.
    ///
    /// MUST be atomic: after a crash `to` is the old file or the new one, and never a mixture. The rename is durable only after
    /// [`sync`](Folder::sync).
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes the file `name`. The removal is durable only after [`sync`](Folder::sync).
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Makes every earlier creation, rename and removal durable, those in `salvage` included.
    ///
    /// MUST NOT return `Ok` when any of them may still be lost.
    fn sync(&self) -> io::Result<()>;

    /// Creates the file `name` if it is missing, and takes an exclusive lock on it. Returns `None` if the lock is held already, by this
    /// process or by another.
    ///
    /// The lock MUST NOT outlive the process. [`Lock::unlock`] releases it, and so does the drop of the lock.
    fn lock(&self, name: &str) -> io::Result<Option<Box<dyn Lock>>>;

    /// Takes the same lock on a file that exists (`NotFound` otherwise), and changes nothing, so that it works on a read-only file
    /// system.
    fn lock_if_there(&self, name: &str) -> io::Result<Option<Box<dyn Lock>>>;
}

/// A file of a [`Folder`], held open. It stays the same file when its name is renamed or removed.
#[allow(clippy::len_without_is_empty, reason = "no layer above needs it")]
pub trait File: Send + Sync + Debug {
    /// Returns the file's length in bytes.
    fn len(&self) -> io::Result<u64>;

    /// Reads from `offset` into `buf`, and returns how many bytes were read: fewer than asked only at the file's end.
    ///
    /// MUST return an error, never zeros or fewer bytes, when the medium can't deliver what was written.
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes all of `bytes` at `offset`, and makes the file longer if they reach past its end.
    ///
    /// After an error any part of the range may hold old or new bytes. Nothing outside of the range MUST change, before or
    /// after a crash, but for the assumption that `docs/design.md` names: rewriting bytes with equal ones can't harm them.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Writes all of `bytes` at `offset` and makes them durable, like [`write_at`](File::write_at) and then [`sync`](File::sync).
    ///
    /// Some systems do both faster in one call. The range lies within the file. The bytes after it, up to the next multiple of 4096, MUST
    /// be zeros, and the call may write them again.
    fn write_through(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.write_at(bytes, offset)?;
        self.sync()
    }

    /// Makes the file exactly `len` bytes long. Bytes past the old end read as zeros, and their space is reserved where
    /// the file system can do so: a disk that is too full MUST be met here (`StorageFull`), not at a later write.
    fn resize(&self, len: u64) -> io::Result<()>;

    /// Makes the file's bytes and its length durable, but not its name. It also works on a file that was opened for reading.
    ///
    /// MUST NOT return `Ok` when any byte that was written before the call may still be lost. After an error the caller
    /// gives the file up: a second call can return `Ok` for data that is gone. A file whose name was removed can
    /// never be opened again: where the platform can tell, the sync of such a file MUST fail with `NotFound`.
    fn sync(&self) -> io::Result<()>;

    /// Drops cached pages of the file, so that the next read shows what the medium holds. Call it after [`sync`](File::sync). It is a
    /// hint, and does nothing where the platform has no such call.
    fn evict(&self) -> io::Result<()>;
}

/// A held lock.
pub trait Lock: Send + Sync + Debug {
    /// Releases the lock, even if a child process has a duplicate of its descriptor.
    fn unlock(&self) -> io::Result<()>;
}

/// The way to open a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Open {
    /// An existing file, for reading.
    Read,
    /// An existing file, for reading and writing.
    Write,
    /// A new file, for reading and writing.
    Create,
}

/// A file in a folder's listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The file's name. Listings leave out names that aren't Unicode.
    pub name: String,
    /// The file's length in bytes.
    pub len: u64,
}
