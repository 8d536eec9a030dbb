//! Digests of text and bytes.

use std::fmt;

use super::{BYTES, mix};

const BLOCK: usize = 16;

/// The digest of bytes that come in pieces.
pub(super) struct ByteDigest {
    digest: u64,
    length: u64,
    /// The bytes since the last whole block. Those after them are zeros.
    block: [u8; BLOCK],
}

impl ByteDigest {
    pub(super) fn new() -> ByteDigest {
        ByteDigest { digest: BYTES, length: 0, block: [0; BLOCK] }
    }

    fn add(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let filled = self.length as usize % BLOCK;
            let (taken, rest) = bytes.split_at(bytes.len().min(BLOCK - filled));
            self.block[filled..filled + taken.len()].copy_from_slice(taken);
            self.length += taken.len() as u64;
            if filled + taken.len() == BLOCK {
                self.digest = add_block(self.digest, self.block);
                self.block = [0; BLOCK];
            }
            bytes = rest;
        }
    }

    pub(super) fn end(self) -> u64 {
        let is_whole = self.length.is_multiple_of(BLOCK as u64);
        mix(if is_whole { self.digest } else { add_block(self.digest, self.block) }, self.length)
    }
}

impl fmt::Write for ByteDigest {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.add(text.as_bytes());
        Ok(())
    }
}

/// Returns the digest of bytes that are in one piece.
#[inline]
pub(super) fn digest(bytes: &[u8]) -> u64 {
    let (blocks, rest) = bytes.as_chunks();
    let mut digest = blocks.iter().fold(BYTES, |digest, block| add_block(digest, *block));
    if !rest.is_empty() {
        let (first, second) = padded(rest);
        digest = mix(digest ^ first, second);
    }
    mix(digest, bytes.len() as u64)
}

#[inline]
fn add_block(digest: u64, block: [u8; BLOCK]) -> u64 {
    let words = u128::from_le_bytes(block);
    mix(digest ^ words as u64, (words >> 64) as u64)
}

/// Returns the two words of less than a block, with zeros after `bytes`. A copy into a block would take three times as long as the
/// rest of a short text's digest.
#[inline]
fn padded(bytes: &[u8]) -> (u64, u64) {
    let word = |bytes: &[u8]| bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        let unused = 8 * (BLOCK - bytes.len()) as u32;
        (u64::from_le_bytes(*first), u64::from_le_bytes(*last).checked_shr(unused).unwrap_or(0))
    } else if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        let (first, last) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
        (u64::from(first) | u64::from(last) << (8 * (bytes.len() - 4)), 0)
    } else {
        (word(bytes), 0)
    }
}
