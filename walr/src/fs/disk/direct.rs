//! Writes past the cache: whole blocks by `O_DIRECT`.
//!
//! The cache has to find and write back the page of each small write. With a direct write of its block, a small write is durable in
//! about a quarter less time. The first write finds out whether the file system supports this.

use std::fs;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;

use parking_lot::Mutex;
use rustix::fs::{Mode, OFlags};

use crate::fs::blocks::BlockWriter;

/// The direct writes of one file.
#[derive(Debug, Default)]
pub(super) struct Direct(Mutex<DirectState>);

#[derive(Debug, Default)]
enum DirectState {
    #[default]
    Untried,
    /// The file system doesn't support direct writes.
    Refused,
    Open(DirectFile),
}

/// A second opening of the file, for direct writes.
#[derive(Debug)]
struct DirectFile {
    file: fs::File,
    blocks: BlockWriter,
}

impl Direct {
    /// Writes `bytes` at `offset` of `file`, without a sync. Returns `None` if direct writes aren't supported; then nothing was written.
    pub(super) fn write(&self, file: &fs::File, bytes: &[u8], offset: u64) -> Option<io::Result<()>> {
        let mut state = self.0.lock();
        let first = matches!(*state, DirectState::Untried);
        if first {
            *state = DirectFile::of(file).map_or(DirectState::Refused, DirectState::Open);
        }
        let DirectState::Open(opened) = &mut *state else { return None };
        match opened.write(file, bytes, offset) {
            Err(e) if first && matches!(e.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => {
                *state = DirectState::Refused;
                None
            }
            result => Some(result),
        }
    }
}

impl DirectFile {
    fn of(file: &fs::File) -> Option<DirectFile> {
        // This path is the same file, even after a rename. Without /proc there are no direct writes.
        let path = format!("/proc/self/fd/{}", file.as_raw_fd());
        let flags = OFlags::RDWR | OFlags::DIRECT | OFlags::CLOEXEC;
        let direct = rustix::fs::open(path, flags, Mode::empty()).ok()?;
        Some(DirectFile { file: direct.into(), blocks: BlockWriter::default() })
    }

    fn write(&mut self, plain: &fs::File, bytes: &[u8], offset: u64) -> io::Result<()> {
        let file = &self.file;
        // A short write also ends on a block.
        let write = |blocks: &[u8], at| super::write_full(blocks, at, |bytes, offset| file.write_at(bytes, offset));
        self.blocks.write(bytes, offset, |head, at| plain.read_exact_at(head, at), write)
    }
}
