//! Reads a checkpoint. Every chunk is checked before it is decoded.

use std::io;
use std::path::{Path, PathBuf};

use super::{CHECKPOINT_HEAD, PREFIX, cancelled, chunk_crc};
use crate::codec::{CheckpointDecoder, ChunkSource, Tokens};
use crate::error::{Error, Result};
use crate::fs::{File, Open, Throttle};
use crate::log::frame::{u32_at, u64_at};
use crate::log::layout::{HEAD, StoreDir, StoreId};
use crate::lsn::{Lsn, Position};
use crate::options::progress::{Phase, Watch};
use crate::panic;
use crate::schema::state::WalState;
use crate::schema::{Schema, newer_version, other_state};

const FOOTER: usize = 20;
/// The longest chunk that a reader accepts. Chunks are written much shorter.
const MOST_CHUNK: usize = 1 << 24;
const MOST_SCHEMA: usize = 1 << 24;

/// The state of a checkpoint.
#[derive(Debug)]
pub(crate) struct LoadedCheckpoint<S> {
    pub(crate) state: S,
    pub(crate) lsn: Lsn,
    /// The position that the state comes from.
    pub(crate) position: Position,
    pub(crate) bytes: u64,
    /// The version of the state in the checkpoint, before a migration.
    pub(crate) version: u32,
}

/// The reason why a checkpoint wasn't loaded.
#[derive(Debug)]
pub(crate) enum LoadError {
    /// Its bytes differ from the written ones. An older checkpoint can replace it.
    Corrupt { offset: u64, reason: &'static str },
    /// Its bytes are intact, or can't be read. No other checkpoint may replace it.
    Refused(Error),
}

/// Loads the checkpoint of `lsn` from the file `name`, and reports the progress to `watch`.
pub(crate) fn load<S: WalState>(
    dir: &StoreDir,
    store: &StoreId,
    name: &str,
    lsn: Lsn,
    throttle: &Throttle<'_>,
    watch: &Watch,
) -> Result<LoadedCheckpoint<S>, LoadError> {
    load_by(dir, store, name, lsn, (throttle, watch), &decode_as::<S>)
}

/// Loads a checkpoint that was just written with these `tokens`. A state that decodes to another one is refused.
pub(super) fn load_written<S: WalState>(
    dir: &StoreDir,
    store: &StoreId,
    name: &str,
    lsn: Lsn,
    tokens: &Tokens,
    throttle: &Throttle<'_>,
) -> Result<LoadedCheckpoint<S>, LoadError> {
    load_by(dir, store, name, lsn, (throttle, &Watch::none()), &|_, _, decoder| decoder.decode_again(tokens))
}

/// Decodes a state from a checkpoint's chunks.
type Decode<'a, S> = &'a dyn Fn(&Path, &Schema, CheckpointDecoder<'_>) -> Result<S>;

fn load_by<S: WalState>(
    dir: &StoreDir,
    store: &StoreId,
    name: &str,
    lsn: Lsn,
    (throttle, watch): (&Throttle<'_>, &Watch),
    decode: Decode<'_, S>,
) -> Result<LoadedCheckpoint<S>, LoadError> {
    let path = dir.file_path(name);
    let file = dir.folder.open(name, Open::Read).map_err(|e| reader_error(e, &path))?;
    let mut reader = ChunkReader::open(&*file, throttle, watch).map_err(|e| reader_error(e, &path))?;
    watch.begin(Phase::Checkpoint, reader.len);
    let (old, position) = reader.header(&path, store, lsn)?;
    let mut failure = None;
    let decoder = CheckpointDecoder::new(&mut reader, &mut failure, S::NAME, &path);
    let state = panic::catch(|| decode(&path, &old, decoder));
    if let Some(error) = failure {
        return Err(reader_error(error, &path));
    }
    let state = state.unwrap_or_else(|message| Err(decoding_panicked(S::NAME, &message)));
    let mut state = state.map_err(LoadError::Refused)?;
    if let Err(message) = panic::catch(|| state.after_load()) {
        panic::drop_quietly(state);
        return Err(after_load_panicked(path, &message));
    }
    watch.end();
    Ok(LoadedCheckpoint { state, lsn, position, bytes: reader.len, version: old.version })
}

fn decoding_panicked(state: &str, message: &str) -> Error {
    Error::Codec { what: state.to_string(), step: "decoded", reason: format!("decoding it panicked: {message}") }
}

fn after_load_panicked(path: PathBuf, message: &str) -> LoadError {
    let reason = format!(
        "the checkpoint is intact, but the function of `#[wal(after_load = ..)]` panicked: {message}; fix that function"
    );
    LoadError::Refused(Error::Schema { path, reason })
}

/// Tells the file system's errors from corruption, among the errors of a [`ChunkReader`].
fn reader_error(error: io::Error, path: &Path) -> LoadError {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<Corruption>()) {
        Some(&Corruption { offset, reason }) => LoadError::Corrupt { offset, reason },
        None => LoadError::Refused(Error::io("read", path, error)),
    }
}

fn decode_as<S: WalState>(path: &Path, old: &Schema, decoder: CheckpointDecoder<'_>) -> Result<S> {
    let now = Schema::of::<S>();
    if let Some(reason) = other_form(old, &now) {
        return Err(Error::Schema { path: path.to_path_buf(), reason });
    }
    if old.version < now.version {
        let migrated = S::migrate(old.version, &old.form.shape, decoder);
        return migrated.unwrap_or_else(|| Err(no_migration(path, old, &now)));
    }
    decoder.decode()
}

fn no_migration(path: &Path, old: &Schema, now: &Schema) -> Error {
    let (found, known, name) = (old.version, now.version, &now.state);
    let reason = format!(
        "the checkpoint holds version {found} of `{name}` and this program has version {known}, with no migration from \
         there; keep the type of each version from {found} on, and name them in \
         `#[wal(version = {known}, migrate_from = [..])]`"
    );
    Error::Schema { path: path.to_path_buf(), reason }
}

/// Returns why the program can't read the checkpoint of another state, of a newer version, or of another form of the same version.
fn other_form(old: &Schema, now: &Schema) -> Option<String> {
    if old.state != now.state {
        return Some(other_state(&old.state, &now.state));
    }
    if old.version > now.version {
        return Some(newer_version("checkpoint", old.version, now));
    }
    if old.version < now.version || old.form.reads_as(&now.form) {
        return None;
    }
    let (found, new) = old.form.beside(&now.form);
    let reason = format!(
        "the checkpoint holds a `{}` of the form `{found}`, and this program's is `{new}`; give the new form the next number in \
         `#[wal(version = {}, migrate_from = Old)]`, and keep the old type as `Old` to migrate from",
        now.state,
        now.version + 1
    );
    Some(reason + &old.form.rename_hint(&now.form))
}

/// Corruption, as the cause of an `io::Error`.
#[derive(Debug, thiserror::Error)]
#[error("corrupt at byte {offset}: {reason}")]
struct Corruption {
    offset: u64,
    reason: &'static str,
}

fn corrupt<T>(offset: u64, reason: &'static str) -> io::Result<T> {
    Err(io::Error::new(io::ErrorKind::InvalidData, Corruption { offset, reason }))
}

/// Reads a checkpoint, and checks every chunk before it returns bytes of it.
struct ChunkReader<'a> {
    file: &'a dyn File,
    throttle: &'a Throttle<'a>,
    watch: &'a Watch,
    len: u64,
    at: u64,
    prefix: Vec<u8>,
    chunk: Vec<u8>,
    chain: u32,
    total: u64,
    ended: bool,
}

impl<'a> ChunkReader<'a> {
    fn open(file: &'a dyn File, throttle: &'a Throttle<'a>, watch: &'a Watch) -> io::Result<Self> {
        let len = file.len()?;
        let mut reader = ChunkReader {
            file,
            throttle,
            watch,
            len,
            at: 0,
            prefix: Vec::new(),
            chunk: Vec::new(),
            chain: 0,
            total: 0,
            ended: false,
        };
        reader.prefix = reader.take(PREFIX)?;
        if !CHECKPOINT_HEAD.is_intact(&reader.prefix) {
            return corrupt(0, "the header is corrupt");
        }
        Ok(reader)
    }

