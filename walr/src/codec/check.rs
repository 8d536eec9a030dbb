//! The check that a value is read as it was written, by the tokens of both.

use std::cell::RefCell;
use std::marker::PhantomData;
use std::rc::Rc;

use bincode::enc::write::Writer;
use bincode::error::EncodeError;
use bincode::serde::seed_decode_from_slice;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::notes::{Comparison, Detail, Notes, RootField};
use super::read::Noting;
use super::refusal::{Reason, Refusal};
use super::sample::SampleNames;
use super::variants::{WrittenVariant, misread};
use super::write::NotingSerializer;
use super::{Append, SMALL, decode_whole, limited, not_encoded, within_limit};
use crate::panic::drop_quietly;

/// The tokens that a value was written with.
#[derive(Debug)]
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
    let notes = Notes::new(Detail::Nothing);
    let written = write_noted(value, Append(out), &notes);
    written_tokens(&notes, written)
}

/// Decodes `bytes`, the encoding of `value`. Refuses a decoded value that may differ from `value`.
pub(crate) fn decode_again<T>(value: &T, bytes: &[u8], written: &Tokens) -> Result<T, Refusal>
where
    T: Serialize + DeserializeOwned,
{
    decode_compared(value, written, |notes| {
        let seed = || seed(notes);
        within_limit!(bytes.len() as u64, config => decode_whole(bytes, seed_decode_from_slice(seed(), bytes, config)))
    })
}

/// Checks that a sample of a type is read as it was written, and adds the names that it is written with to `names`.
pub(crate) fn check_sample<T>(value: &T, names: &Rc<SampleNames>) -> Result<(), Refusal>
where
    T: Serialize + DeserializeOwned,
{
    let mut bytes = Vec::new();
    names.begin();
    let notes = Notes::new(Detail::Sample(names.clone()));
    let written = write_noted(value, SampleWriter(&mut bytes), &notes);
    let written = written_tokens(&notes, written)?;
    let decode = |notes: &Notes| decode_whole(&bytes, seed_decode_from_slice(seed(notes), &bytes, limited::<SMALL>()));
    decode_compared(value, &written, decode).map(drop_quietly)
}

/// A writer that accepts no more than samples take: what a hand-written `Serialize` makes of one may have no end.
struct SampleWriter<'a>(&'a mut Vec<u8>);

impl Writer for SampleWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        match self.0.len() + bytes.len() <= SMALL {
            true => Append(self.0).write(bytes),
            false => Err(EncodeError::UnexpectedEnd),
        }
    }
}

/// Writes `value`, and notes what is written.
pub(super) fn write_noted<T: Serialize + ?Sized>(value: &T, to: impl Writer, notes: &Notes) -> Result<(), EncodeError> {
    value.serialize(&mut NotingSerializer::new(to, notes)).map_err(|error| *error.0)
}

/// Returns the tokens that were `written`.
pub(super) fn written_tokens(notes: &Notes, written: Result<(), EncodeError>) -> Result<Tokens, Refusal> {
    let reason = match (notes.refusal(), written) {
        // The type's own code may have dropped the error.
        (Some(reason), _) => reason,
        (None, Err(error)) => Reason::Other(not_encoded(error)),
        (None, Ok(())) => {
            let (digest, fields, variants) = (notes.digest(), notes.fields(), notes.written.all());
            return Ok(Tokens { digest, fields, variants });
        }
    };
    Err(Refusal { step: "encoded", field: notes.field(), reason })
}

/// Returns a seed that reads the whole value, and notes what is read.
pub(super) fn seed<T>(notes: &Notes) -> Noting<'_, PhantomData<T>> {
    Noting { inner: PhantomData, notes, is_root: true }
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

/// Decodes the encoding of `value` by `decode`. Refuses a value that isn't read as it was written.
fn decode_compared<T: Serialize>(
    value: &T,
    written: &Tokens,
    decode: impl Fn(&Notes) -> Result<T, String>,
) -> Result<T, Refusal> {
    let notes = Notes::new(Detail::Nothing);
    let (field, reason) = match decode(&notes) {
        Ok(decoded) => {
            let Some(reason) = written.difference(&notes) else { return Ok(decoded) };
            drop_quietly(decoded);
            (None, reason)
        }
        Err(text) => (notes.field(), notes.refusal().unwrap_or(Reason::Other(text))),
    };
    let (field, reason) = first_difference(value, decode).unwrap_or((field, reason));
    Err(Refusal { step: "decoded again", field, reason })
}

/// Returns the first difference between the tokens that are read and those that are written. Reads and writes a second time,
/// and keeps all tokens.
#[cold]
fn first_difference<T: Serialize>(
    value: &T,
    decode: impl Fn(&Notes) -> Result<T, String>,
) -> Option<(Option<RootField>, Reason)> {
    let notes = Notes::new(Detail::Tokens(RefCell::default()));
    let decoded = decode(&notes);
    let is_whole = decoded.is_ok();
    drop_quietly(decoded);
    let comparison = Comparison::new(notes.into_tokens(), is_whole);
    let notes = Notes::new(Detail::Comparison(Box::new(RefCell::new(comparison))));
    // The value is refused in any case.
    let _ = write_noted(value, Append(&mut Vec::new()), &notes);
    notes.into_comparison()?.end()
}
