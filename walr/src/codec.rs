//! Values ↔ bytes: bincode 2 through serde, and the variable-length integers of the log's own bodies.
//!
//! The encoding is bincode's standard configuration: little-endian, variable-length integers, enum variants by index. Its
//! id ([`CODEC`]) is on disk in `STORE`. Values are decoded from slices with exact consumption, under a limit that keeps a
//! hostile length from asking for more memory than a small multiple of the bytes that are there.

use std::io;
use std::path::Path;

use bincode::config::{self, Configuration, Limit, LittleEndian, Varint};
use bincode::de::read::Reader;
use bincode::enc::write::{SizeWriter, Writer};
use bincode::error::{DecodeError, EncodeError};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};

/// The codec's id on disk: bincode 2, standard configuration.
pub(crate) const CODEC: u32 = 1;

const fn limited<const N: usize>() -> Configuration<LittleEndian, Varint, Limit<N>> {
    config::standard().with_limit::<N>()
}

/// Decodes under the smallest limit that `$len` encoded bytes can't reach when they are sound. bincode counts a value's
/// size in memory, up to 16 bytes for one on disk, hence the factor.
macro_rules! within_limit {
    ($len:expr, $config:ident => $decode:expr) => {{
        let len: u64 = $len;
        if len <= 1 << 16 {
            let $config = limited::<{ 1 << 20 }>();
            $decode
        } else if len <= 1 << 26 {
            let $config = limited::<{ 1 << 30 }>();
            $decode
        } else {
            let $config = config::standard();
            $decode
        }
    }};
}

/// Appends the encoding of `value` to `out`.
pub(crate) fn encode<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) -> Result<(), String> {
    struct Append<'a>(&'a mut Vec<u8>);
    impl Writer for Append<'_> {
        fn write(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
            self.0.extend_from_slice(bytes);
            Ok(())
        }
    }
    bincode::serde::encode_into_writer(value, Append(out), config::standard()).map_err(|e| e.to_string())
}

/// How many bytes the encoding of `value` takes.
pub(crate) fn encoded_len<T: Serialize + ?Sized>(value: &T) -> Result<usize, String> {
    let mut sized = SizeWriter::default();
    bincode::serde::encode_into_writer(value, &mut sized, config::standard()).map_err(|e| e.to_string())?;
    Ok(sized.bytes_written)
}

/// Encodes `value` into a stream.
pub(crate) fn encode_to<T: Serialize + ?Sized>(value: &T, to: &mut impl io::Write) -> Result<(), StreamError> {
    match bincode::serde::encode_into_std_write(value, to, config::standard()) {
        Ok(_) => Ok(()),
        Err(EncodeError::Io { inner, .. }) => Err(StreamError::Io(inner)),
        Err(other) => Err(StreamError::Codec(other.to_string())),
    }
}

/// Decodes a value that takes all of `bytes`.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    let decoded = within_limit!(bytes.len() as u64, config => bincode::serde::decode_from_slice(bytes, config));
    match decoded {
        Ok((value, read)) if read == bytes.len() => Ok(value),
        Ok((_, read)) => Err(format!("{} bytes are left over of {}", bytes.len() - read, bytes.len())),
        Err(error) => Err(error.to_string()),
    }
}

/// Decodes the integer that `bytes` begin with, and returns what follows it.
pub(crate) fn decode_front(bytes: &[u8]) -> Option<(u32, &[u8])> {
    // One byte up to 250, as bincode has it; that is nearly every one, and each record is asked for it twice.
    if let Some((&first, rest)) = bytes.split_first()
        && first <= 250
    {
        return Some((first.into(), rest));
    }
    let (value, read) = bincode::serde::decode_from_slice(bytes, limited::<{ 1 << 20 }>()).ok()?;
    Some((value, bytes.get(read..)?))
}

/// A stream of bytes to decode from, as a checkpoint's chunks are.
pub(crate) trait Source {
    /// The bytes that are ready; empty only at the end.
    fn ready(&mut self) -> io::Result<&[u8]>;
    /// Passes over `count` of the ready bytes.
    fn pass(&mut self, count: usize);
    /// No fewer bytes than there are in all.
    fn bound(&self) -> u64;
}

/// What a stream can fail by.
#[derive(Debug)]
pub(crate) enum StreamError {
    Io(io::Error),
    Codec(String),
}

/// Decodes a value from the whole of a checkpoint, once.
pub struct Decoder<'a> {
    source: &'a mut dyn Source,
    failure: &'a mut Option<io::Error>,
    what: &'a str,
    pub(crate) path: &'a Path,
}

impl<'a> Decoder<'a> {
    pub(crate) fn new(
        source: &'a mut dyn Source,
        failure: &'a mut Option<io::Error>,
        what: &'a str,
        path: &'a Path,
    ) -> Self {
        Decoder { source, failure, what, path }
    }

