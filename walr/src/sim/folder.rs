//! The traits of `fs` for a [`Sim`].

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use super::bytes::Bytes;
use super::fault::{Broken, CallKind, Kind};
use super::names::{Change, FileId};
use super::{Sim, in_salvage};
use crate::fs::blocks::BlockWriter;
use crate::fs::{Entry, File, Folder, Lock, Open, name};

impl Folder for Sim {
    fn path(&self) -> PathBuf {
        self.state.lock().path.clone().unwrap_or_else(|| PathBuf::from("simulated store"))
    }

    fn list(&self) -> io::Result<Vec<Entry>> {
        self.call(CallKind::Read, |state, _| state.list(|name| !in_salvage(name)))
    }

    fn list_salvage(&self) -> io::Result<Vec<Entry>> {
        self.call(CallKind::Read, |state, _| state.list(in_salvage))
    }

    fn open(&self, name: &str, how: Open) -> io::Result<Box<dyn File>> {
        name::split(name)?;
        let call = if how == Open::Create { CallKind::Change } else { CallKind::Read };
        self.call(call, |state, _| {
            let id = match (state.names.get(name), how) {
                (Some(_), Open::Create) => return Err(io::ErrorKind::AlreadyExists.into()),
                (None, Open::Create) => state.create(name, Bytes::default()),
                (Some(id), _) => id,
                (None, _) => return Err(io::ErrorKind::NotFound.into()),
            };
            let pin = Arc::clone(&state.inode(id)?.pin);
            let (sim, writable) = (self.clone(), how != Open::Read);
            Ok(Box::new(SimFile { sim, id, writable, blocks: Mutex::default(), _pin: pin }) as Box<dyn File>)
        })
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        name::split(from)?;
        name::split(to)?;
        self.call(CallKind::Change, |state, _| {
            let id = state.names.get(from).ok_or(io::ErrorKind::NotFound)?;
            if from != to {
                state.names.change(state.calls, Change::Rename(to.into(), id));
            }
            Ok(())
        })
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        name::split(name)?;
        self.call(CallKind::Change, |state, _| {
            let id = state.names.get(name).ok_or(io::ErrorKind::NotFound)?;
            state.names.change(state.calls, Change::Remove(name.into(), id));
            Ok(())
        })
    }

    fn sync(&self) -> io::Result<()> {
        self.call(CallKind::FolderSync, |state, lost| {
            if lost {
                return Err(Kind::SyncLost.error());
            }
            if !state.broken.iter().any(|broken| matches!(broken, Broken::FolderSync)) {
                state.names.sync();
                state.collect();
            }
            Ok(())
        })
    }

    fn lock(&self, name: &str) -> io::Result<Option<Box<dyn Lock>>> {
        self.lock_by(name, true)
    }

    fn lock_if_there(&self, name: &str) -> io::Result<Option<Box<dyn Lock>>> {
        self.lock_by(name, false)
    }
}

impl Sim {
    fn lock_by(&self, name: &str, create: bool) -> io::Result<Option<Box<dyn Lock>>> {
        name::split(name)?;
        self.call(CallKind::Change, |state, _| {
            let id = match state.names.get(name) {
                Some(id) => id,
                None if create => state.create(name, Bytes::default()),
                None => return Err(io::ErrorKind::NotFound.into()),
            };
            let taken = state.locks.insert(id);
            let lock = || SimLock { sim: self.clone(), id, held: AtomicBool::new(true) };
            Ok(taken.then(|| Box::new(lock()) as Box<dyn Lock>))
        })
    }
}

/// An open file.
#[derive(Debug)]
struct SimFile {
    sim: Sim,
    id: FileId,
    writable: bool,
    blocks: Mutex<BlockWriter>,
    _pin: Arc<()>,
}

impl SimFile {
    fn need_writable(&self) -> io::Result<()> {
        if self.writable { Ok(()) } else { Err(io::ErrorKind::PermissionDenied.into()) }
    }

