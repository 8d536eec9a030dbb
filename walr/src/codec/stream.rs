//! A state on its way to a checkpoint and from it: as a stream, because it may be larger than what should be in memory twice.

use std::io;
use std::path::Path;

use bincode::de::read::Reader;
use bincode::enc::write::Writer;
use bincode::error::{DecodeError, EncodeError};
use bincode::serde::OwnedSerdeDecoder;
use serde::Serialize;
use serde::de::{DeserializeOwned, DeserializeSeed};

use super::checked::{Reading, Tokens, Writing};
use super::refusal::{Reason, Refusal};
use super::{not_decoded, within_limit};
use crate::error::Result;

/// A stream of bytes to decode from, as a checkpoint's chunks are.
pub(crate) trait Source {
    /// The bytes that are ready; empty only at the end.
    fn ready(&mut self) -> io::Result<&[u8]>;
    /// Passes over `count` of the ready bytes.
    fn pass(&mut self, count: usize);
    /// No fewer bytes than there are in all.
    fn bound(&self) -> u64;
}

/// What a stream can fail by.
#[derive(Debug)]
pub(crate) enum StreamError {
    Io(io::Error),
    Codec(Refusal),
}

/// Encodes `value` into a stream, and notes its tokens.
pub(crate) fn encode_to<T: Serialize + ?Sized>(value: &T, to: &mut impl io::Write) -> Result<Tokens, StreamError> {
    let writing = Writing::of_parts();
    match writing.write(value, Out(to)) {
        // The disk's own error is the one to tell.
        Err(EncodeError::Io { inner, .. }) => Err(StreamError::Io(inner)),
        written => writing.end(written).map_err(StreamError::Codec),
    }
}

/// bincode's own writer for streams, which it keeps to itself.
struct Out<'a, T>(&'a mut T);

impl<T: io::Write> Writer for Out<'_, T> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        self.0.write_all(bytes).map_err(|inner| EncodeError::Io { inner, index: 0 })
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
        let (what, len) = (self.what, self.source.bound());
        let mut stream = Stream { source: self.source, failure: self.failure };
        let decoded = within_limit!(len, config => bincode::serde::decode_from_reader(&mut stream, config));
        let value = decoded.map_err(not_decoded).and_then(|value| stream.is_used_up().map(|()| value));
        value.map_err(|text| Refusal::new("decoded", Reason::Other(text)).of_state(what))
    }

    /// The value that was just written with these tokens.
    ///
    /// # Errors
    ///
    /// [`Error::Codec`](crate::Error::Codec) if the bytes are no such value, or another one.
    pub(crate) fn decode_again<T: DeserializeOwned>(self, written: &Tokens) -> Result<T> {
        let (what, len) = (self.what, self.source.bound());
        let mut stream = Stream { source: self.source, failure: self.failure };
        let reading = Reading::of_parts();
        let decoded = within_limit!(len, config => {
            let mut decoder = OwnedSerdeDecoder::from_reader(&mut stream, config);
            reading.noted::<T>().deserialize(decoder.as_deserializer())
        });
        let value = decoded.map_err(not_decoded).and_then(|value| stream.is_used_up().map(|()| value));
        reading.end(value, written).map_err(|refusal| refusal.of_state(what))
    }
}

struct Stream<'a> {
    source: &'a mut dyn Source,
    // bincode's errors hold no `io::Error` that a `Reader` of ours could hand over, so that it is kept aside.
    failure: &'a mut Option<io::Error>,
}

impl Stream<'_> {
    /// The bytes that are ready; `None` once the source has failed: it isn't asked again.
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
}

impl Stream<'_> {
    fn is_used_up(&mut self) -> Result<(), String> {
        match self.ready() {
            Some([]) => Ok(()),
            Some(_) => Err("bytes are left over".to_string()),
            None => Err("the stream failed".to_string()),
        }
    }
}

impl Reader for Stream<'_> {
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
