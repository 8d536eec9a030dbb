//! The file names of a store's folder, and the file `STORE`, which identifies the store.
//!
//! ```text
//! LOCK                     held while the store is open; never deleted
//! STORE                    the store's identity, 64 bytes, written once
//! {seq:016x}.wal           a segment of the log
//! {lsn:016x}.ckpt          a checkpoint of the state as of that LSN
//! {lsn:016x}.ckpt.bad      a corrupt checkpoint
//! STORE.tmp, {…}.wal.tmp, {…}.ckpt.tmp
//!                          an unfinished file; removed by the next open
//! salvage/                 copies of torn ends that recovery cut off: the newest 16, of at most 1 MiB each
//! ```
//!
//! `STORE`, little-endian, after the head that it shares with segments and checkpoints (`layout/head.rs`):
//!
//! ```text
//! 0               40               56      60      64
//! +---------------+----------------+-------+-------+
//! | head          | lineage        | 0     | CRC   |
//! +---------------+----------------+-------+-------+
//! ```
//!
//! The creation of a store renames it into place last, so that it commits the creation.

mod head;

use std::path::{Path, PathBuf};

#[cfg(test)]
pub(crate) use self::head::put_crc;
pub(crate) use self::head::{FileHead, HEAD};
use crate::error::{Error, Result};
use crate::fs::{Folder, Open};
use crate::lsn::Lsn;

pub(crate) const LOCK: &str = "LOCK";
pub(crate) const STORE: &str = "STORE";
const STORE_HEAD: FileHead = FileHead { magic: *b"walrSTOR", codec: 0 };
const STORE_LEN: usize = 64;

/// The files of walr 0.1.
const OLD: [&str; 3] = ["wal.bin", "checkpoint.bin", "temporary_checkpoint.bin"];

/// The suffix of an unfinished file.
pub(crate) const TMP: &str = ".tmp";
/// The suffix of a corrupt checkpoint.
pub(crate) const BAD: &str = ".bad";

/// The kind of a file, as its name tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileKind {
    Segment(u64),
    Checkpoint(Lsn),
    /// One of the three unfinished files above. The store ignores other `.tmp` files.
    Unfinished,
    /// A file of walr 0.1, which had another format.
    Old,
}

pub(crate) fn segment_name(seq: u64) -> String {
    format!("{seq:016x}.wal")
}

pub(crate) fn checkpoint_name(lsn: Lsn) -> String {
    format!("{:016x}.ckpt", lsn.get())
}

/// Returns the kind of the file `name`, or `None` if the store doesn't use such names.
pub(crate) fn parse_name(name: &str) -> Option<FileKind> {
    match name.strip_suffix(TMP) {
        Some(STORE) => Some(FileKind::Unfinished),
        Some(finished) => parse_numbered(finished).map(|_| FileKind::Unfinished),
        None if OLD.contains(&name) => Some(FileKind::Old),
        None => parse_numbered(name),
    }
}

fn parse_numbered(name: &str) -> Option<FileKind> {
    let (number, suffix) = name.split_once('.')?;
    let canonical = number.len() == 16 && !number.bytes().any(|byte| byte.is_ascii_uppercase() || byte == b'+');
    let number = u64::from_str_radix(number, 16).ok().filter(|_| canonical)?;
    match suffix {
        "wal" => Some(FileKind::Segment(number)),
        "ckpt" => Some(FileKind::Checkpoint(Lsn::new(number))),
        _ => None,
    }
}

/// The random id of a store. Each segment and checkpoint repeats it.
pub(crate) type StoreId = [u8; 16];

/// The contents of `STORE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) store: StoreId,
    /// The random id of this copy of the store. A restored copy gets another.
    pub(crate) lineage: [u8; 16],
}

impl Identity {
    pub(crate) fn random() -> Result<Identity> {
        Ok(Identity { store: random()?, lineage: random()? })
    }

    pub(crate) fn encode(&self) -> [u8; STORE_LEN] {
        let mut bytes = [0; STORE_LEN];
        bytes[HEAD..56].copy_from_slice(&self.lineage);
        STORE_HEAD.finish(&self.store, &mut bytes);
        bytes
    }

    /// Decodes the bytes of `STORE`. `path` is for the errors.
    pub(crate) fn decode(bytes: &[u8], path: &Path) -> Result<Identity> {
        let corrupt = |reason: &str| Error::Corrupt {
            path: path.to_path_buf(),
            offset: 0,
            after: Lsn::default(),
            reason: reason.to_string(),
        };
        // The file of a newer format may be longer.
        let Some(header) = bytes.get(..STORE_LEN).filter(|header| STORE_HEAD.is_intact(header)) else {
            return Err(corrupt("the store's identity is corrupt"));
        };
        let store = STORE_HEAD.check(header, path)?;
        if bytes.len() != STORE_LEN {
            return Err(corrupt("the file is too long"));
        }
        let mut identity = Identity { store, lineage: [0; 16] };
        identity.lineage.copy_from_slice(&header[HEAD..56]);
        Ok(identity)
    }

