//! Values ↔ bytes: bincode 2 through serde, and the variable-length integers of the log's own bodies.
//!
//! The encoding is bincode's standard configuration: little-endian, variable-length integers, enum variants by index. Its
//! id ([`CODEC`]) is on disk in `STORE`. Values are decoded from slices with exact consumption, under a limit that keeps a
//! hostile length from asking for more memory than a small multiple of the bytes that are there.

mod checked;
mod compound;
mod notes;
mod read;
mod refusal;
mod self_describing;
mod stream;
mod variants;
mod visit;
mod write;

use bincode::config::{self, Configuration, Limit, LittleEndian, Varint};
use bincode::enc::write::{SizeWriter, Writer};
use bincode::error::{DecodeError, EncodeError};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub(crate) use self::checked::{Tokens, comes_back, decode_again, encode_noted};
pub(crate) use self::refusal::{Refusal, Step, path_of};
pub(crate) use self::self_describing::{SelfDescribing, short};
pub use self::stream::Decoder;
pub(crate) use self::stream::{Source, StreamError, encode_to};

/// The codec's id on disk: bincode 2, standard configuration.
pub(crate) const CODEC: u32 = 1;

const fn limited<const N: usize>() -> Configuration<LittleEndian, Varint, Limit<N>> {
    config::standard().with_limit::<N>()
}

/// What up to 64 KiB of encoding may take in memory.
const SMALL: usize = 1 << 20;

/// Decodes under the smallest limit that `$len` encoded bytes can't reach when they are sound. bincode counts a value's
/// size in memory, up to 16 bytes for one on disk, hence the factor.
macro_rules! within_limit {
    ($len:expr, $config:ident => $decode:expr) => {{
        let len: u64 = $len;
        if len <= 1 << 16 {
            let $config = $crate::codec::limited::<{ $crate::codec::SMALL }>();
            $decode
        } else if len <= 1 << 26 {
            let $config = $crate::codec::limited::<{ 1 << 30 }>();
            $decode
        } else {
            let $config = ::bincode::config::standard();
            $decode
        }
    }};
}
use within_limit;

struct Append<'a>(&'a mut Vec<u8>);

impl Writer for Append<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

/// Appends the encoding of `value` to `out`. Only for values that are known to be read back as they are: see
/// [`encode_noted`] for others.
pub(crate) fn encode<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) -> Result<(), String> {
    bincode::serde::encode_into_writer(value, Append(out), config::standard()).map_err(not_encoded)
}

fn not_encoded(error: EncodeError) -> String {
    match error {
        EncodeError::OtherString(text) => text,
        other => other.to_string(),
    }
}

fn not_decoded(error: DecodeError) -> String {
    match error {
        DecodeError::OtherString(text) => text,
        other => other.to_string(),
    }
}

fn left_over(count: usize, all: usize) -> String {
    format!("{count} bytes are left over of {all}")
}

/// How many bytes the encoding of `value` takes.
pub(crate) fn encoded_len<T: Serialize + ?Sized>(value: &T) -> Result<usize, String> {
    let mut sized = SizeWriter::default();
    bincode::serde::encode_into_writer(value, &mut sized, config::standard()).map_err(not_encoded)?;
    Ok(sized.bytes_written)
}

/// Decodes a value that takes all of `bytes`.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    let decoded = within_limit!(bytes.len() as u64, config => bincode::serde::decode_from_slice(bytes, config));
    match decoded {
        Ok((value, read)) if read == bytes.len() => Ok(value),
        Ok((_, read)) => Err(left_over(bytes.len() - read, bytes.len())),
        Err(error) => Err(not_decoded(error)),
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
    let (value, read) = bincode::serde::decode_from_slice(bytes, limited::<SMALL>()).ok()?;
    Some((value, bytes.get(read..)?))
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
mod tests;
