//! Tests of the real file system that the simulated one can't share.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

use std::io::{self, ErrorKind};
use std::path::Path;

use super::{Disk, DiskFile, DiskLock, create_durably, portable, read_full, sys, write_full};
use crate::fs::{File, Folder, Lock, Open};

#[test]
fn interrupted_and_short_reads_and_writes_are_continued() {
    let medium = b"0123456789";
    let mut turn = 0;
    let mut buf = [0; 16];
    let read = |buf: &mut [u8], offset: u64| {
        turn += 1;
        if turn % 2 == 0 {
            return Err(ErrorKind::Interrupted.into());
        }
        let rest = &medium[(offset as usize).min(medium.len())..];
        let n = rest.len().min(buf.len()).min(3);
        buf[..n].copy_from_slice(&rest[..n]);
        Ok(n)
    };
    assert_eq!(read_full(&mut buf, 1, read).unwrap(), 9);
    assert_eq!(&buf[..9], b"123456789");

    let (mut turn, mut written) = (0, Vec::new());
    let write = |bytes: &[u8], offset: u64| {
        turn += 1;
        if turn % 2 == 0 {
            return Err(ErrorKind::Interrupted.into());
        }
        assert_eq!(offset, 5 + written.len() as u64);
        written.extend_from_slice(&bytes[..bytes.len().min(3)]);
        Ok(bytes.len().min(3))
    };
    write_full(medium, 5, write).unwrap();
    assert_eq!(written, medium);
}

#[test]
fn reads_and_writes_stop_at_an_error() {
    let fail = |_: &mut [u8], offset| if offset < 4 { Ok(4) } else { Err(io::Error::other("bad sector")) };
    assert!(read_full(&mut [0; 8], 0, fail).is_err());
    assert_eq!(write_full(b"x", 0, |_, _| Ok(0)).unwrap_err().kind(), ErrorKind::WriteZero);
}

#[test]
fn create_makes_missing_parents_and_opens_an_existing_folder() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("a/b/c");
    assert_eq!(Disk::open(&path).unwrap_err().kind(), ErrorKind::NotFound);
    Disk::create(&path).unwrap().open("x", Open::Create).unwrap();
    let again = Disk::create(&path).unwrap();
    assert_eq!(again.list().unwrap().len(), 1);
    assert_eq!(again.path(), path);
    assert!(Disk::create(&path.join("x")).is_err(), "a file is no folder");
    assert!(create_durably(&path.join("x/y")).is_err());
    create_durably(Path::new("/")).unwrap();
}

