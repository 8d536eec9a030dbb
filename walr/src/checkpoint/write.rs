//! Writes a checkpoint: streams it in chunks, reads it back, and then gives it its name.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use super::read::load_written;
use super::{CHECKPOINT_HEAD, CHUNK, LoadError, PREFIX, cancelled, chunk_crc};
use crate::codec::{self, Refusal, StreamError, Tokens};
use crate::error::{Error, Result};
use crate::fs::{File, Open, Throttle};
use crate::log::layout::{FileKind, HEAD, StoreDir, StoreId, TMP, checkpoint_name, parse_name};
use crate::lsn::{Lsn, Position};
use crate::schema::Schema;
use crate::schema::state::WalState;

/// A throttled checkpoint reserves as much space as it has so far, within these bounds.
const LEAST_RESERVE: u64 = CHUNK as u64;
const MOST_RESERVE: u64 = 16 << 20;

/// The length of a chunk's head: its length and its CRC.
const CHUNK_HEAD: usize = 8;

/// A checkpoint that still has its `.tmp` name.
#[derive(Debug)]
pub(crate) struct UnfinishedCheckpoint {
    pub(crate) lsn: Lsn,
    position: Position,
    /// The file's length.
    pub(crate) bytes: u64,
    file: Box<dyn File>,
    /// The tokens of the written state, to compare the decoded one.
    tokens: Tokens,
}

/// Streams `state` into the `.tmp` file of the checkpoint of `lsn`. `position` is the one that the state comes from.
///
/// A throttled checkpoint syncs each chunk, past the cache where possible, so that no sync of the log waits behind more than one chunk.
/// Otherwise the chunks go through the cache, and [`sync`](UnfinishedCheckpoint::sync) makes them durable.
pub(crate) fn write<S: WalState>(
    dir: &StoreDir,
    store: &StoreId,
    lsn: Lsn,
    position: Position,
    state: &S,
    throttle: &Throttle<'_>,
) -> Result<UnfinishedCheckpoint> {
    write_with(dir, store, (lsn, position), throttle, &Schema::of::<S>(), &|chunks| codec::encode_to(state, chunks))
}

/// Writes a checkpoint like [`write`], from the state's encoding and its tokens.
pub(crate) fn write_encoded<S: WalState>(
    dir: &StoreDir,
    store: &StoreId,
    lsn: Lsn,
    position: Position,
    (encoded, tokens): (&[u8], Tokens),
    throttle: &Throttle<'_>,
) -> Result<UnfinishedCheckpoint> {
    write_with(dir, store, (lsn, position), throttle, &Schema::of::<S>(), &|chunks| {
        chunks.write_all(encoded).map_err(StreamError::Io)?;
        Ok(tokens.clone())
    })
}

