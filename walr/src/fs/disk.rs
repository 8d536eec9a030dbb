//! The real file system.

#[cfg(any(target_os = "linux", target_os = "android"))]
mod direct;
#[cfg(any(not(unix), test))]
#[cfg_attr(unix, allow(dead_code, reason = "on Unix it is compiled for its tests alone"))]
mod portable;
#[cfg(test)]
mod tests;
#[cfg(unix)]
mod unix;

#[cfg(not(unix))]
use portable::{self as sys, DirPath as DirHandle};
#[cfg(unix)]
use unix::{self as sys, DirFd as DirHandle};

use std::fs::TryLockError;
use std::io;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

use super::{Entry, File, Folder, Lock, Open, SALVAGE, name};

/// The prefix of the names of files in `salvage`.
const BELOW: &str = "salvage/";
/// How much is written at a time where it goes to the cache, which makes one large page of a large write to what it
/// doesn't hold yet: every later sync of a small write there would write that whole.
const PAGE: usize = 4096;

/// A folder of the real file system.
///
/// On Unix every call is relative to a descriptor that is held since [`Disk::open`], so that a changed working directory
/// or a renamed folder changes nothing. Elsewhere calls use the absolute path.
#[derive(Debug)]
pub struct Disk {
    dir: DirHandle,
    path: PathBuf,
    /// Whether names in `salvage` that the caller knows of may not be durable yet: those that it made, changed or opened. It
    /// is held while `salvage` is synced, so that a second sync waits for the first.
    salvage_unsynced: Mutex<bool>,
}

impl Disk {
    /// Opens the folder at `path`, which must exist.
    ///
    /// # Errors
    ///
    /// What the system says: `NotFound`, `NotADirectory`, `PermissionDenied`.
    pub fn open(path: &Path) -> io::Result<Disk> {
        let path = std::path::absolute(path)?;
        let dir = DirHandle::open(&path)?;
        Ok(Disk { dir, path, salvage_unsynced: Mutex::new(false) })
    }

    /// Creates the folder at `path` and its missing parents, for their owner alone (0700), makes their names durable and
    /// opens the folder. A folder that exists is opened as it is.
    ///
    /// # Errors
    ///
    /// What the system says of the creation, of the sync of a parent folder, or of the opening.
    pub fn create(path: &Path) -> io::Result<Disk> {
        let path = std::path::absolute(path)?;
        create_durably(&path)?;
        Disk::open(&path)
    }

    /// The folder's absolute path at the time of opening, for messages.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder below when `below` says so; `None` stands for the folder itself.
    fn place(&self, below: bool) -> io::Result<Option<DirHandle>> {
        if below { self.dir.below(SALVAGE).map(Some) } else { Ok(None) }
    }

    /// Says that a name in `salvage` was changed or found. It comes after that and before the caller hears of it.
    fn touched(&self, below: bool) {
        if below {
            *self.salvage_unsynced.lock() = true;
        }
    }
}

/// Creates what is missing of `path`, and syncs the parent of each folder that it creates.
fn create_durably(path: &Path) -> io::Result<()> {
    let mut missing = Vec::new();
    for folder in path.ancestors() {
        match std::fs::metadata(folder) {
            Ok(_) => {
                // It may be the work of a process that ended before the sync; the ones above it were synced before.
                match folder.parent().map_or(Ok(()), sys::sync_path) {
                    Err(e) if !is_forbidden(&e) && e.kind() != io::ErrorKind::InvalidInput => return Err(e),
                    _ => break,
                }
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => missing.push(folder),
            Err(e) => return Err(e),
        }
    }
    for folder in missing.into_iter().rev() {
        match sys::make_path(folder) {
            Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(e),
            _ => folder.parent().map_or(Ok(()), sys::sync_path)?,
        }
    }
    Ok(())
}

impl Folder for Disk {
    fn path(&self) -> PathBuf {
        self.path.clone()
    }

    fn list(&self) -> io::Result<Vec<Entry>> {
        self.dir.list()
    }

    fn list_salvage(&self) -> io::Result<Vec<Entry>> {
        let mut entries = match self.dir.below(SALVAGE) {
            Ok(salvage) => salvage.list()?,
            Err(e) if e.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(e) => return Err(e),
        };
        entries.iter_mut().for_each(|entry| entry.name.insert_str(0, BELOW));
        Ok(entries)
    }

    fn open(&self, name: &str, how: Open) -> io::Result<Box<dyn File>> {
        let (below, leaf) = name::split(name)?;
        if below && how == Open::Create {
            self.dir.make_below(SALVAGE)?;
        }
        let place = self.place(below)?;
        let file = place.as_ref().unwrap_or(&self.dir).file(leaf, how)?;
        // The process that made it may have ended before its sync.
        self.touched(below);
        Ok(Box::new(DiskFile::new(file)))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let ((from_below, from), (to_below, to)) = (name::split(from)?, name::split(to)?);
        let (from_place, to_place) = (self.place(from_below)?, self.place(to_below)?);
        let to_dir = to_place.as_ref().unwrap_or(&self.dir);
        from_place.as_ref().unwrap_or(&self.dir).rename(from, to_dir, to)?;
        self.touched(from_below || to_below);
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let (below, leaf) = name::split(name)?;
        let place = self.place(below)?;
        place.as_ref().unwrap_or(&self.dir).remove(leaf)?;
        self.touched(below);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut unsynced = self.salvage_unsynced.lock();
        if *unsynced {
            match self.dir.below(SALVAGE) {
                Ok(salvage) => salvage.sync()?,
                Err(e) if e.kind() == io::ErrorKind::NotFound => (),
                Err(e) => return Err(e),
            }
            *unsynced = false;
        }
        drop(unsynced);
        self.dir.sync()
    }

    fn lock(&self, name: &str) -> io::Result<Option<Box<dyn Lock>>> {
        self.lock_by(name, true)
    }

    fn lock_if_there(&self, name: &str) -> io::Result<Option<Box<dyn Lock>>> {
        self.lock_by(name, false)
    }
}

impl Disk {
    /// Locks the file `name`, which is created if it is missing, or has to be there.
    fn lock_by(&self, name: &str, create: bool) -> io::Result<Option<Box<dyn Lock>>> {
        let (below, leaf) = name::split(name)?;
        let place = self.place(below)?;
        let place = place.as_ref().unwrap_or(&self.dir);
        let file = match place.lock_file(leaf, create) {
            // For reading only where it can't be otherwise: NFS locks no such handle.
            Err(e) if !create && is_forbidden(&e) => place.file(leaf, Open::Read)?,
            opened => opened?,
        };
        // Each call opens the file anew, and the lock belongs to that opening: a second one in this process is refused too.
        match file.try_lock() {
            Ok(()) => Ok(Some(Box::new(DiskLock { file, owner: std::process::id() }))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(e)) => Err(e),
        }
    }
}

/// Whether an error says that a file can't be written, and no more.
fn is_forbidden(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied)
}