    /// The value, which must take every byte.
    ///
    /// # Errors
    ///
    /// [`Error::Codec`] if the bytes are no such value.
    pub fn decode<T: DeserializeOwned>(self) -> Result<T> {
        let len = self.source.bound();
        let what = self.what;
        let mut stream = Stream { source: self.source, failure: self.failure };
        let decoded = within_limit!(len, config => bincode::serde::decode_from_reader(&mut stream, config));
        let value = decoded.map_err(|e| e.to_string()).and_then(|value| match stream.ready() {
            Some([]) => Ok(value),
            Some(_) => Err("bytes are left over".to_string()),
            None => Err("the stream failed".to_string()),
        });
        value.map_err(|reason| Error::Codec { what: what.to_string(), step: "decoded", reason })
    }
}

struct Stream<'a> {
    source: &'a mut dyn Source,
    // bincode's errors hold no `io::Error` that a `Reader` of ours could hand over, so that it is kept aside.
    failure: &'a mut Option<io::Error>,
}

impl Stream<'_> {
    /// The bytes that are ready; `None` once the source has failed: it isn't asked again.
    fn ready(&mut self) -> Option<&[u8]> {
        if self.failure.is_some() {
            return None;
        }
        match self.source.ready() {
            Ok(ready) => Some(ready),
            Err(error) => {
                *self.failure = Some(error);
                None
            }
        }
    }
}

impl Reader for Stream<'_> {
    fn read(&mut self, mut bytes: &mut [u8]) -> Result<(), DecodeError> {
        while !bytes.is_empty() {
            let Some(ready) = self.ready() else { return Err(DecodeError::Other("the stream failed")) };
            if ready.is_empty() {
                return Err(DecodeError::UnexpectedEnd { additional: bytes.len() });
            }
            let count = ready.len().min(bytes.len());
            bytes[..count].copy_from_slice(&ready[..count]);
            self.source.pass(count);
            bytes = &mut bytes[count..];
        }
        Ok(())
    }

    fn peek_read(&mut self, count: usize) -> Option<&[u8]> {
        self.ready()?.get(..count)
    }

    fn consume(&mut self, count: usize) {
        self.source.pass(count);
    }
}

/// Appends `value` in seven bits a byte, low bits first (LEB128).
pub(crate) fn put_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Takes a LEB128 integer off the front of `bytes`; `None` if there is none, or it doesn't fit.
pub(crate) fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for (at, &byte) in bytes.iter().enumerate().take(10) {
        let bits = u64::from(byte & 0x7f);
        let shift = 7 * at as u32;
        if shift == 63 && bits > 1 {
            return None;
        }
        value |= bits << shift;
        if byte & 0x80 == 0 {
            *bytes = &bytes[at + 1..];
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_come_back() {
        for value in [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX - 1, u64::MAX] {
            let mut bytes = Vec::new();
            put_varint(value, &mut bytes);
            let mut rest = &bytes[..];
            assert_eq!(take_varint(&mut rest), Some(value));
            assert!(rest.is_empty());
            assert_eq!(take_varint(&mut &bytes[..bytes.len() - 1]), None, "a cut varint is none");
        }
        assert_eq!(take_varint(&mut &[0xff; 10][..]), None);
    }

    #[test]
    fn the_front_is_what_the_codec_wrote() {
        for value in (0..600).chain([u32::from(u16::MAX), 1 << 16, u32::MAX]) {
            let mut bytes = Vec::new();
            encode(&(value, 9u8), &mut bytes).unwrap();
            assert_eq!(decode_front(&bytes), Some((value, &[9][..])));
        }
        assert_eq!(decode_front(&[]), None);
        assert_eq!(decode_front(&[251, 1]), None);
    }

    #[test]
    fn every_byte_must_be_used() {
        let mut bytes = Vec::new();
        encode(&(7u64, "seven"), &mut bytes).unwrap();
        assert_eq!(decode::<(u64, String)>(&bytes).unwrap(), (7, "seven".to_string()));
        bytes.push(0);
        assert!(decode::<(u64, String)>(&bytes).unwrap_err().contains("left over"));
        assert!(decode::<(u64, String)>(&bytes[..3]).is_err());
    }

    #[test]
    fn a_hostile_length_is_an_error() {
        // A byte vector that says it has 2^62 bytes: without a limit the allocation would abort the process.
        let mut bytes = vec![253];
        bytes.extend_from_slice(&(1u64 << 62).to_le_bytes());
        assert!(decode::<String>(&bytes).is_err());
    }

    #[test]
    fn values_wider_in_memory_than_on_disk_stay_below_the_limit() {
        for count in [1000usize, 60_000, 1 << 17] {
            let wide: Vec<u128> = vec![1; count];
            let mut bytes = Vec::new();
            encode(&wide, &mut bytes).unwrap();
            assert_eq!(decode::<Vec<u128>>(&bytes).unwrap(), wide);
        }
    }
}
