//! Values ↔ bytes: bincode 2 through serde, and the variable-length integers of the log's own bodies.
//!
//! The encoding is bincode's standard configuration: little-endian, variable-length integers, enum variants by index. Its
//! id ([`CODEC`]) is in `STORE`. A value must take all bytes that it is decoded from. The decoding has a limit, so that a forged
//! length can't allocate more than a small multiple of the bytes.

mod check;
mod compound;
mod notes;
mod read;
mod refusal;
mod sample;
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

pub(crate) use self::check::{Tokens, check_sample, decode_again, encode_noted};
pub(crate) use self::refusal::{PathStep, Refusal, path_of};
pub(crate) use self::sample::{SampleNames, WrittenStruct};
pub(crate) use self::self_describing::{SelfDescribing, short};
pub use self::stream::CheckpointDecoder;
pub(crate) use self::stream::{ByteSource, StreamError, encode_to};
pub(crate) use self::variants::WrittenVariant;
use crate::panic::drop_quietly;

/// The codec's id on disk: bincode 2, standard configuration.
pub(crate) const CODEC: u32 = 1;

const fn limited<const N: usize>() -> Configuration<LittleEndian, Varint, Limit<N>> {
    config::standard().with_limit::<N>()
}

/// The limit in memory of a value of up to 64 KiB of encoding.
const SMALL: usize = 1 << 20;

/// Decodes under the smallest limit that a valid value of `$len` encoded bytes can't reach. bincode counts the size in memory,
/// which is up to 16 times the size on disk.
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

/// Appends the encoding of `value` to `out`. Only for values that are always read as they were written: see [`encode_noted`] for
/// others.
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

/// Returns the length of the encoding of `value`.
pub(crate) fn encoded_len<T: Serialize + ?Sized>(value: &T) -> Result<usize, String> {
    let mut sized = SizeWriter::default();
    bincode::serde::encode_into_writer(value, &mut sized, config::standard()).map_err(not_encoded)?;
    Ok(sized.bytes_written)
}

/// Decodes a value that takes all of `bytes`.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    within_limit!(bytes.len() as u64, config => decode_whole(bytes, bincode::serde::decode_from_slice(bytes, config)))
}

/// Returns the decoded value if it took all of `bytes`.
fn decode_whole<T>(bytes: &[u8], decoded: Result<(T, usize), DecodeError>) -> Result<T, String> {
    match decoded {
        Ok((value, read)) if read == bytes.len() => Ok(value),
        Ok((value, read)) => {
            drop_quietly(value);
            Err(format!("{} bytes are left over of {}", bytes.len() - read, bytes.len()))
        }
        Err(error) => Err(not_decoded(error)),
    }
}

/// Decodes the integer at the front of `bytes`, and returns it with the bytes after it.
pub(crate) fn decode_front(bytes: &[u8]) -> Option<(u32, &[u8])> {
    // bincode writes integers up to 250 as one byte. Nearly all are, and each record is decoded here twice.
    if let Some((&first, rest)) = bytes.split_first()
        && first <= 250
    {
        return Some((first.into(), rest));
    }
    let (value, read) = bincode::serde::decode_from_slice(bytes, limited::<SMALL>()).ok()?;
    Some((value, bytes.get(read..)?))
}

/// Appends `value` as a LEB128 integer: seven bits a byte, low bits first.
pub(crate) fn put_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Takes a LEB128 integer off the front of `bytes`. Returns `None` if there is none, or it doesn't fit.
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
