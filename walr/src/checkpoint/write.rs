//! Writing a checkpoint: streamed in chunks, read back, and only then named.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::{CHUNK, LoadError, MAGIC, Meta, PREFIX, chunk_crc, load};
use crate::codec::{self, StreamError};
use crate::error::{Error, Result};
use crate::fs::{File, Open};
use crate::layout::{Dir, FORMAT, StoreId, TMP, checkpoint_name};
use crate::lsn::Lsn;
use crate::state::WalState;

/// How much of a gently written checkpoint is synced at a time.
const PIECE: u64 = 1 << 20;
const LONGEST_PAUSE: Duration = Duration::from_millis(20);

/// A checkpoint that is written, and hasn't got its name yet.
#[derive(Debug)]
pub(crate) struct Unfinished {
    pub(crate) lsn: Lsn,
    /// The file's length.
    pub(crate) bytes: u64,
    file: Box<dyn File>,
}

/// How fast a checkpoint is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// As fast as it goes, synced at the end.
    Full,
    /// In pieces, each synced before the next, with as long a pause as the piece took: so that the writer's syncs queue
    /// behind one piece at most, and get half of the disk.
    Gentle,
}

/// Streams `state` into the `.tmp` file of the checkpoint of `lsn`. `cancel` ends it early.
pub(crate) fn write<S: WalState>(
    dir: &Dir,
    store: &StoreId,
    lsn: Lsn,
    state: &S,
    pace: Pace,
    cancel: &AtomicBool,
) -> Result<Unfinished> {
    let name = checkpoint_name(lsn) + TMP;
    let path = dir.file_path(&name);
    dir.remove_if_there(&name)?;
    let failed = |e: io::Error| io_error("write", path.clone(), e);
    let file = dir.folder.open(&name, Open::Create).map_err(failed)?;
    let buffer = Vec::with_capacity(CHUNK);
    let piece = Piece { began: Instant::now(), at: 0 };
    let mut chunks = Chunks { file: &*file, at: 0, buffer, chain: 0, total: 0, pace, piece, cancel };
    let written = (|| {
        chunks.prefix(store, lsn, &Meta::of::<S>())?;
        codec::encode_to(state, &mut chunks)?;
        chunks.footer()
    })();
    match written {
        Ok(bytes) => Ok(Unfinished { lsn, bytes, file }),
        Err(error) => {
            // The first error is the one to tell; what stays is removed by the next checkpoint or the next open.
            let _ = dir.folder.remove(&name);
            Err(match error {
                StreamError::Io(e) => failed(e),
                StreamError::Codec(reason) => Error::Codec { what: S::NAME.to_string(), step: "encoded", reason },
            })
        }
    }
}

fn io_error(action: &'static str, path: PathBuf, e: io::Error) -> Error {
    match e.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Error::Full { path, needed: CHUNK as u64, source: Arc::new(e) }
        }
        _ => Error::io(action, path, e),
    }
}

impl Unfinished {
    /// Makes the file durable, under the name that it has.
    pub(crate) fn sync(self, dir: &Dir) -> Result<Unfinished> {
        let name = checkpoint_name(self.lsn) + TMP;
        match self.file.sync() {
            Ok(()) => Ok(self),
            Err(e) => {
                let _ = dir.folder.remove(&name);
                Err(io_error("sync", dir.file_path(&name), e))
            }
        }
    }

    /// Reads the file back from the medium and decodes it.
    pub(crate) fn read_back<S: WalState>(&self, dir: &Dir, store: &StoreId) -> Result<S> {
        let name = checkpoint_name(self.lsn) + TMP;
        match load::<S>(dir, store, &name, self.lsn, true) {
            Ok(loaded) => Ok(loaded.state),
            Err(LoadError::Refused(error)) => Err(error),
            Err(LoadError::Damaged { offset, reason }) => Err(Error::Corrupt {
                path: dir.file_path(&name),
                offset,
                after: Lsn::default(),
                reason: format!("what was just written reads back wrong: {reason}"),
            }),
        }
    }

