//! Writing a checkpoint: streamed in chunks, read back, and only then named.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use super::read::load_again;
use super::{CHUNK, CheckpointMeta, LoadError, MAGIC, PREFIX, chunk_crc, stopped};
use crate::codec::{self, Refusal, StreamError, Tokens};
use crate::error::{Error, Result};
use crate::fs::{File, Open};
use crate::log::layout::{FORMAT, FileKind, StoreDir, StoreId, TMP, checkpoint_name, parse_name};
use crate::lsn::Lsn;
use crate::pace::Pace;
use crate::schema::state::WalState;

/// How much space a checkpoint that is written gently reserves at a time: as much as it has taken, between these.
const LEAST_RESERVE: u64 = CHUNK as u64;
const MOST_RESERVE: u64 = 16 << 20;

/// What stands before a chunk's bytes: its length and its CRC.
const CHUNK_HEAD: usize = 8;

/// A checkpoint that is written, and hasn't got its name yet.
#[derive(Debug)]
pub(crate) struct UnfinishedCheckpoint {
    pub(crate) lsn: Lsn,
    /// The file's length.
    pub(crate) bytes: u64,
    file: Box<dyn File>,
    /// What the state was written as, to hold what is read back to it.
    tokens: Tokens,
}

/// Streams `state` into the `.tmp` file of the checkpoint of `lsn`: at full pace through the cache, to be synced at the end;
/// gently in chunks that are synced one by one, past the cache where that can be done, so that the log's syncs never queue
/// behind more than one.
pub(crate) fn write<S: WalState>(
    dir: &StoreDir,
    store: &StoreId,
    lsn: Lsn,
    state: &S,
    pace: &Pace<'_>,
) -> Result<UnfinishedCheckpoint> {
    write_with::<S>(dir, store, lsn, pace, |chunks| codec::encode_to(state, chunks))
}

/// The same with the state's encoding, and what it was written as.
pub(crate) fn write_encoded<S: WalState>(
    dir: &StoreDir,
    store: &StoreId,
    lsn: Lsn,
    (encoded, tokens): (&[u8], Tokens),
    pace: &Pace<'_>,
) -> Result<UnfinishedCheckpoint> {
    let put = |chunks: &mut ChunkWriter<'_>| chunks.write_all(encoded).map(|()| tokens).map_err(StreamError::Io);
    write_with::<S>(dir, store, lsn, pace, put)
}

fn write_with<S: WalState>(
    dir: &StoreDir,
    store: &StoreId,
    lsn: Lsn,
    pace: &Pace<'_>,
    encode: impl FnOnce(&mut ChunkWriter<'_>) -> Result<Tokens, StreamError>,
) -> Result<UnfinishedCheckpoint> {
    let name = checkpoint_name(lsn) + TMP;
    let path = dir.file_path(&name);
    dir.remove_if_there(&name)?;
    let failed = |e: io::Error| io_error("write", path.clone(), e);
    let file = dir.folder.open(&name, Open::Create).map_err(failed)?;
    let mut buffer = Vec::with_capacity(CHUNK_HEAD + CHUNK);
    buffer.resize(CHUNK_HEAD, 0);
    let reserved = pace.is_gentle().then_some(0);
    let mut chunks = ChunkWriter { file: &*file, at: 0, reserved, buffer, chain: 0, total: 0, pace };
    let written = (|| {
        chunks.prefix(store, lsn, &CheckpointMeta::of::<S>())?;
        let tokens = encode(&mut chunks)?;
        Ok((tokens, chunks.footer()?))
    })();
    match written {
        Ok((tokens, bytes)) => Ok(UnfinishedCheckpoint { lsn, bytes, file, tokens }),
        Err(error) => {
            // The first error is the one to tell; what stays is removed by the next checkpoint or the next open.
            let _ = dir.folder.remove(&name);
            Err(match error {
                StreamError::Io(e) => failed(e),
                StreamError::Codec(refusal) => refusal.of_state(S::NAME),
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
    /// Makes the file durable, under the name that it has.
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

    /// Reads the file back from the medium and decodes it. A state that would come back as another one is refused.
    pub(crate) fn read_back<S: WalState>(&self, dir: &StoreDir, store: &StoreId, pace: &Pace<'_>) -> Result<S> {
        let name = checkpoint_name(self.lsn) + TMP;
        self.file.evict().map_err(|e| Error::io("read", dir.file_path(&name), e))?;
        match load_again::<S>(dir, store, &name, self.lsn, &self.tokens, pace) {
            Ok(loaded) => Ok(loaded.state),
            Err(LoadError::Refused(error)) => Err(error),
            Err(LoadError::Corrupt { offset, reason }) => Err(Error::Corrupt {
                path: dir.file_path(&name),
                offset,
                after: Lsn::default(),
                reason: format!("what was just written reads back wrong: {reason}"),
            }),
        }
    }

    /// Gives the checkpoint its name, durably. The log up to its LSN must be durable by now.
    pub(crate) fn commit(self, dir: &StoreDir) -> Result<()> {
        let name = checkpoint_name(self.lsn);
        dir.rename(&(name.clone() + TMP), &name)
    }
}

struct ChunkWriter<'a> {
    file: &'a dyn File,
    at: u64,
    /// Up to where space is reserved, where each chunk is synced.
    reserved: Option<u64>,
    /// [`CHUNK_HEAD`] free bytes, and the chunk's behind them.
    buffer: Vec<u8>,
    chain: u32,
    total: u64,
    pace: &'a Pace<'a>,
}

impl ChunkWriter<'_> {
    fn prefix(&mut self, store: &StoreId, lsn: Lsn, meta: &CheckpointMeta) -> Result<(), StreamError> {
        let mut encoded = Vec::new();
        codec::encode(meta, &mut encoded).map_err(|text| StreamError::Codec(Refusal::encoding(text)))?;
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
        let end = self.at + bytes.len() as u64;
        match &mut self.reserved {
            None => self.file.write_at(bytes, self.at)?,
            Some(reserved) => {
                if end > *reserved {
                    *reserved = end + end.clamp(LEAST_RESERVE, MOST_RESERVE);
                    if self.file.resize(*reserved).is_err() {
                        // What isn't there for more than is needed may be there for that.
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
        if self.pace.is_stopped() {
            return Err(stopped());
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
        self.pace.pause();
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
pub(crate) fn discard(dir: &StoreDir) {
    let Ok(entries) = dir.folder.list() else { return };
    let is_checkpoint = |name: &&str| matches!(parse_name(name), Some(FileKind::Checkpoint(_)));
    let unfinished = entries.iter().filter(|entry| entry.name.strip_suffix(TMP).as_ref().is_some_and(is_checkpoint));
    for entry in unfinished {
        let _ = dir.folder.remove(&entry.name);
    }
}
