//! The codec: values to bytes and back through serde, and the variable-length integers of the log's own bodies.
//!
//! The encoding is that of bincode's standard configuration: little-endian, variable-length integers, enum variants by index. Its
//! id ([`CODEC`]) is in each segment and each checkpoint. A value must take all bytes that it is decoded from. A forged length can't
//! allocate more than the bytes that are left.

mod check;
mod compound;
mod digest;
mod input;
mod notes;
mod parts;
mod read;
mod refusal;
mod sample;
mod self_describing;
mod stream;
mod variants;
mod varint;
mod write;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub(crate) use self::check::{Tokens, check_sample, decode_again, encode_noted};
pub(crate) use self::digest::{digest, mix};
pub(crate) use self::input::ChunkSource;
pub(crate) use self::refusal::{PathStep, Refusal, path_of};
pub(crate) use self::sample::{SampleNames, WrittenStruct};
pub(crate) use self::self_describing::{SelfDescribing, short};
pub use self::stream::CheckpointDecoder;
pub(crate) use self::stream::{StreamError, encode_to};
pub(crate) use self::variants::WrittenVariant;
pub(crate) use self::varint::{put_varint, take_varint};

use self::input::Input;
use self::read::ValueReader;
use self::write::ValueWriter;

/// The codec's id on disk: bincode 2, standard configuration.
pub(crate) const CODEC: u32 = 1;

/// Appends the encoding of `value` to `out`. Only for values that are always read as they were written: see [`encode_noted`] for
/// others.
pub(crate) fn encode<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) -> Result<(), String> {
    ValueWriter::to_buffer(out, None).whole(value).map_err(|error| error.to_string())
}

/// Returns the length of the encoding of `value`.
pub(crate) fn encoded_len<T: Serialize + ?Sized>(value: &T) -> Result<usize, String> {
    let mut bytes = Vec::new();
    encode(value, &mut bytes).map(|()| bytes.len())
}

/// Decodes a value that takes all of `bytes`.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    ValueReader::new(Input::of_slice(bytes), None).whole()
}

/// Decodes the integer at the front of `bytes`, and returns it with the bytes after it.
pub(crate) fn decode_front(bytes: &[u8]) -> Option<(u32, &[u8])> {
    // Nearly all integers take one byte, and each record is decoded here twice.
    if let Some((&first, rest)) = bytes.split_first()
        && first <= varint::MOST_SMALL
    {
        return Some((first.into(), rest));
    }
    let mut input = Input::of_slice(bytes);
    let value = input.unsigned(varint::U32).ok()?;
    Some((value as u32, input.into_rest()?))
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_refusals;
