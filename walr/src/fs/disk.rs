//! The real file system.

#[cfg(any(target_os = "linux", target_os = "android"))]
mod direct;
#[cfg(any(not(unix), test))]
#[cfg_attr(unix, allow(dead_code, reason = "on Unix only the tests use it"))]
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
const SALVAGE_PREFIX: &str = "salvage/";
/// The most bytes of one write through the cache. The cache would make one large page of a large write, and each later sync of a small
/// write there would write the whole page.
const PAGE: usize = 4096;

/// A folder of the real file system.
///
/// On Unix every call is relative to a descriptor that [`Disk::open`] opens, so that a change of the working directory or a rename of
/// the folder doesn't matter. On other systems calls use the absolute path.
#[derive(Debug)]
pub struct Disk {
    dir: DirHandle,
    path: PathBuf,
    /// `true` if names in `salvage` that the caller made, changed or opened may not be durable yet. The lock is held during the sync of
    /// `salvage`, so that a second sync waits for the first.
    salvage_unsynced: Mutex<bool>,
}

impl Disk {
    /// Opens the folder at `path`, which must exist.
    ///
    /// # Errors
    ///
    /// Returns the error of the system: `NotFound`, `NotADirectory`, `PermissionDenied`.
    pub fn open(path: &Path) -> io::Result<Disk> {
        let path = std::path::absolute(path)?;
        let dir = DirHandle::open(&path)?;
        Ok(Disk { dir, path, salvage_unsynced: Mutex::new(false) })
    }

    /// Opens the folder at `path`. A missing folder and missing parents are created for their owner alone (0700), and their names are
    /// made durable.
    ///
    /// # Errors
    ///
    /// Returns the system's error of the creation, of the sync of a parent folder, or of the opening.
    pub fn create(path: &Path) -> io::Result<Disk> {
        let path = std::path::absolute(path)?;
        create_durably(&path)?;
        Disk::open(&path)
    }

    /// Returns the folder's absolute path at the time of opening, for messages.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the folder `salvage`, or `None` for the folder itself.
    fn subfolder(&self, in_salvage: bool) -> io::Result<Option<DirHandle>> {
        if in_salvage { self.dir.subfolder(SALVAGE).map(Some) } else { Ok(None) }
    }

    /// Notes that a name in `salvage` was changed or found. Call it after the change, and before the caller gets the result.
    fn note_change(&self, in_salvage: bool) {
        if in_salvage {
            *self.salvage_unsynced.lock() = true;
        }
    }
}

/// Creates the folder at `path` and its missing parents, and syncs the parent of each new folder.
fn create_durably(path: &Path) -> io::Result<()> {
    let mut missing = Vec::new();
    for folder in path.ancestors() {
        match std::fs::metadata(folder) {
            Ok(_) => {
                // A process that ended before the sync may have created this folder. It had synced the folders above.
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
        let mut entries = match self.dir.subfolder(SALVAGE) {
            Ok(salvage) => salvage.list()?,
            Err(e) if e.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(e) => return Err(e),
        };
        entries.iter_mut().for_each(|entry| entry.name.insert_str(0, SALVAGE_PREFIX));
        Ok(entries)
    }

    fn open(&self, name: &str, how: Open) -> io::Result<Box<dyn File>> {
        let (in_salvage, leaf) = name::split(name)?;
        if in_salvage && how == Open::Create {
            self.dir.make_subfolder(SALVAGE)?;
        }
        let subfolder = self.subfolder(in_salvage)?;
        let file = subfolder.as_ref().unwrap_or(&self.dir).file(leaf, how)?;
        // The process that created the file may have ended before its sync.
        self.note_change(in_salvage);
        Ok(Box::new(DiskFile::new(file)))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let ((from_salvage, from), (to_salvage, to)) = (name::split(from)?, name::split(to)?);
        let (from_subfolder, to_subfolder) = (self.subfolder(from_salvage)?, self.subfolder(to_salvage)?);
        let to_dir = to_subfolder.as_ref().unwrap_or(&self.dir);
        from_subfolder.as_ref().unwrap_or(&self.dir).rename(from, to_dir, to)?;
        self.note_change(from_salvage || to_salvage);
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let (in_salvage, leaf) = name::split(name)?;
        let subfolder = self.subfolder(in_salvage)?;
        subfolder.as_ref().unwrap_or(&self.dir).remove(leaf)?;
        self.note_change(in_salvage);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut unsynced = self.salvage_unsynced.lock();
        if *unsynced {
            match self.dir.subfolder(SALVAGE) {
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
    /// Locks the file `name`. A missing file is created, or is an error.
    fn lock_by(&self, name: &str, create: bool) -> io::Result<Option<Box<dyn Lock>>> {
        let (in_salvage, leaf) = name::split(name)?;
        let subfolder = self.subfolder(in_salvage)?;
        let subfolder = subfolder.as_ref().unwrap_or(&self.dir);
        let file = match subfolder.lock_file(leaf, create) {
            // Only if the file can't be opened for writing: NFS doesn't lock a handle for reading.
            Err(e) if !create && is_forbidden(&e) => subfolder.file(leaf, Open::Read)?,
            opened => opened?,
        };
        // The lock belongs to this opening of the file, so that a second call in this process gets no lock either.
        match file.try_lock() {
            Ok(()) => Ok(Some(Box::new(DiskLock { file, owner: std::process::id() }))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(e)) => Err(e),
        }
    }
}

/// Returns whether the error means that the file can't be written.
fn is_forbidden(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied)
}

#[derive(Debug)]
struct DiskFile {
    file: std::fs::File,
    /// `true` if the file system counted a name when the file was opened. A file system that counts no names can't show a removal.
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

    /// Makes the file exactly `len` bytes long. `reserve` makes it longer, and returns whether it reserved the space.
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
            // Written zeros reserve the space too.
            Ok(false) => self.write_zeros(old, len),
            reserved => reserved.map(drop),
        };
        if result.is_err() {
            // A reservation that met a full disk keeps the space that it got, until the file is cut. The first error counts.
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
        // This comes after the sync, so that it finds every removal before the sync.
        if self.counts_names && !sys::has_name(&self.file)? {
            return Err(io::Error::new(io::ErrorKind::NotFound, super::REMOVED));
        }
        Ok(())
    }

    fn evict(&self) -> io::Result<()> {
        sys::evict(&self.file)
    }
}

/// Reads until `buf` is full or the file ends. One call of the system may be interrupted, or read less.
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

/// Writes all of `bytes`. One call of the system may be interrupted, or write less.
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
    /// The process that took the lock. A forked child has a duplicate of the descriptor, and its exit must not release the lock of its
    /// parent.
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
        // No caller is left to report an error to, and the end of the process releases the lock in any case.
        let _ = self.unlock();
    }
}
