//! A state on its way to a checkpoint and from it: as a stream, because it may be larger than what should be in memory twice.

use std::io;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::checked::{Reading, Tokens, Writing};
use super::input::{Input, Source, Stream};
use super::read::Reader;
use super::refusal::{Reason, Refusal};
use super::write::{Stop, Unwritten, Writer};
use crate::error::Result;

/// What a stream can fail by.
#[derive(Debug)]
pub(crate) enum StreamError {
    Io(io::Error),
    Codec(Refusal),
}

/// Encodes `value` into a stream, and notes its tokens.
pub(crate) fn encode_to<T: Serialize + ?Sized>(value: &T, to: &mut impl io::Write) -> Result<Tokens, StreamError> {
    let (writing, mut buffer) = (Writing::of_parts(), Vec::new());
    let written = Writer::to_stream(&mut buffer, to, Some(writing.notes())).whole(value);
    match written.map_err(|stop| *stop.0) {
        Err(Unwritten::Io(error)) => Err(StreamError::Io(error)),
        Err(unwritten) => writing.end(Err(Stop(Box::new(unwritten)))).map_err(StreamError::Codec),
        Ok(()) => writing.end(Ok(())).map_err(StreamError::Codec),
    }
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
    /// [`Error::Codec`](crate::Error::Codec) if the bytes are no such value.
    pub fn decode<T: DeserializeOwned>(self) -> Result<T> {
        let what = self.what;
        let value = Reader::new(self.input(), None).whole();
        value.map_err(|text| Refusal::new("decoded", Reason::Other(text)).of_state(what))
    }

    /// The value that was just written with these tokens.
    ///
    /// # Errors
    ///
    /// [`Error::Codec`](crate::Error::Codec) if the bytes are no such value, or another one.
    pub(crate) fn decode_again<T: DeserializeOwned>(self, written: &Tokens) -> Result<T> {
        let (what, reading) = (self.what, Reading::of_parts());
        let value = Reader::new(self.input(), Some(reading.notes())).whole();
        reading.end(value, written).map_err(|refusal| refusal.of_state(what))
    }

    fn input(self) -> Input<'a> {
        Input::of_stream(Stream { source: self.source, failure: self.failure })
    }
}
