//! A state on its way to a checkpoint and back, as a stream: a state may be too large to have its encoding in memory as well.

use std::io;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::check::{Tokens, same_state, written_tokens};
use super::input::{ChunkSource, ChunkStream, Input};
use super::notes::Notes;
use super::read::ValueReader;
use super::refusal::{Reason, Refusal};
use super::write::{EncodeError, EncodeErrorKind, ValueWriter};
use crate::error::Result;

/// The error of an encoding into a stream.
#[derive(Debug)]
pub(crate) enum StreamError {
    Io(io::Error),
    Codec(Refusal),
}

/// Encodes `value` into a stream, and notes its tokens.
pub(crate) fn encode_to<T: Serialize + ?Sized>(value: &T, to: &mut dyn io::Write) -> Result<Tokens, StreamError> {
    let (notes, mut buffer) = (Notes::of_root_fields(), Vec::new());
    let written = match ValueWriter::to_stream(&mut buffer, to, Some(&notes)).whole(value) {
        Err(EncodeError(error)) => match *error {
            EncodeErrorKind::Io(error) => return Err(StreamError::Io(error)),
            text => Err(EncodeError(Box::new(text))),
        },
        written => written,
    };
    written_tokens(&notes, written).map_err(StreamError::Codec)
}

/// Decodes a value from the whole of a checkpoint, once.
pub struct CheckpointDecoder<'a> {
    source: &'a mut dyn ChunkSource,
    failure: &'a mut Option<io::Error>,
    what: &'a str,
    pub(crate) path: &'a Path,
}

impl<'a> CheckpointDecoder<'a> {
    /// Makes a decoder. The first error of `source` goes to `failure`. `what` is the state's name, for messages.
    pub(crate) fn new(
        source: &'a mut dyn ChunkSource,
        failure: &'a mut Option<io::Error>,
        what: &'a str,
        path: &'a Path,
    ) -> Self {
        CheckpointDecoder { source, failure, what, path }
    }

    /// Decodes a value that takes all bytes.
    ///
    /// # Errors
    ///
    /// [`Error::Codec`](crate::Error::Codec) if the bytes are no such value.
    pub fn decode<T: DeserializeOwned>(self) -> Result<T> {
        let what = self.what;
        let value = ValueReader::new(self.input(), None).whole();
        value.map_err(|text| Refusal::new("decoded", Reason::Other(text)).of_state(what))
    }

    /// Decodes the value that was just written with these tokens.
    ///
    /// # Errors
    ///
    /// [`Error::Codec`](crate::Error::Codec) if the bytes are no such value, or may be another one.
    pub(crate) fn decode_again<T: DeserializeOwned>(self, written: &Tokens) -> Result<T> {
        let (what, notes) = (self.what, Notes::of_root_fields());
        let value = ValueReader::new(self.input(), Some(&notes)).whole();
        same_state(value, &notes, written).map_err(|refusal| refusal.of_state(what))
    }

    fn input(self) -> Input<'a> {
        Input::of_stream(ChunkStream { source: self.source, failure: self.failure })
    }
}
