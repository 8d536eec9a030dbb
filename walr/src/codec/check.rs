//! The check that a value is read as it was written, by the tokens of both.

use std::cell::RefCell;
use std::rc::Rc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::input::Input;
use super::notes::{Comparison, Detail, Notes, RootField};
use super::read::ValueReader;
use super::refusal::{Reason, Refusal};
use super::sample::SampleNames;
use super::variants::{WrittenVariant, misread};
use super::write::{EncodeError, ValueWriter};
use crate::panic::drop_quietly;

/// The tokens that a value was written with.
#[derive(Clone, Debug)]
pub(crate) struct Tokens {
    digest: u64,
    /// The fields of a state, each with the hash after it.
    fields: Vec<(RootField, u64)>,
    variants: Vec<WrittenVariant>,
}

impl Tokens {
    /// Returns the reason to refuse a value that was read with these `notes`, if they show that another one was written.
    fn difference(&self, notes: &Notes) -> Option<Reason> {
        match self.digest == notes.digest() {
            true => misread(&self.variants, &notes.read.all()),
            false => Some(Reason::Changed),
        }
    }
}

/// Appends the encoding of `value` to `out`, and notes its tokens for [`decode_again`].
pub(crate) fn encode_noted<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) -> Result<Tokens, Refusal> {
    encode_with(value, out, &Notes::new(Detail::Nothing))
}

/// Checks that a sample of a type is read as it was written, and adds the names that it is written with to `names`.
pub(crate) fn check_sample<T>(value: &T, names: &Rc<SampleNames>) -> Result<(), Refusal>
where
    T: Serialize + DeserializeOwned,
{
    let mut bytes = Vec::new();
    names.begin();
    let tokens = encode_with(value, &mut bytes, &Notes::new(Detail::Sample(names.clone())))?;
    let decoded = decode_again(value, &bytes, &tokens)?;
    // Conversions such as `#[serde(from = "..", into = "..")]` can make another value of the same tokens.
    let is_changed = encodes_to(value, &bytes) && !encodes_to(&decoded, &bytes);
    drop_quietly(decoded);
    match is_changed {
        true => Err(Refusal { step: "decoded again", field: None, reason: Reason::Changed }),
        false => Ok(()),
    }
}

/// Returns whether `value` is encoded as these bytes, in any order: a `HashMap` and its copy have different orders. A type may write
/// another encoding each time, such as a new nonce.
fn encodes_to<T: Serialize>(value: &T, bytes: &[u8]) -> bool {
    let (mut again, mut bytes) = (Vec::new(), bytes.to_vec());
    if super::encode(value, &mut again).is_err() {
        return false;
    }
    again.sort_unstable();
    bytes.sort_unstable();
    again == bytes
}

fn encode_with<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>, notes: &Notes) -> Result<Tokens, Refusal> {
    written_tokens(notes, ValueWriter::to_buffer(out, Some(notes)).whole(value))
}

/// Decodes `bytes`, the encoding of `value`. Refuses a decoded value that may differ from `value`.
pub(crate) fn decode_again<T>(value: &T, bytes: &[u8], written: &Tokens) -> Result<T, Refusal>
where
    T: Serialize + DeserializeOwned,
{
    let notes = Notes::new(Detail::Nothing);
    let (field, reason) = match read(bytes, &notes) {
        Ok(decoded) => {
            let Some(reason) = written.difference(&notes) else { return Ok(decoded) };
            drop_quietly(decoded);
            (None, reason)
        }
        Err(text) => (notes.field(), notes.refusal().unwrap_or(Reason::Other(text))),
    };
    let (field, reason) = first_difference(value, bytes).unwrap_or((field, reason));
    Err(Refusal { step: "decoded again", field, reason })
}

fn read<T: DeserializeOwned>(bytes: &[u8], notes: &Notes) -> Result<T, String> {
    ValueReader::new(Input::of_slice(bytes), Some(notes)).whole()
}

/// Returns the first difference between the tokens that are read and those that are written. Reads and writes a second time,
/// and keeps all tokens.
#[cold]
fn first_difference<T: Serialize + DeserializeOwned>(value: &T, bytes: &[u8]) -> Option<(Option<RootField>, Reason)> {
    let notes = Notes::new(Detail::Tokens(RefCell::default()));
    let decoded = read::<T>(bytes, &notes);
    let is_whole = decoded.is_ok();
    drop_quietly(decoded);
    let comparison = Comparison::new(notes.into_tokens(), is_whole);
    let notes = Notes::new(Detail::Comparison(Box::new(RefCell::new(comparison))));
    // The value is refused in any case.
    let _ = ValueWriter::to_buffer(&mut Vec::new(), Some(&notes)).whole(value);
    notes.into_comparison()?.end()
}

/// Returns the tokens that were `written`.
pub(super) fn written_tokens(notes: &Notes, written: Result<(), EncodeError>) -> Result<Tokens, Refusal> {
    let reason = match (notes.refusal(), written) {
        // The type's own code may have dropped the error.
        (Some(reason), _) => reason,
        (None, Err(error)) => Reason::Other(error.to_string()),
        (None, Ok(())) => {
            let (digest, fields, variants) = (notes.digest(), notes.fields(), notes.written.all());
            return Ok(Tokens { digest, fields, variants });
        }
    };
    Err(Refusal { step: "encoded", field: notes.field(), reason })
}

/// Returns a decoded state if it was read as it was `written`.
pub(super) fn same_state<T>(value: Result<T, String>, notes: &Notes, written: &Tokens) -> Result<T, Refusal> {
    let fields = notes.fields();
    let read = match value.is_ok() {
        true => &fields[..],
        // The last field was not read to its end.
        false => fields.split_last().map_or(&[][..], |(_, before)| before),
    };
    let changed = written.fields.iter().zip(read).find(|(written, read)| written.1 != read.1);
    let changed = changed.map(|((field, _), _)| *field);
    let named = |field: RootField| written.fields.get(field.index).map_or(field, |(field, _)| *field);
    let (field, reason) = match (value, changed) {
        (Ok(value), changed) => {
            let Some(reason) = written.difference(notes) else { return Ok(value) };
            drop_quietly(value);
            (changed, reason)
        }
        (Err(_), Some(field)) => (Some(field), Reason::Changed),
        (Err(text), None) => (notes.field().map(named), notes.refusal().unwrap_or(Reason::Other(text))),
    };
    Err(Refusal { step: "read back", field, reason })
}
