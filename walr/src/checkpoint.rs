//! A checkpoint: the whole state as of one LSN, streamed to a file and from it.
//!
//! ```text
//! 0        8        12       16         32     40          48    60    64
//! +--------+--------+--------+----------+------+-----------+-----+-----+------+-----+--------+-----+--------+
//! | magic  | format | meta   | store id | LSN  | written   | 0   | CRC | meta | CRC | chunk  | …   | footer |
//! |        |        | length |          |      | at (ms)   |     |     |      |     |        |     |        |
//! +--------+--------+--------+----------+------+-----------+-----+-----+------+-----+--------+-----+--------+
//! chunk:  length (u32, above 0), CRC (u32) of the previous chunk's CRC and the bytes, the bytes
//! footer: 0 (u32), the last chunk's CRC (u32), length of all chunks' bytes (u64), CRC of these 16 (u32), end of file
//! ```
//!
//! The meta is the state's name, version and shape; the chunks together are the state's encoding.
//!
//! It is written under a `.tmp` name, synced, read back from the medium and decoded, and only then renamed, when the log up
//! to its LSN is durable: so that a file with a checkpoint's name was whole once, and whatever is wrong with it later is
//! damage. A crash before the rename leaves a `.tmp`, which the next open removes; one before the folder's sync leaves the
//! old name or the new one, and both checkpoints that existed before are still there.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::codec::{self, Decoder, Source, StreamError};
use crate::error::{Error, Result};
use crate::frame::{u32_at, u64_at};
use crate::fs::{File, Open};
use crate::layout::{Dir, FORMAT, StoreId, TMP, checkpoint_name};
use crate::lsn::Lsn;
use crate::panic;
use crate::schema::other_state;
use crate::state::WalState;

const MAGIC: [u8; 8] = *b"walrCKPT";
const PREFIX: usize = 64;
const FOOTER: usize = 20;
const CHUNK: usize = 256 * 1024;
/// How much of a gently written checkpoint is synced at a time.
const PIECE: u64 = 1 << 20;
const LONGEST_PAUSE: Duration = Duration::from_millis(20);
/// No chunk that we wrote is longer; a reader allocates no more for one.
const MOST_CHUNK: usize = 1 << 24;
const MOST_META: usize = 1 << 24;

/// What a checkpoint says of its state's type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Meta {
    pub(crate) state: String,
    pub(crate) version: u32,
    pub(crate) shape: String,
}

impl Meta {
    fn of<S: WalState>() -> Meta {
        Meta { state: S::NAME.to_string(), version: S::VERSION, shape: S::SHAPE.to_string() }
    }
}

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
            // Not `Interrupted`: whoever writes all of something tries that again for ever.
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

fn chunk_crc(chain: u32, bytes: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&chain.to_le_bytes()), bytes)
}

impl Write for Chunks<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = bytes.len().min(CHUNK - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..count]);
        if self.buffer.len() == CHUNK {
            self.chunk()?;
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A state as a checkpoint held it.
#[derive(Debug)]
pub(crate) struct Loaded<S> {
    pub(crate) state: S,
    pub(crate) lsn: Lsn,
    pub(crate) bytes: u64,
}

/// Why a checkpoint wasn't loaded.
#[derive(Debug)]
pub(crate) enum LoadError {
    /// Its bytes aren't the ones that were written: another checkpoint may serve.
    Damaged { offset: u64, reason: &'static str },
    /// Its bytes are sound, or can't be read: no other checkpoint may be taken in its place.
    Refused(Error),
}

/// Loads the checkpoint of `lsn` from the file `name`; with `evict` from the medium and not from the cache.
pub(crate) fn load<S: WalState>(
    dir: &Dir,
    store: &StoreId,
    name: &str,
    lsn: Lsn,
    evict: bool,
) -> Result<Loaded<S>, LoadError> {
    let path = dir.file_path(name);
    let refused = |e: io::Error| LoadError::Refused(Error::io("read", &path, e));
    let file = dir.folder.open(name, Open::Read).map_err(refused)?;
    if evict {
        file.evict().map_err(refused)?;
    }
    let mut reader = Reader::open(&*file).map_err(|e| reader_error(e, &refused))?;
    let meta = reader.meta(dir, store, name, lsn, &refused)?;
    let mut failure = None;
    let decoder = Decoder::new(&mut reader, &mut failure, S::NAME);
    let state = panic::catch(|| {
        let mut state = decode_as::<S>(&path, &meta, decoder)?;
        state.after_load();
        Ok(state)
    });
    if let Some(error) = failure {
        return Err(reader_error(error, &refused));
    }
    let state = state.unwrap_or_else(|message| {
        let reason = format!("decoding it, or what follows on that, panicked: {message}");
        Err(Error::Codec { what: S::NAME.to_string(), step: "decoded", reason })
    });
    Ok(Loaded { state: state.map_err(LoadError::Refused)?, lsn, bytes: reader.len })
}

/// An error of a reader is either the file system's, or says that the bytes are damaged.
fn reader_error(error: io::Error, refused: &dyn Fn(io::Error) -> LoadError) -> LoadError {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<Damage>()) {
        Some(damage) => LoadError::Damaged { offset: damage.offset, reason: damage.reason },
        None => refused(error),
    }
}

fn decode_as<S: WalState>(path: &std::path::Path, meta: &Meta, decoder: Decoder<'_>) -> Result<S> {
    let refuse = |reason| Err(Error::Schema { path: path.to_path_buf(), reason });
    if meta.state != S::NAME {
        return refuse(other_state(&meta.state, S::NAME));
    }
    if meta.version == S::VERSION && meta.shape == S::SHAPE {
        return decoder.decode();
    }
    if meta.version > S::VERSION {
        let (found, known) = (meta.version, S::VERSION);
        return Err(Error::Newer { path: path.to_path_buf(), what: "the state's version", found, known });
    }
    if meta.version == S::VERSION {
        return refuse(format!(
            "the checkpoint holds `{}`, and this program's `{}` is `{}`; give the new form the next number in \
             `#[wal(version = {}, migrate_from = …)]` and keep the old one to migrate from",
            meta.shape,
            S::NAME,
            S::SHAPE,
            S::VERSION + 1
        ));
    }
    S::migrate(meta.version, &meta.shape, decoder).unwrap_or_else(|| {
        refuse(format!(
            "the checkpoint holds version {} of `{}` and this program has version {}, with no migration from there; add \
             `#[wal(migrate_from = …)]`",
            meta.version,
            S::NAME,
            S::VERSION
        ))
    })
}

/// Damage, as the cause of an `io::Error`.
#[derive(Debug, thiserror::Error)]
#[error("damaged at byte {offset}: {reason}")]
struct Damage {
    offset: u64,
    reason: &'static str,
}

fn damage<T>(offset: u64, reason: &'static str) -> io::Result<T> {
    Err(io::Error::new(io::ErrorKind::InvalidData, Damage { offset, reason }))
}

/// Reads a checkpoint, checking every chunk before handing it out.
struct Reader<'a> {
    file: &'a dyn File,
    len: u64,
    at: u64,
    prefix: Vec<u8>,
    chunk: Vec<u8>,
    used: usize,
    chain: u32,
    total: u64,
    ended: bool,
}

