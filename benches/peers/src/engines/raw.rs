//! The disk alone: it writes the bytes of each record, and syncs them into a file of written zeros. It keeps a map only where a
//! workload reads one back.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use anyhow::Result;
use parking_lot::Mutex;

use crate::engine::{Engine, Opts};
use crate::input::{Map, decode, encode};

/// The length and the checksum before each record.
const HEADER: usize = 8;

pub struct Raw {
    log: Mutex<Log>,
    map: Mutex<Map>,
    dir: PathBuf,
    keep_map: bool,
}

struct Log {
    file: File,
    at: u64,
    len: u64,
    sync: bool,
}

impl Log {
    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        if self.sync && self.at + bytes.len() as u64 > self.len {
            self.at = 0;
        }
        self.file.write_all_at(bytes, self.at)?;
        self.at += bytes.len() as u64;
        if self.sync {
            self.file.sync_data()?;
        }
        Ok(())
    }
}

fn append(buffer: &mut Vec<u8>, key: &str, value: &str) {
    let start = buffer.len();
    buffer.extend_from_slice(&[0; HEADER]);
    encode(key, value, buffer);
    let len = (buffer.len() - start - HEADER) as u32;
    let crc = crc32fast::hash(&buffer[start + HEADER..]);
    buffer[start..start + 4].copy_from_slice(&len.to_le_bytes());
    buffer[start + 4..start + HEADER].copy_from_slice(&crc.to_le_bytes());
}

/// Reads a checkpoint and a log into a map: the bound of an open on one thread.
fn recover(dir: &Path) -> Result<(Map, u64)> {
    let mut map = Map::default();
    if let Ok(bytes) = fs::read(dir.join("checkpoint")) {
        let mut rest = &bytes[..];
        while let Some(((key, value), after)) = decode(rest) {
            map.insert(key, value);
            rest = after;
        }
    }
    let Ok(bytes) = fs::read(dir.join("log")) else { return Ok((map, 0)) };
    let mut rest = &bytes[..];
    while let Some((header, after)) = rest.split_first_chunk::<HEADER>() {
        let [len, crc] =
            [0, 4].map(|at| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]));
        let Some((record, after)) = after.split_at_checked(len as usize) else { break };
        if len == 0 || crc32fast::hash(record) != crc {
            break;
        }
        let Some(((key, value), _)) = decode(record) else { break };
        map.insert(key, value);
        rest = after;
    }
    Ok((map, (bytes.len() - rest.len()) as u64))
}

/// Opens a file of `len` zeros that are written and synced, so that a sync has no metadata to write.
fn zeros(path: &Path, len: u64) -> Result<File> {
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
    if file.metadata()?.len() < len {
        for at in (0..len).step_by(4096) {
            file.write_all_at(&[0; 4096], at)?;
        }
        file.sync_all()?;
    }
    Ok(file)
}

impl Engine for Raw {
    const SYNC: Option<&'static str> = Some("`pwrite` and `fdatasync` into written zeros; no map, no answers");
    const BUFFERED: Option<&'static str> = Some("a `pwrite` for each insert; no map");

    fn open(opts: &Opts) -> Result<Self> {
        fs::create_dir_all(&opts.dir)?;
        let (map, at) = recover(&opts.dir)?;
        let file = zeros(&opts.dir.join("log"), if opts.sync { opts.hint.max(16 << 20) } else { 0 })?;
        let log = Log { at, len: file.metadata()?.len(), file, sync: opts.sync };
        Ok(Raw { log: Mutex::new(log), map: Mutex::new(map), dir: opts.dir.clone(), keep_map: opts.keep_map })
    }

    async fn insert(&self, key: String, value: String) -> Result<()> {
        let mut buffer = Vec::with_capacity(64 + value.len());
        append(&mut buffer, &key, &value);
        self.log.lock().put(&buffer)?;
        if self.keep_map {
            self.map.lock().insert(key, value);
        }
        Ok(())
    }

    async fn batch(&self, items: Vec<(String, String)>) -> Result<()> {
        let mut buffer = Vec::with_capacity(items.len() * 160);
        for (key, value) in &items {
            append(&mut buffer, key, value);
        }
        self.log.lock().put(&buffer)?;
        if self.keep_map {
            self.map.lock().extend(items);
        }
        Ok(())
    }

    /// Stops all inserts, encodes the whole map, writes and syncs it.
    async fn checkpoint(&self) -> Result<()> {
        let mut log = self.log.lock();
        let mut bytes = Vec::new();
        for (key, value) in &*self.map.lock() {
            encode(key, value, &mut bytes);
        }
        let path = self.dir.join("checkpoint");
        let new = path.with_extension("new");
        fs::write(&new, bytes)?;
        File::open(&new)?.sync_all()?;
        fs::rename(&new, &path)?;
        File::open(&self.dir)?.sync_all()?;
        log.file.set_len(0)?;
        log.at = 0;
        Ok(())
    }

    fn get(&self, key: &str) -> Result<Option<String>> {
        Ok(self.map.lock().get(key).cloned())
    }

    fn load(&self) -> Result<u64> {
        Ok(self.map.lock().len() as u64)
    }
}