    /// Checks the header, and reads the schema of the program that wrote the checkpoint.
    fn header(&mut self, path: &Path, store: &StoreId, lsn: Lsn) -> Result<(Schema, Position), LoadError> {
        let path = || path.to_path_buf();
        let missing = |reason| Err(LoadError::Refused(Error::Missing { path: path(), reason }));
        if CHECKPOINT_HEAD.check(&self.prefix, &path()).map_err(LoadError::Refused)? != *store {
            return missing("the checkpoint belongs to another store".to_string());
        }
        let found = u64_at(&self.prefix, HEAD);
        if found != lsn.get() {
            return missing(format!("the checkpoint is the one of lsn {found}"));
        }
        let position = Position { epoch: u64_at(&self.prefix, 56), position: u64_at(&self.prefix, 64) };
        let len = u32_at(&self.prefix, 72);
        let bytes = self.schema(len).map_err(|e| reader_error(e, &path()))?;
        match Schema::decode(len, &bytes) {
            Some(schema) => Ok((schema, position)),
            None => {
                let reason = "the checkpoint is intact, but this walr can't read its schema; open it with the walr that \
                              wrote it";
                Err(LoadError::Refused(Error::Schema { path: path(), reason: reason.to_string() }))
            }
        }
    }

    fn schema(&mut self, len: u32) -> io::Result<Vec<u8>> {
        let len = len as usize;
        if len > MOST_SCHEMA {
            return corrupt(72, "the schema is too long");
        }
        let bytes = self.take(len)?;
        let crc = self.take(4)?;
        if crc32c::crc32c(&bytes) != u32_at(&crc, 0) {
            return corrupt(PREFIX as u64, "the schema is corrupt");
        }
        Ok(bytes)
    }