    /// Leaves a write to the next call, if [`Broken::LateWrite`] selects it.
    fn is_late(&self, bytes: &[u8], offset: u64) -> bool {
        let mut state = self.sim.state.lock();
        let late = state.broken.iter().any(|broken| matches!(broken, Broken::LateWrite(selects) if selects(bytes)));
        if late {
            state.late.push((self.id, bytes.to_vec(), offset));
        }
        late
    }
}

impl File for SimFile {
    fn len(&self) -> io::Result<u64> {
        self.sim.call(CallKind::Read, |state, _| Ok(state.inode(self.id)?.cached.len()))
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.sim.call(CallKind::Read, |state, _| Ok(state.inode(self.id)?.cached.read_at(buf, offset)))
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.need_writable()?;
        if self.is_late(bytes, offset) {
            return Ok(());
        }
        let end = offset.checked_add(bytes.len() as u64).ok_or(io::ErrorKind::InvalidInput)?;
        self.sim.call(CallKind::Write, |state, short| {
            state.need(self.id, end)?;
            let (call, unit) = (state.calls, state.medium.sectors());
            if short {
                // The length differs between calls, and is the same in each run.
                let n = super::rng::Rng::new(call).below(bytes.len() as u64) as usize;
                state.inode(self.id)?.write(call, &bytes[..n], offset, unit);
                return Err(Kind::ShortWrite.error());
            }
            state.inode(self.id)?.write(call, bytes, offset, unit);
            Ok(())
        })
    }

    fn write_through(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        if self.is_late(bytes, offset) {
            return Ok(());
        }
        let direct = self.sim.state.lock().medium.direct;
        if direct {
            let read = |head: &mut [u8], at| self.read_at(head, at).map(drop);
            self.blocks.lock().write(bytes, offset, read, |blocks, at| self.write_at(blocks, at))?;
        } else {
            self.write_at(bytes, offset)?;
        }
        self.sync()
    }

    fn resize(&self, len: u64) -> io::Result<()> {
        self.need_writable()?;
        self.sim.call(CallKind::Change, |state, _| {
            state.need(self.id, len)?;
            let (call, unit) = (state.calls, state.medium.sectors());
            state.inode(self.id)?.resize(call, len, unit);
            Ok(())
        })
    }

    fn sync(&self) -> io::Result<()> {
        self.sim.call(CallKind::FileSync, |state, lost| {
            if !state.broken.is_empty() {
                let name = state.names.name_of(self.id).unwrap_or("");
                let hits = |b: &Broken| matches!(b, Broken::FileSync(end) if name.ends_with(end));
                if state.broken.iter().any(hits) {
                    return Ok(());
                }
            }
            let inode = state.inode(self.id)?;
            if lost {
                inode.lose();
                return Err(Kind::SyncLost.error());
            }
            inode.sync();
            match state.names.name_of(self.id) {
                Some(_) => Ok(()),
                None => Err(io::Error::new(io::ErrorKind::NotFound, crate::fs::REMOVED)),
            }
        })
    }

    fn evict(&self) -> io::Result<()> {
        self.sim.call(CallKind::Read, |state, _| {
            state.inode(self.id)?.evict();
            Ok(())
        })
    }
}

/// A held lock.
#[derive(Debug)]
struct SimLock {
    sim: Sim,
    id: FileId,
    /// `false` after the release, when another lock may hold the file.
    held: AtomicBool,
}

impl Lock for SimLock {
    fn unlock(&self) -> io::Result<()> {
        self.sim.call(CallKind::Change, |state, _| {
            if self.held.swap(false, Ordering::Relaxed) {
                state.locks.remove(&self.id);
            }
            Ok(())
        })
    }
}

impl Drop for SimLock {
    fn drop(&mut self) {
        if *self.held.get_mut() {
            self.sim.state.lock().locks.remove(&self.id);
        }
    }
}
