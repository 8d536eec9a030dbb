//! The space of new segments: written with zeros ahead of need where small groups are synced one by one, and only reserved where
//! groups are large, or aren't synced each.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};

use crate::common::{DURABILITIES, Result, Words, options, run};
use walr::fs::{Entry, File, Folder, Lock, Open};
use walr::testing::Sim;
use walr::{Durability, Durable};

const BLOCK: usize = 4096;
const LARGE: usize = 100 << 10;

/// Up to where each file was written with zeros, by the name that it was created under.
type Zeros = Arc<Mutex<BTreeMap<String, u64>>>;

/// A folder that takes note of zeros.
#[derive(Debug)]
struct Noting {
    sim: Sim,
    zeros: Zeros,
}

#[derive(Debug)]
struct NotingFile {
    file: Box<dyn File>,
    name: String,
    zeros: Zeros,
}

impl Folder for Noting {
    fn list(&self) -> io::Result<Vec<Entry>> {
        self.sim.list()
    }
    fn list_salvage(&self) -> io::Result<Vec<Entry>> {
        self.sim.list_salvage()
    }
    fn open(&self, name: &str, how: Open) -> io::Result<Box<dyn File>> {
        let (file, name, zeros) = (self.sim.open(name, how)?, name.to_string(), self.zeros.clone());
        Ok(Box::new(NotingFile { file, name, zeros }))
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

impl File for NotingFile {
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
            let mut zeros = self.zeros.lock().map_err(|_| io::Error::other("a test has failed"))?;
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

/// A store of this durability, with segments of up to this many bytes.
async fn open(durability: Durability, size: u64) -> walr::Result<(Durable<Words>, Sim, Zeros)> {
    let (sim, zeros) = (Sim::new(), Zeros::default());
    let folder = Noting { sim: sim.clone(), zeros: zeros.clone() };
    let words = options().durability(durability).segment_size(size).open_on(folder, Words::default).await?;
    Ok((words, sim, zeros))
}

/// Of each segment with a salt: how long it was made, and up to where it was written with zeros; the store's first, which the
/// first mutation replaces, left out.
fn segments(sim: &Sim, zeros: &Zeros) -> Vec<(u64, u64)> {
    let zeros = zeros.lock().unwrap();
    let names = sim.files().into_iter().map(|file| file.name).filter(|name| name.ends_with(".wal"));
    names
        .filter_map(|name| {
            let reserved = u64::from_le_bytes(sim.read(&name)?[48..56].try_into().ok()?);
            Some((reserved, zeros.get(&(name + ".tmp")).copied().unwrap_or(0)))
        })
        .collect()
}

async fn push(words: &Durable<Words>, count: usize, len: usize) -> walr::Result<()> {
    for _ in 0..count {
        words.push(&"x".repeat(len)).await?;
    }
    Ok(())
}

#[test]
fn it_is_written_where_small_groups_are_synced() -> Result {
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
fn it_is_only_reserved_where_groups_are_large_and_written_again_when_they_are_small() -> Result {
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
fn it_is_only_reserved_where_groups_are_not_synced() -> Result {
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
