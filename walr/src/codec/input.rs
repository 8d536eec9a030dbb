//! The bytes that a value is read from: a slice, or a stream of chunks.

use std::borrow::Cow;
use std::io;

use super::varint;

/// A stream of chunks to decode from, such as a checkpoint.
pub(crate) trait ChunkSource {
    /// Returns the next chunk, which is empty only at the end. The source may reuse the memory of `spent`, the chunk before.
    fn next(&mut self, spent: Vec<u8>) -> io::Result<Vec<u8>>;
    /// Returns an upper bound of the number of bytes in all.
    fn bound(&self) -> u64;
}

/// A source of chunks, with the variable that takes its error.
pub(super) struct ChunkStream<'a> {
    pub(super) source: &'a mut dyn ChunkSource,
    // The decoded type's own code may replace an error.
    pub(super) failure: &'a mut Option<io::Error>,
}

/// The bytes to read, and the position in them.
pub(super) struct Input<'a> {
    /// The slice, or the current chunk of a stream.
    bytes: Cow<'a, [u8]>,
    at: usize,
    /// The chunks after `bytes`. `None` for a slice, and after the end or an error of a stream.
    stream: Option<ChunkStream<'a>>,
    /// An upper bound of the number of bytes after `bytes`.
    further: u64,
}

/// The error of a read.
#[derive(Debug)]
pub(super) enum InputError {
    /// The bytes end before the value does.
    End,
    /// The bytes are no value of the type.
    Invalid(&'static str),
}

impl<'a> Input<'a> {
    pub(super) fn of_slice(bytes: &'a [u8]) -> Input<'a> {
        Input { bytes: Cow::Borrowed(bytes), at: 0, stream: None, further: 0 }
    }

    pub(super) fn of_stream(stream: ChunkStream<'a>) -> Input<'a> {
        let further = stream.source.bound();
        Input { bytes: Cow::Owned(Vec::new()), at: 0, stream: Some(stream), further }
    }

    /// Returns the rest of the slice.
    pub(super) fn into_rest(self) -> Option<&'a [u8]> {
        match self.bytes {
            Cow::Borrowed(bytes) => bytes.get(self.at..),
            Cow::Owned(_) => None,
        }
    }

    /// Returns whether all bytes are read.
    pub(super) fn is_at_end(&mut self) -> bool {
        self.at == self.bytes.len() && !self.fill()
    }

    /// Replaces the current chunk, which was read, by the next one. Returns `false` if there is none.
    #[cold]
    fn fill(&mut self) -> bool {
        let Some(stream) = &mut self.stream else { return false };
        let spent = std::mem::take(&mut self.bytes).into_owned();
        let next = stream.source.next(spent);
        self.at = 0;
        match next {
            Ok(chunk) if !chunk.is_empty() => {
                self.further = self.further.saturating_sub(chunk.len() as u64);
                self.bytes = Cow::Owned(chunk);
                return true;
            }
            Ok(_) => {}
            Err(error) => *stream.failure = Some(error),
        }
        (self.stream, self.further) = (None, 0);
        false
    }

    #[inline]
    pub(super) fn byte(&mut self) -> Result<u8, InputError> {
        if self.at == self.bytes.len() && !self.fill() {
            return Err(InputError::End);
        }
        let byte = self.bytes[self.at];
        self.at += 1;
        Ok(byte)
    }

    #[inline]
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], InputError> {
        if let Some((bytes, _)) = self.bytes[self.at..].split_first_chunk() {
            self.at += N;
            return Ok(*bytes);
        }
        let mut bytes = [0; N];
        for byte in &mut bytes {
            *byte = self.byte()?;
        }
        Ok(bytes)
    }

    /// Reads `count` bytes.
    pub(super) fn bytes(&mut self, count: usize) -> Result<Vec<u8>, InputError> {
        // A forged length must not allocate more than there is to read.
        if count as u64 > (self.bytes.len() - self.at) as u64 + self.further {
            return Err(InputError::End);
        }
        let mut all = Vec::with_capacity(count);
        while all.len() < count {
            if self.at == self.bytes.len() && !self.fill() {
                return Err(InputError::End);
            }
            let end = self.bytes.len().min(self.at + count - all.len());
            all.extend_from_slice(&self.bytes[self.at..end]);
            self.at = end;
        }
        Ok(all)
    }

    /// Reads an integer of at most 64 bits. `widest` is the first byte of the type's longest encoding.
    #[inline]
    pub(super) fn unsigned(&mut self, widest: u8) -> Result<u64, InputError> {
        match self.byte()? {
            small @ 0..=varint::MOST_SMALL => Ok(small.into()),
            wide if wide > widest => Err(InputError::Invalid("an integer is wider than its type")),
            varint::U16 => Ok(u16::from_le_bytes(self.array()?).into()),
            varint::U32 => Ok(u32::from_le_bytes(self.array()?).into()),
            _ => Ok(u64::from_le_bytes(self.array()?)),
        }
    }

    pub(super) fn unsigned_128(&mut self) -> Result<u128, InputError> {
        match self.byte()? {
            small @ 0..=varint::MOST_SMALL => Ok(small.into()),
            varint::U16 => Ok(u16::from_le_bytes(self.array()?).into()),
            varint::U32 => Ok(u32::from_le_bytes(self.array()?).into()),
            varint::U64 => Ok(u64::from_le_bytes(self.array()?).into()),
            varint::U128 => Ok(u128::from_le_bytes(self.array()?)),
            _ => Err(InputError::Invalid("an integer is wider than its type")),
        }
    }

    #[inline]
    pub(super) fn signed(&mut self, widest: u8) -> Result<i64, InputError> {
        self.unsigned(widest).map(varint::to_signed)
    }

    /// Reads a length.
    #[inline]
    pub(super) fn length(&mut self) -> Result<usize, InputError> {
        let length = self.unsigned(varint::U64)?;
        usize::try_from(length).map_err(|_| InputError::Invalid("a length is larger than this machine's memory"))
    }

    pub(super) fn char(&mut self) -> Result<char, InputError> {
        let mut bytes = [self.byte()?, 0, 0, 0];
        let width = match bytes[0] {
            0..=0x7f => 1,
            0xc0..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf7 => 4,
            _ => return Err(InputError::Invalid("a char isn't UTF-8")),
        };
        for byte in &mut bytes[1..width] {
            *byte = self.byte()?;
        }
        let text = std::str::from_utf8(&bytes[..width]).ok();
        text.and_then(|text| text.chars().next()).ok_or(InputError::Invalid("a char isn't UTF-8"))
    }
}