impl<'a> Reader<'a> {
    fn open(file: &'a dyn File) -> io::Result<Self> {
        let len = file.len()?;
        let mut reader = Reader {
            file,
            len,
            at: 0,
            prefix: Vec::new(),
            chunk: Vec::new(),
            used: 0,
            chain: 0,
            total: 0,
            ended: false,
        };
        reader.prefix = reader.take(PREFIX)?;
        let prefix = &reader.prefix;
        if prefix[..8] != MAGIC || crc32c::crc32c(&prefix[..60]) != u32_at(prefix, 60) {
            return damage(0, "the header is damaged");
        }
        Ok(reader)
    }

    fn meta(
        &mut self,
        dir: &Dir,
        store: &StoreId,
        name: &str,
        lsn: Lsn,
        refused: &dyn Fn(io::Error) -> LoadError,
    ) -> Result<Meta, LoadError> {
        let path = || dir.file_path(name);
        let format = u32_at(&self.prefix, 8);
        if format > FORMAT {
            let newer = Error::Newer { path: path(), what: "the format", found: format, known: FORMAT };
            return Err(LoadError::Refused(newer));
        }
        if self.prefix[16..32] != store[..] {
            let reason = "the checkpoint belongs to another store".to_string();
            return Err(LoadError::Refused(Error::Missing { path: path(), reason }));
        }
        if u64_at(&self.prefix, 32) != lsn.get() {
            let reason = format!("the checkpoint is the one of lsn {}", u64_at(&self.prefix, 32));
            return Err(LoadError::Refused(Error::Missing { path: path(), reason }));
        }
        let read = |reader: &mut Self| {
            let len = u32_at(&reader.prefix, 12) as usize;
            let bytes = if len <= MOST_META { reader.take(len)? } else { return damage(12, "the meta is too long") };
            let crc = reader.take(4)?;
            if crc32c::crc32c(&bytes) != u32_at(&crc, 0) {
                return damage(PREFIX as u64, "the description of the state is damaged");
            }
            Ok(bytes)
        };
        let bytes = read(self).map_err(|e| reader_error(e, refused))?;
        codec::decode(&bytes).map_err(|reason| {
            LoadError::Refused(Error::Codec { what: "a checkpoint's description".to_string(), step: "decoded", reason })
        })
    }

    /// The next `count` bytes of the file.
    fn take(&mut self, count: usize) -> io::Result<Vec<u8>> {
        if count as u64 > self.len - self.at {
            return damage(self.at, "the file is cut short");
        }
        let mut bytes = vec![0; count];
        let read = self.file.read_at(&mut bytes, self.at)?;
        if read < count {
            return damage(self.at, "the file is cut short");
        }
        self.at += count as u64;
        Ok(bytes)
    }

    fn next_chunk(&mut self) -> io::Result<()> {
        let at = self.at;
        let head = self.take(8)?;
        let (len, crc) = (u32_at(&head, 0) as usize, u32_at(&head, 4));
        if len == 0 {
            let rest = self.take(FOOTER - 8)?;
            let footer = [head, rest].concat();
            let whole = crc == self.chain && u64_at(&footer, 8) == self.total && self.at == self.len;
            if crc32c::crc32c(&footer[..16]) != u32_at(&footer, 16) || !whole {
                return damage(at, "the end of the file is damaged");
            }
            self.ended = true;
            self.chunk.clear();
        } else {
            if len > MOST_CHUNK {
                return damage(at, "a chunk is too long");
            }
            self.chunk = self.take(len)?;
            self.chain = chunk_crc(self.chain, &self.chunk);
            if self.chain != crc {
                return damage(at, "a chunk has a wrong checksum");
            }
            self.total += len as u64;
        }
        self.used = 0;
        Ok(())
    }
}

impl Source for Reader<'_> {
    fn ready(&mut self) -> io::Result<&[u8]> {
        if self.used == self.chunk.len() && !self.ended {
            self.next_chunk()?;
        }
        Ok(&self.chunk[self.used..])
    }

    fn pass(&mut self, count: usize) {
        self.used = (self.used + count).min(self.chunk.len());
    }

    fn bound(&self) -> u64 {
        self.len
    }
}
