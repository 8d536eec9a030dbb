//! The codec: values to bytes and back through serde, and the variable-length integers of the log's own bodies.
//!
//! The encoding is that of bincode's standard configuration: little-endian, variable-length integers, enum variants by index. Its
//! id ([`CODEC`]) is on disk in `STORE`. A value takes all of its bytes, and a length is held to the bytes that are left before
//! memory is allocated for it.

mod checked;
mod compound;
mod input;
mod notes;
mod parts;
mod read;
mod refusal;
mod self_describing;
mod stream;
mod variants;
mod varint;
mod write;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub(crate) use self::checked::{Tokens, comes_back, decode_again, encode_noted};
pub(crate) use self::input::Source;
pub(crate) use self::refusal::{Refusal, Step, path_of};
pub(crate) use self::self_describing::{SelfDescribing, short};
pub use self::stream::Decoder;
pub(crate) use self::stream::{StreamError, encode_to};
pub(crate) use self::varint::{put_varint, take_varint};

use self::input::Input;
use self::read::Reader;
use self::write::Writer;

/// The codec's id on disk: bincode 2, standard configuration.
pub(crate) const CODEC: u32 = 1;

/// Appends the encoding of `value` to `out`. Only for values that are known to be read back as they are: see
/// [`encode_noted`] for others.
pub(crate) fn encode<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) -> Result<(), String> {
    Writer::to_buffer(out, None).whole(value).map_err(|stop| stop.to_string())
}

/// How many bytes the encoding of `value` takes.
pub(crate) fn encoded_len<T: Serialize + ?Sized>(value: &T) -> Result<usize, String> {
    let mut bytes = Vec::new();
    encode(value, &mut bytes).map(|()| bytes.len())
}

/// Decodes a value that takes all of `bytes`.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    Reader::new(Input::of_slice(bytes), None).whole()
}

/// Decodes the integer that `bytes` begin with, and returns what follows it.
pub(crate) fn decode_front(bytes: &[u8]) -> Option<(u32, &[u8])> {
    // One byte up to 250, as bincode has it; that is nearly every one, and each record is asked for it twice.
    if let Some((&first, rest)) = bytes.split_first()
        && first <= 250
    {
        return Some((first.into(), rest));
    }
    let mut input = Input::of_slice(bytes);
    let value = input.unsigned(varint::U32).ok()?;
    Some((value as u32, input.into_rest()?))
}

#[cfg(test)]
mod tests;
