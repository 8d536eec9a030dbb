//! The system calls of [`Disk`](super::Disk) on a system that isn't a Unix, such as Windows: the standard library with absolute paths.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::fs::{Entry, Open};

/// A folder, by its absolute path: the standard library has no calls relative to a folder's handle.
#[derive(Debug)]
pub(super) struct DirPath(PathBuf);

impl DirPath {
    pub(super) fn open(path: &Path) -> io::Result<DirPath> {
        if fs::metadata(path)?.is_dir() {
            Ok(DirPath(path.to_owned()))
        } else {
            Err(io::ErrorKind::NotADirectory.into())
        }
    }

    /// Opens the folder `name` in this folder. A symbolic link is refused.
    pub(super) fn subfolder(&self, name: &str) -> io::Result<DirPath> {
        let path = self.0.join(name);
        if fs::symlink_metadata(&path)?.is_dir() { Ok(DirPath(path)) } else { Err(io::ErrorKind::NotADirectory.into()) }
    }

    pub(super) fn make_subfolder(&self, name: &str) -> io::Result<()> {
        match fs::create_dir(self.0.join(name)) {
            Err(e) if e.kind() != io::ErrorKind::AlreadyExists => Err(e),
            _ => Ok(()),
        }
    }

    pub(super) fn list(&self) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(&self.0)? {
            let entry = entry?;
            if !entry.file_type()?.is_file() {
                continue;
            }
            let Ok(name) = entry.file_name().into_string() else { continue };
            // On NTFS the listing has the length that the file had when it was last closed.
            match fs::symlink_metadata(entry.path()) {
                Ok(data) => entries.push(Entry { name, len: data.len() }),
                Err(e) if e.kind() == io::ErrorKind::NotFound => (),
                Err(e) => return Err(e),
            }
        }
        Ok(entries)
    }

    pub(super) fn file(&self, name: &str, how: Open) -> io::Result<fs::File> {
        let path = self.0.join(name);
        let mut options = fs::OpenOptions::new();
        options.read(true).write(true);
        match how {
            Open::Create => options.create_new(true).open(path),
            Open::Write => regular(&path).and_then(|()| options.open(path)),
            // Windows syncs only a handle that may write.
            Open::Read => match regular(&path).and_then(|()| options.open(&path)) {
                Err(e) if e.kind() == io::ErrorKind::PermissionDenied => fs::File::open(path),
                other => other,
            },
        }
    }

    /// Opens the lock file. `create` allows to create a missing one.
    pub(super) fn lock_file(&self, name: &str, create: bool) -> io::Result<fs::File> {
        let path = self.0.join(name);
        match regular(&path) {
            Err(e) if !create || e.kind() != io::ErrorKind::NotFound => Err(e),
            _ => fs::OpenOptions::new().read(true).write(true).create(create).truncate(false).open(path),
        }
    }

    pub(super) fn rename(&self, from: &str, to_dir: &DirPath, to: &str) -> io::Result<()> {
        fs::rename(self.0.join(from), to_dir.0.join(to))
    }

    pub(super) fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.0.join(name))
    }

    /// Does nothing, because Windows can't sync a folder. NTFS writes its journal of names in order, so that the sync of a file also makes
    /// earlier creations and renames durable. A power cut may undo the last rename or removal.
    #[allow(clippy::unused_self, reason = "the Unix side uses it")]
    pub(super) fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

/// Refuses a path that isn't a regular file. Another process could replace the file before the next call, and the standard library
/// has no call that prevents that.
fn regular(path: &Path) -> io::Result<()> {
    if fs::symlink_metadata(path)?.is_file() {
        Ok(())
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{} is not a regular file", path.display())))
    }
}

/// Creates one folder, which inherits its permissions from its parent.
pub(super) fn make_path(path: &Path) -> io::Result<()> {
    fs::create_dir(path)
}

/// Does nothing; see [`DirPath::sync`].
pub(super) fn sync_path(_path: &Path) -> io::Result<()> {
    Ok(())
}

pub(super) fn read_at(file: &fs::File, buf: &mut [u8], offset: u64) -> io::Result<usize> {
    #[cfg(windows)]
    return std::os::windows::fs::FileExt::seek_read(file, buf, offset);
    #[cfg(unix)]
    return std::os::unix::fs::FileExt::read_at(file, buf, offset);
}

pub(super) fn write_at(file: &fs::File, bytes: &[u8], offset: u64) -> io::Result<usize> {
    #[cfg(windows)]
    return std::os::windows::fs::FileExt::seek_write(file, bytes, offset);
    #[cfg(unix)]
    return std::os::unix::fs::FileExt::write_at(file, bytes, offset);
}

/// Makes a file `len` bytes long, and returns `true`, because NTFS allocates the space.
pub(super) fn reserve(file: &fs::File, _old: u64, len: u64) -> io::Result<bool> {
    file.set_len(len).map(|()| true)
}

pub(super) fn set_len(file: &fs::File, len: u64) -> io::Result<()> {
    file.set_len(len)
}

pub(super) fn sync(file: &fs::File) -> io::Result<()> {
    file.sync_all()
}

/// Returns `true`: the standard library can't tell on Windows.
#[allow(clippy::unnecessary_wraps, reason = "the Unix side can fail")]
pub(super) fn has_name(_file: &fs::File) -> io::Result<bool> {
    Ok(true)
}

pub(super) fn evict(_file: &fs::File) -> io::Result<()> {
    Ok(())
}