    /// Gives the checkpoint its name, durably. The log up to its LSN must be durable by now.
    pub(crate) fn commit(self, dir: &Dir) -> Result<()> {
        let name = checkpoint_name(self.lsn);
        dir.rename(&(name.clone() + TMP), &name)
    }
}

struct Chunks<'a> {
    file: &'a dyn File,
    at: u64,
    buffer: Vec<u8>,
    chain: u32,
    total: u64,
    pace: Pace,
    piece: Piece,
    cancel: &'a AtomicBool,
}

/// The piece that isn't synced yet: when and where it began.
struct Piece {
    began: Instant,
    at: u64,
}

impl Chunks<'_> {
    fn prefix(&mut self, store: &StoreId, lsn: Lsn, meta: &Meta) -> Result<(), StreamError> {
        let mut encoded = Vec::new();
        codec::encode(meta, &mut encoded).map_err(StreamError::Codec)?;
        let written = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64);
        let mut bytes = vec![0; PREFIX];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&FORMAT.to_le_bytes());
        bytes[12..16].copy_from_slice(&(encoded.len() as u32).to_le_bytes());
        bytes[16..32].copy_from_slice(store);
        bytes[32..40].copy_from_slice(&lsn.get().to_le_bytes());
        bytes[40..48].copy_from_slice(&written.to_le_bytes());
        let crc = crc32c::crc32c(&bytes[..60]);
        bytes[60..].copy_from_slice(&crc.to_le_bytes());
        bytes.extend_from_slice(&encoded);
        bytes.extend_from_slice(&crc32c::crc32c(&encoded).to_le_bytes());
        self.put(&bytes).map_err(StreamError::Io)
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_at(bytes, self.at)?;
        self.at += bytes.len() as u64;
        Ok(())
    }

    fn chunk(&mut self) -> io::Result<()> {
        if self.cancel.load(Ordering::Relaxed) {
            return Err(io::Error::other("the store was closed meanwhile"));
        }
        if self.buffer.is_empty() {
            return Ok(());
        }
        let buffer = std::mem::take(&mut self.buffer);
        self.chain = chunk_crc(self.chain, &buffer);
        self.put(&[(buffer.len() as u32).to_le_bytes(), self.chain.to_le_bytes()].concat())?;
        self.put(&buffer)?;
        self.total += buffer.len() as u64;
        self.buffer = buffer;
        self.buffer.clear();
        if self.pace == Pace::Gentle && self.at - self.piece.at >= PIECE {
            self.file.sync()?;
            std::thread::sleep(self.piece.began.elapsed().min(LONGEST_PAUSE));
            self.piece = Piece { began: Instant::now(), at: self.at };
        }
        Ok(())
    }

    /// Ends the file and returns its length.
    fn footer(&mut self) -> Result<u64, StreamError> {
        let mut end = || {
            self.chunk()?;
            let mut footer = vec![0; 4];
            footer.extend_from_slice(&self.chain.to_le_bytes());
            footer.extend_from_slice(&self.total.to_le_bytes());
            let crc = crc32c::crc32c(&footer);
            footer.extend_from_slice(&crc.to_le_bytes());
            self.put(&footer)?;
            Ok(self.at)
        };
        end().map_err(StreamError::Io)
    }
}

impl Write for Chunks<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = bytes.len().min(CHUNK - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..count]);
        if self.buffer.len() == CHUNK {
            // Whoever writes all of something tries again for ever after `Interrupted`, and this part is gone by then.
            self.chunk().map_err(|e| match e.kind() {
                io::ErrorKind::Interrupted => io::Error::other(e),
                _ => e,
            })?;
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Removes what an unfinished checkpoint left. Only space: the next checkpoint or the next open does the same.
pub(crate) fn discard(dir: &Dir) {
    let Ok(entries) = dir.folder.list() else { return };
    for entry in entries.iter().filter(|entry| entry.name.ends_with(&format!(".ckpt{TMP}"))) {
        let _ = dir.folder.remove(&entry.name);
    }
}