    /// Writes `STORE` durably, as the last step of a creation.
    pub(crate) fn write(&self, dir: &StoreDir) -> Result<()> {
        dir.replace(&format!("{STORE}{TMP}"), STORE, &self.encode())
    }
}

/// Returns random bytes that can't be predicted.
pub(crate) fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|e| Error::io("draw random bytes for", "a new file", e.into()))?;
    Ok(bytes)
}

/// A store's folder, with its path for messages.
#[derive(Clone, Debug)]
pub(crate) struct StoreDir {
    pub(crate) folder: std::sync::Arc<dyn Folder>,
    pub(crate) path: PathBuf,
}

impl StoreDir {
    /// Takes the path from the folder's name.
    pub(crate) fn of(folder: std::sync::Arc<dyn Folder>) -> StoreDir {
        StoreDir { path: folder.path(), folder }
    }

    pub(crate) fn file_path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Reads a small file; `None` if there is none.
    pub(crate) fn read_small(&self, name: &str) -> Result<Option<Vec<u8>>> {
        const MOST: usize = 4096;
        let file = match self.folder.open(name, Open::Read) {
            Ok(file) => file,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(Error::io("open", self.file_path(name), e)),
        };
        let mut bytes = vec![0; MOST];
        let len = file.read_at(&mut bytes, 0).map_err(|e| Error::io("read", self.file_path(name), e))?;
        bytes.truncate(len);
        Ok(Some(bytes))
    }

    /// Replaces the contents of the file `to` by `bytes`, durably and atomically: writes the file `unfinished` and renames it.
    fn replace(&self, unfinished: &str, to: &str, bytes: &[u8]) -> Result<()> {
        self.remove_if_there(unfinished)?;
        let path = self.file_path(unfinished);
        let file = self.folder.open(unfinished, Open::Create).map_err(|e| Error::io("create", &path, e))?;
        file.write_at(bytes, 0).map_err(|e| Error::io("write", &path, e))?;
        file.sync().map_err(|e| Error::io("sync", &path, e))?;
        self.rename(unfinished, to)
    }

    /// Renames a file durably.
    pub(crate) fn rename(&self, from: &str, to: &str) -> Result<()> {
        self.folder.rename(from, to).map_err(|e| Error::io("rename", self.file_path(from), e))?;
        self.sync()
    }

    pub(crate) fn sync(&self) -> Result<()> {
        self.folder.sync().map_err(|e| Error::io("sync", &self.path, e))
    }

    pub(crate) fn remove_if_there(&self, name: &str) -> Result<()> {
        match self.folder.remove(name) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Error::io("remove", self.file_path(name), e)),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_names_are_parsed_and_others_are_ignored() {
        assert_eq!(parse_name(&segment_name(26)), Some(FileKind::Segment(26)));
        assert_eq!(parse_name(&checkpoint_name(Lsn::new(u64::MAX))), Some(FileKind::Checkpoint(Lsn::new(u64::MAX))));
        for unfinished in ["STORE.tmp", "000000000000001a.wal.tmp", "000000000000001a.ckpt.tmp"] {
            assert_eq!(parse_name(unfinished), Some(FileKind::Unfinished), "{unfinished}");
        }
        assert_eq!(parse_name("wal.bin"), Some(FileKind::Old));
        let foreign = ["lost+found", "STORE", "1a.wal", "000000000000001A.wal", "+00000000000001a.wal", "x.ckpt.bad"];
        let temporary = [".tmp", "thesis.tmp", "1a.ckpt.tmp", "wal.bin.tmp", "STORE.tmp.tmp", "000000000000001a.tmp"];
        for foreign in foreign.into_iter().chain(temporary) {
            assert_eq!(parse_name(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn the_identity_decodes_as_it_was_encoded_and_every_flipped_bit_shows() {
        let identity = Identity { store: [7; 16], lineage: [9; 16] };
        let bytes = identity.encode();
        let path = Path::new("cache/STORE");
        assert_eq!(Identity::decode(&bytes, path).unwrap(), identity);
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(Identity::decode(&flipped, path).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn a_longer_file_is_refused() {
        let identity = Identity { store: [7; 16], lineage: [9; 16] };
        let longer = [&identity.encode()[..], &[0]].concat();
        let error = Identity::decode(&longer, Path::new("STORE")).unwrap_err();
        assert!(matches!(error, Error::Corrupt { .. }), "{error:?}");
    }
}