#[test]
fn the_portable_system_calls_work_on_unix() {
    let temp = tempfile::tempdir().unwrap();
    let dir = portable::DirPath::open(temp.path()).unwrap();
    portable::make_path(&temp.path().join("other")).unwrap();
    portable::sync_path(temp.path()).unwrap();
    assert_eq!(dir.subfolder("salvage").unwrap_err().kind(), ErrorKind::NotFound);
    dir.make_subfolder("salvage").unwrap();
    dir.make_subfolder("salvage").unwrap();
    let salvage = dir.subfolder("salvage").unwrap();
    assert_eq!(dir.file("a", Open::Read).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(dir.file("a", Open::Write).unwrap_err().kind(), ErrorKind::NotFound);
    let file = dir.file("a", Open::Create).unwrap();
    assert_eq!(dir.file("a", Open::Create).unwrap_err().kind(), ErrorKind::AlreadyExists);
    assert!(dir.file("salvage", Open::Read).is_err());
    portable::reserve(&file, 0, 100).unwrap();
    assert_eq!(portable::write_at(&file, b"bytes", 10).unwrap(), 5);
    let mut buf = [0; 7];
    assert_eq!(portable::read_at(&dir.file("a", Open::Read).unwrap(), &mut buf, 9).unwrap(), 7);
    assert_eq!(&buf, b"\0bytes\0");
    portable::set_len(&file, 12).unwrap();
    portable::sync(&file).unwrap();
    portable::evict(&file).unwrap();
    dir.lock_file("LOCK", true).unwrap();
    let list = dir.list().unwrap();
    assert_eq!(list.iter().map(|entry| entry.len).sum::<u64>(), 12);
    assert_eq!(list.len(), 2);
    dir.rename("a", &salvage, "b").unwrap();
    salvage.remove("b").unwrap();
    dir.sync().unwrap();
    assert_eq!(dir.list().unwrap().len(), 1);
}

#[test]
fn only_the_owner_releases_a_lock_and_then_for_all_duplicates() {
    let temp = tempfile::tempdir().unwrap();
    let disk = Disk::create(temp.path()).unwrap();
    let file = disk.dir.lock_file("LOCK", true).unwrap();
    file.try_lock().unwrap();
    // A forked child has the same opened file.
    let childs = DiskLock { file: file.try_clone().unwrap(), owner: 0 };
    assert!(childs.unlock().is_err());
    drop(childs);
    assert!(disk.lock("LOCK").unwrap().is_none());
    let duplicate = file.try_clone().unwrap();
    drop(DiskLock { file, owner: std::process::id() });
    assert!(disk.lock("LOCK").unwrap().is_some());
    drop(duplicate);
}

/// Resizes like a file system that can't reserve space: the file gets a hole.
fn reserve_nothing(file: &std::fs::File, _old: u64, len: u64) -> io::Result<bool> {
    sys::set_len(file, len).map(|()| false)
}

fn file_in(folder: &Path) -> DiskFile {
    DiskFile::new(Disk::open(folder).unwrap().dir.file("a", Open::Create).unwrap())
}

#[test]
fn zeros_are_written_where_space_can_not_be_reserved() {
    for (old, len) in [(0, 1 << 20), (1, 4095), (4096, 8192), (5000, 300_001), (4095, 4097)] {
        let temp = tempfile::tempdir().unwrap();
        let file = file_in(temp.path());
        file.write_at(&vec![7; old], 0).unwrap();
        file.resize_by(len, reserve_nothing).unwrap();
        assert_eq!(file.len().unwrap(), len);
        let mut expected = vec![7; old];
        expected.resize(len as usize, 0);
        assert!(std::fs::read(temp.path().join("a")).unwrap() == expected, "from {old} to {len}");
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;
            file.sync().unwrap();
            let blocks = std::fs::metadata(temp.path().join("a")).unwrap().blocks();
            assert!(blocks * 512 >= len, "from {old} to {len}: {blocks} blocks");
        }
    }
}

#[test]
fn a_failed_reservation_returns_its_space() {
    let temp = tempfile::tempdir().unwrap();
    let file = file_in(temp.path());
    file.write_at(b"bytes", 0).unwrap();
    let full = |file: &std::fs::File, _, len| {
        sys::set_len(file, len / 2)?;
        Err(ErrorKind::StorageFull.into())
    };
    assert_eq!(file.resize_by(1 << 20, full).unwrap_err().kind(), ErrorKind::StorageFull);
    assert_eq!(std::fs::read(temp.path().join("a")).unwrap(), b"bytes");
    let path = temp.path().join("a");
    let others = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    let reading = DiskFile::new(std::fs::File::open(&path).unwrap());
    assert!(
        reading.resize_by(1 << 20, |_, old, len| reserve_nothing(&others, old, len)).is_err(),
        "zeros can't be written"
    );
}

#[cfg(unix)]
mod on_unix {
    use std::ffi::OsStr;
    use std::fs;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::process::Command;

    use super::*;