    /// Reads the next `count` bytes of the file.
    fn take(&mut self, count: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.take_into(&mut bytes, count)?;
        Ok(bytes)
    }

    /// Replaces the contents of `bytes` by the next `count` bytes of the file.
    fn take_into(&mut self, bytes: &mut Vec<u8>, count: usize) -> io::Result<()> {
        if count as u64 > self.len - self.at {
            return corrupt(self.at, "the file is cut short");
        }
        bytes.resize(count, 0);
        let read = self.file.read_at(bytes, self.at)?;
        if read < count {
            return corrupt(self.at, "the file is cut short");
        }
        self.at += count as u64;
        Ok(())
    }

    fn next_chunk(&mut self) -> io::Result<()> {
        if self.throttle.is_cancelled() {
            return Err(cancelled());
        }
        self.throttle.rest();
        self.watch.reach(self.at, 0);
        let at = self.at;
        let head = self.take(8)?;
        let (len, crc) = (u32_at(&head, 0) as usize, u32_at(&head, 4));
        if len == 0 {
            let rest = self.take(FOOTER - 8)?;
            let footer = [head, rest].concat();
            let whole = crc == self.chain && u64_at(&footer, 8) == self.total && self.at == self.len;
            if crc32c::crc32c(&footer[..16]) != u32_at(&footer, 16) || !whole {
                return corrupt(at, "the end of the file is corrupt");
            }
            self.ended = true;
            self.chunk.clear();
        } else {
            if len > MOST_CHUNK {
                return corrupt(at, "a chunk is too long");
            }
            let mut chunk = std::mem::take(&mut self.chunk);
            let taken = self.take_into(&mut chunk, len);
            self.chunk = chunk;
            taken?;
            self.chain = chunk_crc(self.chain, &self.chunk);
            if self.chain != crc {
                return corrupt(at, "a chunk has a wrong checksum");
            }
            self.total += len as u64;
        }
        Ok(())
    }
}

impl ChunkSource for ChunkReader<'_> {
    fn next(&mut self, spent: Vec<u8>) -> io::Result<Vec<u8>> {
        self.chunk = spent;
        self.chunk.clear();
        if !self.ended {
            self.next_chunk()?;
        }
        Ok(std::mem::take(&mut self.chunk))
    }

    fn bound(&self) -> u64 {
        self.len
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::crash_tests::state::Tally;
    use crate::sim::Sim;

    const POSITION: Position = Position { epoch: 3, position: 41 };

    /// Changes the file of a checkpoint, and returns the reason why a load finds it corrupt.
    fn corruption(change: impl FnOnce(&mut Vec<u8>)) -> Option<&'static str> {
        let (sim, store, off) = (Sim::new(), StoreId::default(), Throttle::off());
        let dir = StoreDir::of(Arc::new(sim.clone()));
        let tally = Tally { ids: (0..9).collect() };
        let written = super::super::write(&dir, &store, Lsn::default(), POSITION, &tally, &off).unwrap();
        written.sync(&dir).unwrap().commit(&dir).unwrap();
        let name = &sim.files()[0].name;
        let mut bytes = sim.read(name).unwrap();
        change(&mut bytes);
        sim.put(name, &bytes);
        match load::<Tally>(&dir, &store, name, Lsn::default(), &off, &Watch::none()) {
            Ok(loaded) => {
                assert_eq!(loaded.position, POSITION);
                None
            }
            Err(LoadError::Corrupt { reason, .. }) => Some(reason),
            Err(LoadError::Refused(error)) => panic!("{error:?}"),
        }
    }

    /// Changes a byte of the footer, and corrects the footer's checksum.
    fn forge(bytes: &mut [u8], at: usize) {
        let start = bytes.len() - FOOTER;
        bytes[start + at] ^= 1;
        let crc = crc32c::crc32c(&bytes[start..start + 16]);
        bytes[start + 16..].copy_from_slice(&crc.to_le_bytes());
    }

    #[test]
    fn each_part_of_the_footer_is_compared() {
        let corrupt = Some("the end of the file is corrupt");
        assert_eq!(corruption(|_| ()), None);
        assert_eq!(corruption(|bytes| forge(bytes, 4)), corrupt, "the chain");
        assert_eq!(corruption(|bytes| forge(bytes, 8)), corrupt, "the total");
        assert_eq!(corruption(|bytes| *bytes.last_mut().unwrap() ^= 1), corrupt, "the checksum");
        assert_eq!(corruption(|bytes| bytes.push(0)), corrupt, "the length of the file");
    }

    #[test]
    fn a_newer_version_of_the_same_form_is_refused() {
        let now = Schema::of::<Tally>();
        let mut newer = Schema::clone(&now);
        assert_eq!(other_form(&newer, &now), None);
        newer.version += 1;
        assert!(other_form(&newer, &now).unwrap().contains("the checkpoint holds version"));
    }
}
