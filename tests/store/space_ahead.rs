//! The space of a new segment: the store fills it with zeros ahead of need while it syncs small groups, and only reserves it
//! while groups are large or aren't synced.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};

use crate::common::{DURABILITIES, Result, Words, options, run, sim_files_with};
use walr::fs::{Entry, File, Folder, Lock, Open};
use walr::testing::Sim;
use walr::{Durability, Durable};

const BLOCK: usize = 4096;
const LARGE: usize = 100 << 10;

/// The offset up to which each file was filled with zeros, by the name under which the file was created.
type Zeros = Arc<Mutex<BTreeMap<String, u64>>>;

/// A folder that records which files are filled with zeros.
#[derive(Debug)]
struct RecordingFolder {
    sim: Sim,
    zeros: Zeros,
}

#[derive(Debug)]
struct RecordingFile {
    file: Box<dyn File>,
    name: String,
    zeros: Zeros,
}

impl Folder for RecordingFolder {
    fn list(&self) -> io::Result<Vec<Entry>> {
        self.sim.list()
    }
    fn list_salvage(&self) -> io::Result<Vec<Entry>> {
        self.sim.list_salvage()
    }
    fn open(&self, name: &str, how: Open) -> io::Result<Box<dyn File>> {
        let (file, name, zeros) = (self.sim.open(name, how)?, name.to_string(), self.zeros.clone());
        Ok(Box::new(RecordingFile { file, name, zeros }))
    }
    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.sim.rename(from, to)
    }
    fn remove(&self, name: &str) -> io::Result<()> {
        self.sim.remove(name)
    }
    fn sync(&self) -> io::Result<()> {
        Folder::sync(&self.sim)
    }
    fn lock(&self, name: &str) -> io::Result<Option<Box<dyn Lock>>> {
        self.sim.lock(name)
    }
    fn lock_if_there(&self, name: &str) -> io::Result<Option<Box<dyn Lock>>> {
        self.sim.lock_if_there(name)
    }
}

impl File for RecordingFile {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buf, offset)
    }
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.file.write_at(bytes, offset)
    }
    fn write_through(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        if bytes.len() >= BLOCK && bytes[bytes.len() - BLOCK..].iter().all(|&byte| byte == 0) {
            let mut zeros = self.zeros.lock().map_err(|_| io::Error::other("a test panicked"))?;
            let end = zeros.entry(self.name.clone()).or_default();
            *end = (*end).max(offset + bytes.len() as u64);
        }
        self.file.write_through(bytes, offset)
    }
    fn resize(&self, len: u64) -> io::Result<()> {
        self.file.resize(len)
    }
    fn sync(&self) -> io::Result<()> {
        self.file.sync()
    }
    fn evict(&self) -> io::Result<()> {
        self.file.evict()
    }
}

/// Opens a store with segments of `size` bytes on a recording folder.
async fn open(durability: Durability, size: u64) -> walr::Result<(Durable<Words>, Sim, Zeros)> {
    let (sim, zeros) = (Sim::new(), Zeros::default());
    let folder = RecordingFolder { sim: sim.clone(), zeros: zeros.clone() };
    let words = options().durability(durability).segment_size(size).open_on(folder, Words::default).await?;
    Ok((words, sim, zeros))
}

/// Returns, for each segment with a salt, its reserved length and the offset up to which it was filled with zeros. The first
/// segment of the store has no salt, and the first mutation replaces it.
fn segments(sim: &Sim, zeros: &Zeros) -> Vec<(u64, u64)> {
    let zeros = zeros.lock().unwrap();
    sim_files_with(sim, ".wal")
        .into_iter()
        .filter_map(|name| {
            let reserved = u64::from_le_bytes(sim.read(&name)?[56..64].try_into().ok()?);
            Some((reserved, zeros.get(&(name + ".tmp")).copied().unwrap_or(0)))
        })
        .collect()
}

/// Pushes `count` words of `len` bytes.
async fn push(words: &Durable<Words>, count: usize, len: usize) -> walr::Result<()> {
    for _ in 0..count {
        words.push(&"x".repeat(len)).await?;
    }
    Ok(())
}

#[test]
fn space_is_filled_with_zeros_while_small_groups_are_synced() -> Result {
    run(async {
        let (words, sim, zeros) = open(Durability::Sync, 256 << 10).await?;
        push(&words, 600, 2000).await?;
        words.close().await?;
        let segments = segments(&sim, &zeros);
        assert!(segments.len() > 3, "{segments:?}");
        assert!(segments.iter().all(|(reserved, written)| reserved == written), "{segments:?}");
        Ok(())
    })
}

#[test]
fn space_is_only_reserved_while_groups_are_large() -> Result {
    run(async {
        let (words, sim, zeros) = open(Durability::Sync, 2 << 20).await?;
        push(&words, 100, LARGE).await?;
        let large = segments(&sim, &zeros);
        assert!(large.len() > 3, "{large:?}");
        assert!(large.iter().all(|(_, written)| *written == 0), "{large:?}");
        push(&words, 1500, 4000).await?;
        words.close().await?;
        let small = segments(&sim, &zeros);
        assert!(small.len() > large.len() + 1, "{small:?}");
        let (reserved, written) = small[small.len() - 1];
        assert_eq!(reserved, written, "{small:?}");
        Ok(())
    })
}

#[test]
fn space_is_only_reserved_while_groups_are_not_synced() -> Result {
    run(async {
        for durability in &DURABILITIES[1..] {
            let (words, sim, zeros) = open(*durability, 256 << 10).await?;
            push(&words, 600, 2000).await?;
            words.close().await?;
            let segments = segments(&sim, &zeros);
            assert!(segments.len() > 2, "{segments:?}");
            assert!(segments.iter().all(|(_, written)| *written == 0), "{durability:?}: {segments:?}");
        }
        Ok(())
    })
}