    #[test]
    fn new_files_are_for_their_owner_alone() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("a/b");
        let disk = Disk::create(&path).unwrap();
        disk.open("salvage/x", Open::Create).unwrap();
        disk.lock("LOCK").unwrap().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
        for folder in [temp.path().join("a"), path.clone(), path.join("salvage")] {
            assert_eq!(mode(&folder), 0o700, "{}", folder.display());
        }
        assert_eq!(mode(&path.join("salvage/x")), 0o600);
        assert_eq!(mode(&path.join("LOCK")), 0o600);
    }

    #[test]
    fn a_renamed_folder_stays_open() {
        let temp = tempfile::tempdir().unwrap();
        let (path, moved) = (temp.path().join("a"), temp.path().join("b"));
        let disk = Disk::create(&path).unwrap();
        disk.open("x", Open::Create).unwrap();
        fs::rename(&path, &moved).unwrap();
        fs::create_dir(&path).unwrap();
        disk.rename("x", "y").unwrap();
        disk.open("salvage/z", Open::Create).unwrap();
        disk.sync().unwrap();
        assert_eq!(disk.list().unwrap()[0].name, "y");
        assert!(moved.join("salvage/z").exists());
        assert_eq!(fs::read_dir(&path).unwrap().count(), 0);
    }

    #[test]
    fn links_pipes_and_folders_are_refused() {
        let temp = tempfile::tempdir().unwrap();
        let disk = Disk::create(temp.path()).unwrap();
        fs::write(temp.path().join("real"), b"x").unwrap();
        symlink("real", temp.path().join("link")).unwrap();
        symlink("nowhere", temp.path().join("dangling")).unwrap();
        fs::create_dir(temp.path().join("folder")).unwrap();
        fs::write(temp.path().join(OsStr::from_bytes(b"\xff.wal")), b"x").unwrap();
        assert!(Command::new("mkfifo").arg(temp.path().join("pipe")).status().unwrap().success());
        for name in ["link", "dangling", "folder", "pipe"] {
            assert!(disk.open(name, Open::Read).is_err(), "{name}");
            assert!(disk.open(name, Open::Write).is_err(), "{name}");
            assert!(disk.open(name, Open::Create).is_err(), "{name}");
            assert!(disk.lock(name).is_err(), "{name}");
        }
        let list = disk.list().unwrap();
        assert_eq!(list.iter().map(|entry| &*entry.name).collect::<Vec<_>>(), ["real"]);
    }

    #[test]
    fn a_symbolic_link_in_the_place_of_salvage_is_refused() {
        let temp = tempfile::tempdir().unwrap();
        let disk = Disk::create(&temp.path().join("store")).unwrap();
        fs::create_dir(temp.path().join("elsewhere")).unwrap();
        symlink("../elsewhere", temp.path().join("store/salvage")).unwrap();
        assert!(disk.open("salvage/x", Open::Create).is_err());
        assert_eq!(fs::read_dir(temp.path().join("elsewhere")).unwrap().count(), 0);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_resize_reserves_space() {
        use std::os::unix::fs::MetadataExt;
        let temp = tempfile::tempdir().unwrap();
        let disk = Disk::create(temp.path()).unwrap();
        let file = disk.open("a", Open::Create).unwrap();
        file.resize(1 << 20).unwrap();
        let blocks = fs::metadata(temp.path().join("a")).unwrap().blocks();
        // A file system that can't reserve space has no blocks here, which the contract allows.
        assert!(blocks == 0 || blocks * 512 >= 1 << 20, "{blocks}");
    }

    #[test]
    fn a_lock_excludes_other_handles_and_ends_with_its_drop() {
        let temp = tempfile::tempdir().unwrap();
        let disk = Disk::create(temp.path()).unwrap();
        let other = Disk::open(temp.path()).unwrap();
        let lock = disk.lock("LOCK").unwrap().unwrap();
        assert!(other.lock("LOCK").unwrap().is_none());
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        drop(lock);
        let is_free = other.lock("LOCK").unwrap().is_some();
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(is_free, "a child process doesn't inherit the lock");
    }
}

#[test]
fn reads_show_what_was_written_past_the_cache() {
    const LEN: usize = 3 << 20;
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::open(folder.path()).unwrap();
    let file = disk.open("log", Open::Create).unwrap();
    file.resize(LEN as u64).unwrap();
    file.sync().unwrap();
    let mut expected = vec![0u8; LEN];
    let mut at = 0;
    for (turn, count) in [1usize, 7, 4088, 4096, 100, 8192, 5000, 1 << 20, 3, 4093, 700_000].into_iter().enumerate() {
        let bytes: Vec<u8> = (0..count).map(|n| (n * 31 + turn) as u8 | 1).collect();
        if turn % 3 == 2 {
            file.write_at(&bytes, at as u64).unwrap();
        } else {
            file.write_through(&bytes, at as u64).unwrap();
        }
        expected[at..at + count].copy_from_slice(&bytes);
        at += count;
        if turn % 4 == 3 {
            at = at.next_multiple_of(4096);
        }
        let mut read = vec![0; LEN];
        assert_eq!(file.read_at(&mut read, 0).unwrap(), LEN);
        assert!(read == expected, "after write {turn}");
    }
    file.sync().unwrap();
    file.evict().unwrap();
    let mut read = vec![0; LEN];
    file.read_at(&mut read, 0).unwrap();
    assert!(read == expected, "from the medium");
}
