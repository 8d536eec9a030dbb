//! Values that are held to what is read back of them, token by token.

use std::cell::RefCell;
use std::marker::PhantomData;

use bincode::enc::write::Writer;
use bincode::error::{DecodeError, EncodeError};
use bincode::serde::seed_decode_from_slice;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::notes::{Against, Detail, Notes, Part};
use super::refusal::{Reason, Refusal};
use super::variants::{Written, misread};
use super::{Append, SMALL, left_over, limited, not_decoded, not_encoded, read, within_limit, write};
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

    /// Writes `value`.
    pub(super) fn write<T: Serialize + ?Sized>(&self, value: &T, to: impl Writer) -> Result<(), EncodeError> {
        let written = value.serialize(&mut write::Noting::new(to, &self.0));
        written.map_err(|stop| *stop.0)
    }

    /// The tokens, if all was written.
    pub(super) fn end(self, written: Result<(), EncodeError>) -> Result<Tokens, Refusal> {
        let reason = match (self.0.refusal(), written) {
            // The type's own code may have passed over the error.
            (Some(reason), _) => reason,
            (None, Err(error)) => Reason::Other(not_encoded(error)),
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

    pub(super) fn noted<T>(&self) -> read::Noted<'_, PhantomData<T>> {
        noted(&self.0)
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
    let written = writing.write(value, Append(out));
    writing.end(written)
}

/// The value that `bytes` decode to, which are the encoding of `value`: it is refused where the two may differ.
pub(crate) fn decode_again<T>(value: &T, bytes: &[u8], written: &Tokens) -> Result<T, Refusal>
where
    T: Serialize + DeserializeOwned,
{
    again(value, written, |notes| {
        let seed = || noted(notes);
        within_limit!(bytes.len() as u64, config => whole(bytes, seed_decode_from_slice(seed(), bytes, config)))
    })
}

/// Whether `value`, which is a small sample of its type, comes back from its encoding.
pub(crate) fn comes_back<T: Serialize + DeserializeOwned>(value: &T) -> Result<(), Refusal> {
    let mut bytes = Vec::new();
    let tokens = encode_noted(value, &mut bytes)?;
    let decode = |notes: &Notes| whole(&bytes, seed_decode_from_slice(noted(notes), &bytes, limited::<SMALL>()));
    again(value, &tokens, decode).map(drop_quietly)
}

fn noted<T>(notes: &Notes) -> read::Noted<'_, PhantomData<T>> {
    read::Noted { seed: PhantomData, notes, outermost: true }
}

/// A value that must take all of `bytes`.
fn whole<T>(bytes: &[u8], decoded: Result<(T, usize), DecodeError>) -> Result<T, String> {
    match decoded {
        Ok((value, read)) if read == bytes.len() => Ok(value),
        Ok((value, read)) => {
            drop_quietly(value);
            Err(left_over(bytes.len() - read, bytes.len()))
        }
        Err(error) => Err(not_decoded(error)),
    }
}

/// What `decode` makes of the encoding of `value`, if it is read as it was written.
fn again<T: Serialize>(
    value: &T,
    written: &Tokens,
    decode: impl Fn(&Notes) -> Result<T, String>,
) -> Result<T, Refusal> {
    let notes = Notes::new(Detail::Nothing);
    let (part, reason) = match decode(&notes) {
        Ok(decoded) => {
            let Some(reason) = written.differ(&notes) else { return Ok(decoded) };
            drop_quietly(decoded);
            (None, reason)
        }
        Err(text) => (notes.part(), notes.refusal().unwrap_or(Reason::Other(text))),
    };
    let (part, reason) = parting(value, decode).unwrap_or((part, reason));
    Err(Refusal { step: "decoded again", part, reason })
}

/// Where what is read of a value parts from what is written: both are done a second time, and their tokens kept.
#[cold]
fn parting<T: Serialize>(value: &T, decode: impl Fn(&Notes) -> Result<T, String>) -> Option<(Option<Part>, Reason)> {
    let notes = Notes::new(Detail::Tokens(RefCell::default()));
    let decoded = decode(&notes);
    let is_whole = decoded.is_ok();
    drop_quietly(decoded);
    let against = Against::new(notes.into_tokens(), is_whole);
    let writing = Writing(Notes::new(Detail::Against(Box::new(RefCell::new(against)))));
    // It was written before, and is refused in any case.
    let _ = writing.write(value, Append(&mut Vec::new()));
    writing.0.into_against()?.end()
}
