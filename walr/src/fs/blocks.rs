//! Extends writes past the cache to whole blocks: the write repeats the bytes of its first block before its own bytes, and fills its
//! last block with zeros. The real file and the simulated one share this code.

use std::io;

/// Direct writes begin and end on multiples of this size, in the file and in memory.
const BLOCK: usize = 4096;
/// The most bytes of one write.
const CHUNK: usize = 4 << 20;

/// A file's writer of whole blocks.
#[derive(Debug, Default)]
pub(crate) struct BlockWriter {
    buffer: AlignedBuffer,
    /// The offset of the last block that was written, if that block isn't full.
    tail_at: Option<u64>,
    /// The bytes of that block so far.
    tail: Vec<u8>,
}

/// A buffer that contains a part that begins on a multiple of a block.
#[derive(Debug, Default)]
struct AlignedBuffer(Vec<u8>);

impl AlignedBuffer {
    /// Returns `len` bytes of that part. Their contents are arbitrary.
    fn aligned(&mut self, len: usize) -> &mut [u8] {
        if self.0.len() < len + BLOCK {
            self.0 = vec![0; (len + BLOCK).next_power_of_two()];
        }
        let start = self.0.as_ptr().align_offset(BLOCK);
        &mut self.0[start..start + len]
    }
}

impl BlockWriter {
    /// Writes `bytes` at `offset` as whole blocks by `write`. If the bytes before them in their block aren't those of the last write,
    /// `read` reads them.
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
            let blocks = self.buffer.aligned(end.next_multiple_of(BLOCK));
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
