//! Bytes ↔ whole blocks, for writes past the cache: what stands before the bytes in their first block is written again with
//! them, and zeros behind them to the end of their last. The real file and the simulated one do it by this.

use std::io;

/// Direct writes begin and end on multiples of this, in the file and in memory.
const BLOCK: usize = 4096;
/// How much is written at a time.
const CHUNK: usize = 4 << 20;

/// What is kept between two writes of a file.
#[derive(Debug, Default)]
pub(crate) struct Blocks {
    memory: Memory,
    /// Where the block begins that isn't full yet, if it is known.
    tail_at: Option<u64>,
    /// Its bytes so far.
    tail: Vec<u8>,
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

impl Blocks {
    /// Writes `bytes` at `offset` as whole blocks by `write`. What stands before them in the first is what was written last,
    /// or else comes from `read`, which fills its buffer.
    pub(crate) fn write(
        &mut self,
        mut bytes: &[u8],
        mut offset: u64,
        read: impl Fn(&mut [u8], u64) -> io::Result<()>,
        write: impl Fn(&[u8], u64) -> io::Result<()>,
    ) -> io::Result<()> {
        while !bytes.is_empty() {
            let within = (offset % BLOCK as u64) as usize;
            let count = bytes.len().min(CHUNK - within);
            let (block_at, end) = (offset - within as u64, within + count);
            let blocks = self.memory.aligned(end.next_multiple_of(BLOCK));
            match self.tail_at.take() {
                Some(at) if at == block_at && self.tail.len() == within => {
                    blocks[..within].copy_from_slice(&self.tail);
                }
                _ => read(&mut blocks[..within], block_at)?,
            }
            blocks[within..end].copy_from_slice(&bytes[..count]);
            blocks[end..].fill(0);
            write(blocks, block_at)?;
            let last = end / BLOCK * BLOCK;
            self.tail.clear();
            self.tail.extend_from_slice(&blocks[last..end]);
            self.tail_at = Some(block_at + last as u64);
            (bytes, offset) = (&bytes[count..], offset + count as u64);
        }
        Ok(())
    }
}
