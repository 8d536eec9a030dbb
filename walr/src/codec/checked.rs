//! Values that are held to what is read back of them, token by token.

use std::cell::RefCell;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::input::Input;
use super::notes::{Against, Detail, Notes, Part};
use super::read::Reader;
use super::refusal::{Reason, Refusal};
use super::variants::{Written, misread};
use super::write::{Stop, Writer};
use crate::panic::drop_quietly;

/// Which tokens a value was written with.
#[derive(Debug)]
pub(crate) struct Tokens {
    digest: u64,
    /// The parts of a state, each with the hash at its end.
    parts: Vec<(Part, u64)>,
    variants: Vec<Written>,
}

impl Tokens {
    fn of(notes: &Notes) -> Tokens {
        Tokens { digest: notes.digest(), parts: notes.parts(), variants: notes.written.all() }
    }

    /// Why a value that was read with these `notes` isn't the one that was written, if that shows.
    fn differ(&self, notes: &Notes) -> Option<Reason> {
        match self.digest == notes.digest() {
            true => misread(&self.variants, &notes.read.all()),
            false => Some(Reason::Changed),
        }
    }
}

/// Notes what is written.
pub(super) struct Writing(Notes);

impl Writing {
    fn plain() -> Writing {
        Writing(Notes::new(Detail::Nothing))
    }

    /// Keeps which part of the value has which tokens.
    pub(super) fn of_parts() -> Writing {
        Writing(Notes::new(Detail::Parts(RefCell::default())))
    }

    pub(super) fn notes(&self) -> &Notes {
        &self.0
    }

    /// The tokens, if all was written.
    pub(super) fn end(self, written: Result<(), Stop>) -> Result<Tokens, Refusal> {
        let reason = match (self.0.refusal(), written) {
            // The type's own code may have passed over the error.
            (Some(reason), _) => reason,
            (None, Err(stop)) => Reason::Other(stop.to_string()),
            (None, Ok(())) => return Ok(Tokens::of(&self.0)),
        };
        Err(Refusal { step: "encoded", part: self.0.part(), reason })
    }
}

/// Notes what is read.
pub(super) struct Reading(Notes);

impl Reading {
    /// Keeps which part of the value has which tokens.
    pub(super) fn of_parts() -> Reading {
        Reading(Notes::new(Detail::Parts(RefCell::default())))
    }

    pub(super) fn notes(&self) -> &Notes {
        &self.0
    }

    /// The value, if it was read as it was written.
    pub(super) fn end<T>(self, value: Result<T, String>, written: &Tokens) -> Result<T, Refusal> {
        let parts = self.0.parts();
        let read = match value.is_ok() {
            true => &parts[..],
            // The last part was not read to its end.
            false => parts.split_last().map_or(&[][..], |(_, whole)| whole),
        };
        let changed = written.parts.iter().zip(read).find(|(written, read)| written.1 != read.1);
        let known = |part: Part| written.parts.get(part.place).map_or(part, |(part, _)| *part);
        let (part, reason) = match (value, changed) {
            (Ok(value), changed) => {
                let Some(reason) = written.differ(&self.0) else { return Ok(value) };
                drop_quietly(value);
                (changed.map(|((part, _), _)| *part), reason)
            }
            (Err(_), Some(((part, _), _))) => (Some(*part), Reason::Changed),
            (Err(text), None) => (self.0.part().map(known), self.0.refusal().unwrap_or(Reason::Other(text))),
        };
        Err(Refusal { step: "read back", part, reason })
    }
}

/// Appends the encoding of `value` to `out`, and notes its tokens for [`decode_again`].
pub(crate) fn encode_noted<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) -> Result<Tokens, Refusal> {
    let writing = Writing::plain();
    let written = Writer::to_buffer(out, Some(writing.notes())).whole(value);
    writing.end(written)
}

/// The value that `bytes` decode to, which are the encoding of `value`: it is refused where the two may differ.
pub(crate) fn decode_again<T>(value: &T, bytes: &[u8], written: &Tokens) -> Result<T, Refusal>
where
    T: Serialize + DeserializeOwned,
{
    let notes = Notes::new(Detail::Nothing);
    let (part, reason) = match read(bytes, &notes) {
        Ok(decoded) => {
            let Some(reason) = written.differ(&notes) else { return Ok(decoded) };
            drop_quietly(decoded);
            (None, reason)
        }
        Err(text) => (notes.part(), notes.refusal().unwrap_or(Reason::Other(text))),
    };
    let (part, reason) = parting(value, bytes).unwrap_or((part, reason));
    Err(Refusal { step: "decoded again", part, reason })
}

/// Whether `value`, which is a small sample of its type, comes back from its encoding.
pub(crate) fn comes_back<T: Serialize + DeserializeOwned>(value: &T) -> Result<(), Refusal> {
    let mut bytes = Vec::new();
    let tokens = encode_noted(value, &mut bytes)?;
    decode_again(value, &bytes, &tokens).map(drop_quietly)
}

fn read<T: DeserializeOwned>(bytes: &[u8], notes: &Notes) -> Result<T, String> {
    Reader::new(Input::of_slice(bytes), Some(notes)).whole()
}

/// Where what is read of a value parts from what is written: both are done a second time, and their tokens kept.
#[cold]
fn parting<T: Serialize + DeserializeOwned>(value: &T, bytes: &[u8]) -> Option<(Option<Part>, Reason)> {
    let notes = Notes::new(Detail::Tokens(RefCell::default()));
    let decoded = read::<T>(bytes, &notes);
    let is_whole = decoded.is_ok();
    drop_quietly(decoded);
    let against = Against::new(notes.into_tokens(), is_whole);
    let writing = Writing(Notes::new(Detail::Against(Box::new(RefCell::new(against)))));
    // It was written before, and is refused in any case.
    let _ = Writer::to_buffer(&mut Vec::new(), Some(&writing.0)).whole(value);
    writing.0.into_against()?.end()
}
