//! The interface to the file system, in fourteen calls, and its implementation on a disk.
//!
//! All layers above reach the disk through [`Folder`] and [`File`] alone, so that the same code runs over the
//! real file system ([`Disk`]) and over the simulated one of `walr::testing`, which crashes. A store is one folder; every
//! call is relative to it, and a changed working directory or a renamed folder changes nothing for a store that is open.

mod background;
#[cfg(any(target_os = "linux", target_os = "android", test, feature = "testing"))]
pub(crate) mod blocks;
mod disk;
pub(crate) mod name;
#[cfg(test)]
mod tests;

pub(crate) use background::{spawn, step_back};
pub use disk::Disk;

use std::fmt::Debug;
use std::io;
use std::path::PathBuf;

/// The folder below the store's folder that holds copies of what a recovery cut off.
pub const SALVAGE: &str = "salvage";

/// The error's text where a file has no name any more when it is synced.
pub(crate) const REMOVED: &str = "the file was removed while it was open";

/// One folder, held open.
///
/// Names are plain file names, or `salvage/NAME` for a file in the one folder below. Files are created for their owner
/// alone (0600), and a name that is a symbolic link is refused, where the platform can say so.
pub trait Folder: Send + Sync + Debug {
    /// Returns the name of this folder: messages and [`Store::path`](crate::Store::path) begin paths with it.
    ///
    /// The default is `unnamed store`. A folder on a disk returns its absolute path.
    fn path(&self) -> PathBuf {
        PathBuf::from("unnamed store")
    }

    /// The regular files in the folder, those in `salvage` left out, in any order.
    ///
    /// MUST list every file whose creation, rename or removal has returned before the call, as it left it.
    fn list(&self) -> io::Result<Vec<Entry>>;

    /// The regular files in `salvage`, as `salvage/NAME`, in any order, like [`list`](Folder::list); none where there is no
    /// such folder.
    fn list_salvage(&self) -> io::Result<Vec<Entry>>;

    /// Opens the file `name`.
    ///
    /// With [`Open::Create`] the file MUST NOT exist yet (`AlreadyExists` otherwise), it starts empty, and a missing
    /// `salvage` folder is created first. With the others the file MUST exist (`NotFound` otherwise).
    fn open(&self, name: &str, how: Open) -> io::Result<Box<dyn File>>;

    /// Renames `from` to `to`, replacing `to` if it is there.
    ///
    /// MUST be atomic: after a crash `to` is the old file or the new one, and never a mixture. It is durable only after
    /// [`sync`](Folder::sync).
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes the file `name`. Durable only after [`sync`](Folder::sync).
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Makes every creation, rename and removal of before durable, those in `salvage` included.
    ///
    /// MUST NOT return `Ok` when any of them may still be lost.
    fn sync(&self) -> io::Result<()>;

    /// Creates the file `name` if it is missing, and takes an exclusive lock on it; `None` when somebody holds it, this
    /// process included.
    ///
    /// The lock MUST NOT outlive the process. It is released by [`Lock::unlock`] or, at the latest, by the drop of the lock.
    fn lock(&self, name: &str) -> io::Result<Option<Box<dyn Lock>>>;

    /// Takes the same lock on a file that exists (`NotFound` otherwise), and changes nothing: it works on a file system that
    /// is mounted read-only.
    fn lock_if_there(&self, name: &str) -> io::Result<Option<Box<dyn Lock>>>;
}

/// A file of a [`Folder`], held open: a rename or a removal of its name doesn't change which file it is.
#[allow(clippy::len_without_is_empty, reason = "nobody above needs to ask")]
pub trait File: Send + Sync + Debug {
    /// The file's length in bytes.
    fn len(&self) -> io::Result<u64>;

    /// Reads from `offset` into `buf`, and returns how many bytes were read: fewer than asked only at the file's end.
    ///
    /// MUST return an error, never zeros or fewer bytes, when the medium can't deliver what was written.
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes all of `bytes` at `offset`, and makes the file longer where they reach past its end.
    ///
    /// After an error any part of the range may hold old or new bytes. Nothing outside of the range MUST change, before or
    /// after a crash, but for the assumption that `docs/design.md` names: rewriting bytes with equal ones can't harm them.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Writes all of `bytes` at `offset` and makes them durable: [`write_at`](File::write_at) and [`sync`](File::sync) in
    /// one, which some systems do faster, with what `sync` must and must not do. The range lies within the file. What stands behind it, up to the next multiple of
    /// 4096, MUST be zeros, and they may be written again.
    fn write_through(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.write_at(bytes, offset)?;
        self.sync()
    }

    /// Makes the file exactly `len` bytes long. Bytes past the old end read as zeros, and their space is reserved where
    /// the file system can do so: a disk that is too full MUST be met here (`StorageFull`), not at a later write.
    fn resize(&self, len: u64) -> io::Result<()>;

    /// Makes the file's bytes and its length durable, but not its name; also where it was opened for reading.
    ///
    /// MUST NOT return `Ok` when any byte that was written before the call may still be lost. After an error the caller
    /// gives the file up: a second call can return `Ok` for data that is gone. A file whose name somebody has removed can
    /// never be opened again: where the platform tells, the sync of such a file MUST fail with `NotFound`.
    fn sync(&self) -> io::Result<()>;

    /// Drops cached pages of the file, so that the next read shows what the medium holds. A hint: call it after
    /// [`sync`](File::sync), and expect nothing where the platform has no such call.
    fn evict(&self) -> io::Result<()>;
}

/// A held lock.
pub trait Lock: Send + Sync + Debug {
    /// Releases the lock, also where a duplicate of its descriptor lives on in a child process.
    fn unlock(&self) -> io::Result<()>;
}

/// How to open a file.
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
    /// The file's name; names that aren't Unicode are left out of listings.
    pub name: String,
    /// Its length in bytes.
    pub len: u64,
}
