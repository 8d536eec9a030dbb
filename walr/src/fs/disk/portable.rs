//! What [`Disk`](super::Disk) asks of a system that isn't a Unix, which is Windows: the standard library over absolute paths.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::fs::{Entry, Open};

/// A folder, known by its absolute path: there are no calls relative to a folder's handle in the standard library.
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

    /// The folder `name` in this one; a symbolic link is refused.
    pub(super) fn below(&self, name: &str) -> io::Result<DirPath> {
        let path = self.0.join(name);
        if fs::symlink_metadata(&path)?.is_dir() { Ok(DirPath(path)) } else { Err(io::ErrorKind::NotADirectory.into()) }
    }

    pub(super) fn make_below(&self, name: &str) -> io::Result<()> {
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
            // By its path, not through the listing, which on NTFS shows the length that the file had when it was last closed.
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
            // For reading too the handle may write, where that is allowed: Windows syncs no other.
            Open::Read => match regular(&path).and_then(|()| options.open(&path)) {
                Err(e) if e.kind() == io::ErrorKind::PermissionDenied => fs::File::open(path),
                other => other,
            },
        }
    }

    /// Opens the lock file, and creates it if it is missing and that is asked for.
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

    /// Does nothing: Windows can't sync a folder, and NTFS keeps names in a journal that it writes in order. A file's
    /// sync carries the creation and the renames of before with it; the last rename or removal may come undone.
    #[allow(clippy::unused_self, reason = "the Unix side uses it")]
    pub(super) fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

/// Refuses what isn't a regular file. Somebody could exchange it between this call and the next; nothing closer is at hand.
fn regular(path: &Path) -> io::Result<()> {
    if fs::symlink_metadata(path)?.is_file() {
        Ok(())
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{} is not a regular file", path.display())))
    }
}

/// Creates one folder; it inherits who may enter it from its parent.
pub(super) fn make_path(path: &Path) -> io::Result<()> {
    fs::create_dir(path)
}

/// Does nothing, for the reason that stands at [`DirPath::sync`].
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

/// Makes a file longer, to `len` bytes. NTFS allocates them here, hence true.
pub(super) fn reserve(file: &fs::File, _old: u64, len: u64) -> io::Result<bool> {
    file.set_len(len).map(|()| true)
}

pub(super) fn set_len(file: &fs::File, len: u64) -> io::Result<()> {
    file.set_len(len)
}

pub(super) fn sync(file: &fs::File) -> io::Result<()> {
    file.sync_all()
}

/// Says that the file has its name: Windows tells nothing else in the standard library.
#[allow(clippy::unnecessary_wraps, reason = "the Unix side can fail")]
pub(super) fn has_name(_file: &fs::File) -> io::Result<bool> {
    Ok(true)
}

pub(super) fn evict(_file: &fs::File) -> io::Result<()> {
    Ok(())
}