fn write_with(
    dir: &StoreDir,
    store: &StoreId,
    (lsn, position): (Lsn, Position),
    throttle: &Throttle<'_>,
    schema: &Schema,
    encode: &dyn Fn(&mut ChunkWriter<'_>) -> Result<Tokens, StreamError>,
) -> Result<UnfinishedCheckpoint> {
    let name = checkpoint_name(lsn) + TMP;
    let path = dir.file_path(&name);
    dir.remove_if_there(&name)?;
    let failed = |e: io::Error| io_error("write", path.clone(), e);
    let file = dir.folder.open(&name, Open::Create).map_err(failed)?;
    let mut buffer = Vec::with_capacity(CHUNK_HEAD + CHUNK);
    buffer.resize(CHUNK_HEAD, 0);
    let reserved = throttle.is_on().then_some(0);
    let mut chunks = ChunkWriter { file: &*file, at: 0, reserved, buffer, chain: 0, total: 0, throttle };
    let written = (|| {
        chunks.prefix(store, lsn, position, schema)?;
        let tokens = encode(&mut chunks)?;
        Ok((tokens, chunks.footer()?))
    })();
    match written {
        Ok((tokens, bytes)) => Ok(UnfinishedCheckpoint { lsn, position, bytes, file, tokens }),
        Err(error) => {
            // If this fails too, the next checkpoint or the next open removes the file.
            let _ = dir.folder.remove(&name);
            Err(match error {
                StreamError::Io(e) => failed(e),
                StreamError::Codec(refusal) => refusal.of_state(&schema.state),
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

impl UnfinishedCheckpoint {
    /// Makes the file's bytes durable.
    pub(crate) fn sync(self, dir: &StoreDir) -> Result<UnfinishedCheckpoint> {
        let name = checkpoint_name(self.lsn) + TMP;
        match self.file.sync() {
            Ok(()) => Ok(self),
            Err(e) => {
                let _ = dir.folder.remove(&name);
                Err(io_error("sync", dir.file_path(&name), e))
            }
        }
    }

    /// Reads the file back from the medium and decodes it. A state that decodes to another one is refused.
    pub(crate) fn read_back<S: WalState>(&self, dir: &StoreDir, store: &StoreId, throttle: &Throttle<'_>) -> Result<S> {
        let name = checkpoint_name(self.lsn) + TMP;
        self.file.evict().map_err(|e| Error::io("read", dir.file_path(&name), e))?;
        match load_written::<S>(dir, store, &name, self.lsn, &self.tokens, throttle) {
            Ok(loaded) => {
                debug_assert_eq!(loaded.position, self.position);
                Ok(loaded.state)
            }
            Err(LoadError::Refused(error)) => Err(error),
            Err(LoadError::Corrupt { offset, reason }) => Err(Error::Corrupt {
                path: dir.file_path(&name),
                offset,
                after: Lsn::default(),
                reason: format!("a new checkpoint was read back with other bytes: {reason}"),
            }),
        }
    }

    /// Gives the checkpoint its name durably. The log up to its LSN must be durable before.
    pub(crate) fn commit(self, dir: &StoreDir) -> Result<()> {
        let name = checkpoint_name(self.lsn);
        dir.rename(&(name.clone() + TMP), &name)
    }
}

/// Writes the bytes of a checkpoint in chunks.
struct ChunkWriter<'a> {
    file: &'a dyn File,
    at: u64,
    /// The end of the reserved space; `None` if chunks aren't synced one by one.
    reserved: Option<u64>,
    /// [`CHUNK_HEAD`] free bytes, and then the chunk's bytes.
    buffer: Vec<u8>,
    chain: u32,
    total: u64,
    throttle: &'a Throttle<'a>,
}

impl ChunkWriter<'_> {
    fn prefix(&mut self, store: &StoreId, lsn: Lsn, position: Position, schema: &Schema) -> Result<(), StreamError> {
        let schema = schema.encode().map_err(|text| StreamError::Codec(Refusal::encoding(text)))?;
        let written = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64);
        let mut bytes = vec![0; PREFIX];
        bytes[HEAD..48].copy_from_slice(&lsn.get().to_le_bytes());
        bytes[48..56].copy_from_slice(&written.to_le_bytes());
        bytes[56..64].copy_from_slice(&position.epoch.to_le_bytes());
        bytes[64..72].copy_from_slice(&position.position.to_le_bytes());
        bytes[72..76].copy_from_slice(&(schema.len() as u32).to_le_bytes());
        CHECKPOINT_HEAD.finish(store, &mut bytes);
        bytes.extend_from_slice(&schema);
        bytes.extend_from_slice(&crc32c::crc32c(&schema).to_le_bytes());
        self.put(&bytes).map_err(StreamError::Io)
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        let end = self.at + bytes.len() as u64;
        match &mut self.reserved {
            None => self.file.write_at(bytes, self.at)?,
            Some(reserved) => {
                if end > *reserved {
                    *reserved = end + end.clamp(LEAST_RESERVE, MOST_RESERVE);
                    if self.file.resize(*reserved).is_err() {
                        // There may still be space for these bytes alone.
                        *reserved = end;
                        self.file.resize(end)?;
                    }
                }
                self.file.write_through(bytes, self.at)?;
            }
        }
        self.at = end;
        Ok(())
    }

    fn chunk(&mut self) -> io::Result<()> {
        if self.throttle.is_cancelled() {
            return Err(cancelled());
        }
        let len = self.buffer.len() - CHUNK_HEAD;
        if len == 0 {
            return Ok(());
        }
        let mut buffer = std::mem::take(&mut self.buffer);
        self.chain = chunk_crc(self.chain, &buffer[CHUNK_HEAD..]);
        buffer[..4].copy_from_slice(&(len as u32).to_le_bytes());
        buffer[4..CHUNK_HEAD].copy_from_slice(&self.chain.to_le_bytes());
        self.put(&buffer)?;
        self.total += len as u64;
        buffer.truncate(CHUNK_HEAD);
        self.buffer = buffer;
        self.throttle.rest();
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
            if self.reserved.is_some() {
                self.file.resize(self.at)?;
            }
            Ok(self.at)
        };
        end().map_err(StreamError::Io)
    }
}

impl Write for ChunkWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let full = CHUNK_HEAD + CHUNK;
        let count = bytes.len().min(full - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..count]);
        if self.buffer.len() == full {
            // After `Interrupted` the caller would repeat the write, but the chunk's bytes are gone by then.
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

/// Removes the files of unfinished checkpoints. What stays after a failure is removed by the next checkpoint or the next open.
pub(crate) fn remove_unfinished(dir: &StoreDir) {
    let Ok(entries) = dir.folder.list() else { return };
    let is_checkpoint = |name: &&str| matches!(parse_name(name), Some(FileKind::Checkpoint(_)));
    let unfinished = entries.iter().filter(|entry| entry.name.strip_suffix(TMP).as_ref().is_some_and(is_checkpoint));
    for entry in unfinished {
        let _ = dir.folder.remove(&entry.name);
    }
}
