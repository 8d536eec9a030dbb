//! A dry run on a read-only file system.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::state::{Tally, TallyLog};
use super::{Driver, Plan};
use crate::error::{Error, Result};
use crate::fs::{Entry, File, Folder, Lock, Open};
use crate::log::layout::{LOCK, StoreDir};
use crate::options::Options;
use crate::recovery::DryRun;
use crate::sim::Sim;
use crate::store::open::dry_run_in;

/// A folder on a read-only file system, which refuses a change even if there is nothing to change.
#[derive(Debug)]
struct ReadOnly(Sim);

#[derive(Debug)]
struct ReadOnlyFile(Box<dyn File>);

fn refused<T>() -> io::Result<T> {
    Err(io::ErrorKind::ReadOnlyFilesystem.into())
}

impl Folder for ReadOnly {
    fn list(&self) -> io::Result<Vec<Entry>> {
        self.0.list()
    }
    fn list_salvage(&self) -> io::Result<Vec<Entry>> {
        self.0.list_salvage()
    }
    fn open(&self, name: &str, how: Open) -> io::Result<Box<dyn File>> {
        let file = self.0.open(name, Open::Read)?;
        if how == Open::Read { Ok(Box::new(ReadOnlyFile(file))) } else { refused() }
    }
    fn rename(&self, _: &str, _: &str) -> io::Result<()> {
        refused()
    }
    fn remove(&self, _: &str) -> io::Result<()> {
        refused()
    }
    fn sync(&self) -> io::Result<()> {
        refused()
    }
    fn lock(&self, _: &str) -> io::Result<Option<Box<dyn Lock>>> {
        refused()
    }
    fn lock_if_there(&self, name: &str) -> io::Result<Option<Box<dyn Lock>>> {
        self.0.lock_if_there(name)
    }
}

impl File for ReadOnlyFile {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(buf, offset)
    }
    fn write_at(&self, _: &[u8], _: u64) -> io::Result<()> {
        refused()
    }
    fn resize(&self, _: u64) -> io::Result<()> {
        refused()
    }
    fn sync(&self) -> io::Result<()> {
        refused()
    }
    fn evict(&self) -> io::Result<()> {
        self.0.evict()
    }
}

fn look_at(sim: &Sim) -> Result<DryRun> {
    dry_run_in(&StoreDir { folder: Arc::new(ReadOnly(sim.clone())), path: PathBuf::new() }, &Options::<Tally>::new())
}

/// Returns a store of three records and a torn fourth.
fn torn() -> Sim {
    let sim = Sim::new();
    let mut driver = Driver::new(&sim, &Plan::sync(2), Arc::default()).unwrap();
    for id in 1..=4 {
        driver.group(vec![vec![TallyLog::Push(id, vec![id as u8; 40])]], 0).unwrap();
    }
    let image = sim.restart();
    let name = "0000000000000001.wal";
    let mut bytes = image.read(name).unwrap();
    let last = bytes.iter().rposition(|&byte| byte == 4).unwrap();
    bytes[last] = 0;
    image.put(name, &bytes);
    image
}

#[test]
fn a_dry_run_changes_nothing_and_so_works_on_a_read_only_file_system() {
    let image = torn();
    let before = image.fingerprint();
    let looked = look_at(&image).unwrap();
    assert!(looked.refused.is_none() && !looked.creates, "{looked:?}");
    assert_eq!((looked.recovery.records, looked.recovery.cut.len()), (3, 1));
    // Every store that was opened has a `LOCK`.
    image.put(LOCK, b"");
    assert_eq!(look_at(&image).unwrap().recovery.records, 3);
    assert!(image.delete(LOCK));
    assert_eq!(image.fingerprint(), before);
    let lock = image.lock(LOCK).unwrap();
    assert!(matches!(look_at(&image), Err(Error::Locked { .. })));
    drop(lock);
    assert!(look_at(&Sim::new()).unwrap().creates);
}