#[derive(Debug)]
struct DiskFile {
    file: std::fs::File,
    /// Whether the file system counted a name when the file was opened: one that never counts can't tell of a removal.
    counts_names: bool,
    #[cfg(any(target_os = "linux", target_os = "android"))]
    direct: direct::Direct,
}

impl DiskFile {
    fn new(file: std::fs::File) -> DiskFile {
        DiskFile {
            counts_names: sys::has_name(&file).unwrap_or(false),
            file,
            #[cfg(any(target_os = "linux", target_os = "android"))]
            direct: direct::Direct::default(),
        }
    }
}

impl DiskFile {
    /// Makes the file exactly `len` bytes long. `reserve` makes it longer, and says whether there is space behind that.
    fn resize_by(
        &self,
        len: u64,
        reserve: impl FnOnce(&std::fs::File, u64, u64) -> io::Result<bool>,
    ) -> io::Result<()> {
        let old = self.len()?;
        if len <= old {
            return sys::set_len(&self.file, len);
        }
        let result = match reserve(&self.file, old, len) {
            // Where nothing reserves space, zeros do.
            Ok(false) => self.write_zeros(old, len),
            reserved => reserved.map(drop),
        };
        if result.is_err() {
            // A reservation that meets the full disk half-way keeps what it got; give it back. The first error counts.
            let _ = sys::set_len(&self.file, old);
        }
        result
    }

    fn write_zeros(&self, from: u64, to: u64) -> io::Result<()> {
        let mut at = from;
        while at < to {
            let count = (PAGE as u64 - at % PAGE as u64).min(to - at);
            self.write_at(&[0; PAGE][..count as usize], at)?;
            at += count;
        }
        Ok(())
    }
}

impl File for DiskFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        read_full(buf, offset, |buf, offset| sys::read_at(&self.file, buf, offset))
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        write_full(bytes, offset, |bytes, offset| sys::write_at(&self.file, bytes, offset))
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn write_through(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        match self.direct.write(&self.file, bytes, offset) {
            Some(written) => written?,
            None => {
                for (at, page) in bytes.chunks(PAGE).enumerate() {
                    self.write_at(page, offset + (at * PAGE) as u64)?;
                }
            }
        }
        self.sync()
    }

    fn resize(&self, len: u64) -> io::Result<()> {
        self.resize_by(len, sys::reserve)
    }

    fn sync(&self) -> io::Result<()> {
        sys::sync(&self.file)?;
        // After the sync, so that no removal before it is missed.
        if self.counts_names && !sys::has_name(&self.file)? {
            return Err(io::Error::new(io::ErrorKind::NotFound, super::REMOVED));
        }
        Ok(())
    }

    fn evict(&self) -> io::Result<()> {
        sys::evict(&self.file)
    }
}

/// Reads until `buf` is full or the file ends: one call of the system may be interrupted or deliver less.
fn read_full(
    buf: &mut [u8],
    offset: u64,
    mut read: impl FnMut(&mut [u8], u64) -> io::Result<usize>,
) -> io::Result<usize> {
    let mut done = 0;
    while done < buf.len() {
        match read(&mut buf[done..], offset + done as u64) {
            Ok(0) => break,
            Ok(n) => done += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => (),
            Err(e) => return Err(e),
        }
    }
    Ok(done)
}

/// Writes until nothing is left: one call of the system may be interrupted or take less.
fn write_full(bytes: &[u8], offset: u64, mut write: impl FnMut(&[u8], u64) -> io::Result<usize>) -> io::Result<()> {
    let mut done = 0;
    while done < bytes.len() {
        match write(&bytes[done..], offset + done as u64) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(n) => done += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => (),
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

#[derive(Debug)]
struct DiskLock {
    file: std::fs::File,
    /// The process that took the lock: a forked child has a duplicate of the descriptor, and when it ends in an orderly
    /// way it must not release what its parent still holds.
    owner: u32,
}

impl Lock for DiskLock {
    fn unlock(&self) -> io::Result<()> {
        if self.owner != std::process::id() {
            return Err(io::Error::other(format!("the lock belongs to process {}", self.owner)));
        }
        self.file.unlock()
    }
}

impl Drop for DiskLock {
    fn drop(&mut self) {
        // Nobody is left to hear of an error, and the end of the process releases the lock in any case.
        let _ = self.unlock();
    }
}
