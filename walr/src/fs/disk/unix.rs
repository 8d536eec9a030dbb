//! The system calls of [`Disk`](super::Disk) on a Unix, all relative to a folder's descriptor.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, FileExt};
use std::path::Path;

use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use rustix::io::{Errno, retry_on_intr};

use crate::fs::{Entry, Open};

/// A folder, by its descriptor.
#[derive(Debug)]
pub(super) struct DirFd(OwnedFd);

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
/// Without `NONBLOCK` the opening of a named pipe would wait for ever. Regular files ignore the flag.
const FILE: OFlags = OFlags::NOFOLLOW.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK).union(OFlags::NOCTTY);

impl DirFd {
    pub(super) fn open(path: &Path) -> io::Result<DirFd> {
        let fd = retry_on_intr(|| rustix::fs::open(path, FOLDER, Mode::empty()))?;
        Ok(DirFd(fd))
    }

    /// Opens the folder `name` in this folder. A symbolic link is refused.
    pub(super) fn subfolder(&self, name: &str) -> io::Result<DirFd> {
        let fd = retry_on_intr(|| rustix::fs::openat(&self.0, name, FOLDER | OFlags::NOFOLLOW, Mode::empty()))?;
        Ok(DirFd(fd))
    }

    pub(super) fn make_subfolder(&self, name: &str) -> io::Result<()> {
        match rustix::fs::mkdirat(&self.0, name, Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => Ok(()),
            Err(e) => Err(e.into()),
        }
    }

    pub(super) fn list(&self) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        // `read_from` opens the folder again, so that two listings at once don't share a position.
        for entry in rustix::fs::Dir::read_from(&self.0)? {
            let entry = entry?;
            // Some file systems don't list the type of a file.
            if !matches!(entry.file_type(), FileType::RegularFile | FileType::Unknown) {
                continue;
            }
            let Ok(name) = entry.file_name().to_str() else { continue };
            match rustix::fs::statat(&self.0, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile => {
                    entries.push(Entry { name: name.to_owned(), len: u64::try_from(stat.st_size).unwrap_or(0) });
                }
                // The file has another type, or was removed since the folder was read.
                Ok(_) | Err(Errno::NOENT) => (),
                Err(e) => return Err(e.into()),
            }
        }
        Ok(entries)
    }

    pub(super) fn file(&self, name: &str, how: Open) -> io::Result<fs::File> {
        self.regular(
            name,
            match how {
                Open::Read => OFlags::RDONLY,
                Open::Write => OFlags::RDWR,
                Open::Create => OFlags::RDWR | OFlags::CREATE | OFlags::EXCL,
            },
        )
    }

    /// Opens the lock file. `create` allows to create a missing one.
    pub(super) fn lock_file(&self, name: &str, create: bool) -> io::Result<fs::File> {
        self.regular(name, if create { OFlags::RDWR | OFlags::CREATE } else { OFlags::RDWR })
    }

    fn regular(&self, name: &str, flags: OFlags) -> io::Result<fs::File> {
        let mode = Mode::RUSR | Mode::WUSR;
        let fd = retry_on_intr(|| rustix::fs::openat(&self.0, name, FILE | flags, mode))?;
        if FileType::from_raw_mode(rustix::fs::fstat(&fd)?.st_mode) != FileType::RegularFile {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{name:?} is not a regular file")));
        }
        Ok(fs::File::from(fd))
    }

    pub(super) fn rename(&self, from: &str, to_dir: &DirFd, to: &str) -> io::Result<()> {
        Ok(rustix::fs::renameat(&self.0, from, &to_dir.0, to)?)
    }

    pub(super) fn remove(&self, name: &str) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.0, name, AtFlags::empty())?)
    }

    pub(super) fn sync(&self) -> io::Result<()> {
        sync_all(&self.0)
    }
}

/// Creates one folder, for its owner alone.
pub(super) fn make_path(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().mode(0o700).create(path)
}

/// Makes the names in the folder at `path` durable.
pub(super) fn sync_path(path: &Path) -> io::Result<()> {
    DirFd::open(path)?.sync()
}

pub(super) fn read_at(file: &fs::File, buf: &mut [u8], offset: u64) -> io::Result<usize> {
    file.read_at(buf, offset)
}

pub(super) fn write_at(file: &fs::File, bytes: &[u8], offset: u64) -> io::Result<usize> {
    file.write_at(bytes, offset)
}

/// Makes a file longer, from `old` to `len` bytes. Returns `false` if the space isn't reserved.
#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
pub(super) fn reserve(file: &fs::File, old: u64, len: u64) -> io::Result<bool> {
    let flags = rustix::fs::FallocateFlags::empty();
    match retry_on_intr(|| rustix::fs::fallocate(file, flags, old, len - old)) {
        Ok(()) => Ok(true),
        // Systems and file systems that can't reserve space return different errors.
        Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => set_len(file, len).map(|()| false),
        Err(e) => Err(e.into()),
    }
}

/// Makes a file `len` bytes long. Returns `false`, because these systems have no call that reserves the space.
#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
pub(super) fn reserve(file: &fs::File, _old: u64, len: u64) -> io::Result<bool> {
    set_len(file, len).map(|()| false)
}

pub(super) fn set_len(file: &fs::File, len: u64) -> io::Result<()> {
    Ok(retry_on_intr(|| rustix::fs::ftruncate(file, len))?)
}

// The syncs don't use `std::fs::File::sync_data` and `sync_all`, which repeat the call after an interruption. By then the pages that
// didn't reach the disk may count as clean, so that the second call returns `Ok` for lost data.

/// Makes bytes and length durable: `fdatasync` also writes the metadata that a later read needs.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn sync(file: &fs::File) -> io::Result<()> {
    Ok(rustix::fs::fdatasync(file)?)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) fn sync(file: &fs::File) -> io::Result<()> {
    sync_all(file)
}

/// On Apple's systems `fsync` doesn't flush the drive's cache. A volume that can't flush it is refused.
#[cfg(target_vendor = "apple")]
fn sync_all(fd: impl std::os::fd::AsFd) -> io::Result<()> {
    Ok(rustix::fs::fcntl_fullfsync(fd)?)
}

#[cfg(not(target_vendor = "apple"))]
fn sync_all(fd: impl std::os::fd::AsFd) -> io::Result<()> {
    Ok(rustix::fs::fsync(fd)?)
}

/// Returns whether the file has a name. A removal takes the name away, and so does a rename of another file to it.
///
/// Asks for nothing else: since Linux 6.13 a look at a file's times makes the next write change them, and the next sync then took 1.4 to
/// 1.8 times as long.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn has_name(file: &fs::File) -> io::Result<bool> {
    use rustix::fs::StatxFlags;
    match rustix::fs::statx(file, "", AtFlags::EMPTY_PATH, StatxFlags::NLINK) {
        Ok(found) => Ok(found.stx_nlink > 0),
        // A kernel or a sandbox without the call.
        Err(rustix::io::Errno::NOSYS | rustix::io::Errno::PERM) => Ok(rustix::fs::fstat(file)?.st_nlink > 0),
        Err(error) => Err(error.into()),
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) fn has_name(file: &fs::File) -> io::Result<bool> {
    Ok(rustix::fs::fstat(file)?.st_nlink > 0)
}

#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
pub(super) fn evict(file: &fs::File) -> io::Result<()> {
    // No length stands for the end of the file.
    Ok(rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed)?)
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
pub(super) fn evict(_file: &fs::File) -> io::Result<()> {
    Ok(())
}
