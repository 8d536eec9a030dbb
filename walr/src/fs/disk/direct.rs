//! Durable writes past the cache: whole blocks by `O_DIRECT`, then a sync.
//!
//! The cache has to find and write back the page of each small write; a direct write of its block, from memory, takes about
//! a quarter less time until it is durable. Whether a file system takes such writes is found by trying.

use std::fs;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;

use parking_lot::Mutex;
use rustix::fs::{Mode, OFlags};

/// Direct writes begin and end on multiples of this, in the file and in memory.
const BLOCK: usize = 4096;
/// How much is written at a time.
const CHUNK: usize = 1 << 20;

/// A file's second opening, for direct writes.
#[derive(Debug, Default)]
pub(super) struct Direct(Mutex<State>);

#[derive(Debug, Default)]
enum State {
    #[default]
    Untried,
    /// The file system doesn't take direct writes.
    Refused,
    Open(Blocks),
}

#[derive(Debug)]
struct Blocks {
    file: fs::File,
    memory: Memory,
    /// The block that isn't full yet: where it begins, and its bytes so far.
    tail: Option<(u64, Vec<u8>)>,
}

/// A buffer, part of which begins on a multiple of a block.
#[derive(Debug, Default)]
struct Memory(Vec<u8>);

impl Memory {
    /// `len` bytes that begin there; what they hold means nothing.
    fn aligned(&mut self, len: usize) -> &mut [u8] {
        if self.0.len() < len + BLOCK {
            self.0 = vec![0; (len + BLOCK).next_power_of_two()];
        }
        let start = self.0.as_ptr().align_offset(BLOCK);
        &mut self.0[start..start + len]
    }
}

impl Direct {
    /// Writes `bytes` at `offset` of `file`, and makes them durable; `None` where direct writes aren't taken, and then
    /// nothing has been written.
    pub(super) fn write(&self, file: &fs::File, bytes: &[u8], offset: u64) -> Option<io::Result<()>> {
        let mut state = self.0.lock();
        let first = matches!(*state, State::Untried);
        if first {
            *state = Blocks::open(file).map_or(State::Refused, State::Open);
        }
        let State::Open(blocks) = &mut *state else { return None };
        match blocks.write(file, bytes, offset) {
            Err(e) if first && matches!(e.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => {
                *state = State::Refused;
                None
            }
            result => Some(result.and_then(|()| super::sys::sync(file))),
        }
    }
}

impl Blocks {
    fn open(file: &fs::File) -> Option<Blocks> {
        // The same file whatever it is called by now. Without /proc there are no direct writes.
        let path = format!("/proc/self/fd/{}", file.as_raw_fd());
        let flags = OFlags::RDWR | OFlags::DIRECT | OFlags::CLOEXEC;
        let direct = rustix::fs::open(path, flags, Mode::empty()).ok()?;
        Some(Blocks { file: direct.into(), memory: Memory::default(), tail: None })
    }

    fn write(&mut self, plain: &fs::File, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
        while !bytes.is_empty() {
            let within = (offset % BLOCK as u64) as usize;
            let count = bytes.len().min(CHUNK - within);
            let (block_at, end) = (offset - within as u64, within + count);
            let blocks = self.memory.aligned(end.next_multiple_of(BLOCK));
            match self.tail.take() {
                Some((at, tail)) if at == block_at && tail.len() == within => blocks[..within].copy_from_slice(&tail),
                _ => plain.read_exact_at(&mut blocks[..within], block_at)?,
            }
            blocks[within..end].copy_from_slice(&bytes[..count]);
            blocks[end..].fill(0);
            write_blocks(&self.file, blocks, block_at)?;
            let last = end / BLOCK * BLOCK;
            self.tail = Some((block_at + last as u64, blocks[last..end].to_vec()));
            (bytes, offset) = (&bytes[count..], offset + count as u64);
        }
        Ok(())
    }
}

/// Writes whole blocks; a call that takes fewer takes whole ones too.
fn write_blocks(file: &fs::File, blocks: &[u8], offset: u64) -> io::Result<()> {
    super::write_full(blocks, offset, |bytes, offset| file.write_at(bytes, offset))
}
