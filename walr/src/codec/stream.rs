//! A state on its way to a checkpoint and back, as a stream: a state may be too large to have its encoding in memory as well.

use std::io;
use std::path::Path;

use bincode::de::read::Reader;
use bincode::enc::write::Writer;
use bincode::error::{DecodeError, EncodeError};
use bincode::serde::OwnedSerdeDecoder;
use serde::Serialize;
use serde::de::{DeserializeOwned, DeserializeSeed};

use super::check::{Tokens, same_state, seed, write_noted, written_tokens};
use super::notes::Notes;
use super::refusal::{Reason, Refusal};
use super::{not_decoded, within_limit};
use crate::error::Result;

/// A stream of bytes to decode from, such as the chunks of a checkpoint.
pub(crate) trait ByteSource {
    /// Returns the next bytes. They are empty only at the end.
    fn ready(&mut self) -> io::Result<&[u8]>;
    /// Passes over `count` of the bytes that are ready.
    fn pass(&mut self, count: usize);
    /// Returns an upper bound of the number of bytes in all.
    fn bound(&self) -> u64;
}

/// The error of an encoding into a stream.
#[derive(Debug)]
pub(crate) enum StreamError {
    Io(io::Error),
    Codec(Refusal),
}

/// Encodes `value` into a stream, and notes its tokens.
pub(crate) fn encode_to<T: Serialize + ?Sized>(value: &T, to: &mut impl io::Write) -> Result<Tokens, StreamError> {
    let notes = Notes::of_root_fields();
    match write_noted(value, StreamWriter(to), &notes) {
        Err(EncodeError::Io { inner, .. }) => Err(StreamError::Io(inner)),
        written => written_tokens(&notes, written).map_err(StreamError::Codec),
    }
}

/// The same as bincode's writer for streams, which is private.
struct StreamWriter<'a, T>(&'a mut T);

impl<T: io::Write> Writer for StreamWriter<'_, T> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        self.0.write_all(bytes).map_err(|inner| EncodeError::Io { inner, index: 0 })
    }
}

/// Decodes a value from the whole of a checkpoint, once.
pub struct CheckpointDecoder<'a> {
    source: &'a mut dyn ByteSource,
    failure: &'a mut Option<io::Error>,
    what: &'a str,
    pub(crate) path: &'a Path,
}

impl<'a> CheckpointDecoder<'a> {
    /// The first error of `source` goes to `failure`. `what` is the state's name, for messages.
    pub(crate) fn new(
        source: &'a mut dyn ByteSource,
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
        let (what, len) = (self.what, self.source.bound());
        let mut stream = SourceReader { source: self.source, failure: self.failure };
        let decoded = within_limit!(len, config => bincode::serde::decode_from_reader(&mut stream, config));
        let value = stream.whole(decoded);
        value.map_err(|text| Refusal::new("decoded", Reason::Other(text)).of_state(what))
    }

    /// Decodes the value that was just written with these tokens.
    ///
    /// # Errors
    ///
    /// [`Error::Codec`](crate::Error::Codec) if the bytes are no such value, or may be another one.
    pub(crate) fn decode_again<T: DeserializeOwned>(self, written: &Tokens) -> Result<T> {
        let (what, len) = (self.what, self.source.bound());
        let mut stream = SourceReader { source: self.source, failure: self.failure };
        let notes = Notes::of_root_fields();
        let decoded = within_limit!(len, config => {
            let mut decoder = OwnedSerdeDecoder::from_reader(&mut stream, config);
            seed::<T>(&notes).deserialize(decoder.as_deserializer())
        });
        same_state(stream.whole(decoded), &notes, written).map_err(|refusal| refusal.of_state(what))
    }
}

struct SourceReader<'a> {
    source: &'a mut dyn ByteSource,
    // bincode has no error that could hold the `io::Error` of a `Reader`.
    failure: &'a mut Option<io::Error>,
}

impl SourceReader<'_> {
    /// Returns the next bytes, or `None` after an error of the source, which isn't asked again.
    fn ready(&mut self) -> Option<&[u8]> {
        if self.failure.is_some() {
            return None;
        }
        match self.source.ready() {
            Ok(ready) => Some(ready),
            Err(error) => {
                *self.failure = Some(error);
                None
            }
        }
    }

    /// Returns the decoded value if the source has no more bytes.
    fn whole<T>(&mut self, decoded: Result<T, DecodeError>) -> Result<T, String> {
        let value = decoded.map_err(not_decoded)?;
        match self.ready() {
            Some([]) => Ok(value),
            Some(_) => Err("bytes are left over".to_string()),
            None => Err("the stream failed".to_string()),
        }
    }
}

impl Reader for SourceReader<'_> {
    fn read(&mut self, mut bytes: &mut [u8]) -> Result<(), DecodeError> {
        while !bytes.is_empty() {
            let Some(ready) = self.ready() else { return Err(DecodeError::Other("the stream failed")) };
            if ready.is_empty() {
                return Err(DecodeError::UnexpectedEnd { additional: bytes.len() });
            }
            let count = ready.len().min(bytes.len());
            bytes[..count].copy_from_slice(&ready[..count]);
            self.source.pass(count);
            bytes = &mut bytes[count..];
        }
        Ok(())
    }

    fn peek_read(&mut self, count: usize) -> Option<&[u8]> {
        self.ready()?.get(..count)
    }

    fn consume(&mut self, count: usize) {
        self.source.pass(count);
    }
}
