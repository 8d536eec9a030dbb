//! The state and the log of the manual layer, as the store sees them: encodings.

use std::fmt;

use serde::de::Visitor;
use serde::ser::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::codec;
use crate::schema::MANUAL;
use crate::schema::state::{Handle, Mutation, Mutations, Recorded, WalState};

/// The encoding of the program's state, or nothing.
///
/// It holds an encoding only on the way to a checkpoint, or from one. The live state of the store is nothing, and refuses to be
/// encoded: only the program can say what a checkpoint contains.
pub(crate) struct EncodedState(Option<Blob>);

impl EncodedState {
    pub(crate) fn new(bytes: Vec<u8>) -> EncodedState {
        EncodedState(Some(Blob(bytes)))
    }

    pub(super) fn nothing() -> EncodedState {
        EncodedState(None)
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0.unwrap_or_default().0
    }
}

impl Serialize for EncodedState {
    fn serialize<T: Serializer>(&self, to: T) -> Result<T::Ok, T::Error> {
        match &self.0 {
            Some(bytes) => bytes.serialize(to),
            None => Err(T::Error::custom("there is no state but the one that is passed to `checkpoint`")),
        }
    }
}

impl<'de> Deserialize<'de> for EncodedState {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Blob::deserialize(from).map(|bytes| EncodedState(Some(bytes)))
    }
}

/// The encoding of one log value of the program.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) enum EncodedLog {
    Log(Blob),
}

impl EncodedLog {
    pub(crate) fn new(log: Vec<u8>) -> EncodedLog {
        EncodedLog::Log(Blob(log))
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        let EncodedLog::Log(bytes) = self;
        bytes.0
    }

    /// Returns the size of the record in bytes.
    pub(super) fn size(&self) -> usize {
        // The encoding of bytes can't fail.
        codec::encoded_len(self).unwrap_or(0)
    }
}

impl fmt::Debug for EncodedLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let EncodedLog::Log(bytes) = self;
        write!(f, "EncodedLog({} bytes)", bytes.0.len())
    }
}

/// Blob that serde encodes and decodes as a whole.
#[derive(Clone, Default)]
pub(crate) struct Blob(Vec<u8>);

impl Serialize for Blob {
    fn serialize<T: Serializer>(&self, to: T) -> Result<T::Ok, T::Error> {
        to.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct BlobVisitor;
        impl Visitor<'_> for BlobVisitor {
            type Value = Blob;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Blob, E> {
                Ok(Blob(bytes.to_vec()))
            }

            fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Blob, E> {
                Ok(Blob(bytes))
            }
        }
        from.deserialize_byte_buf(BlobVisitor)
    }
}

impl Recorded for EncodedState {
    type Log = EncodedLog;
    type Outcome = ();
    type Mutations = NoMutations;
    const MUTATIONS: &'static [Mutation] = &[Mutation {
        name: "log",
        params: &[("log", "bytes")],
        result: "()",
        // `WAL` has checked that the program's value can be decoded.
        reads_back: true,
        fingerprint: 0,
    }];

    fn apply(&mut self, _log: EncodedLog) {}

    fn index(_log: &EncodedLog) -> usize {
        0
    }
}

impl WalState for EncodedState {
    const NAME: &'static str = MANUAL;
    const VERSION: u32 = 1;
    const SHAPE: &'static str = "bytes";
}

/// No methods: the manual layer has its own.
pub(crate) struct NoMutations;

impl Mutations<EncodedState> for NoMutations {
    fn new(_: Handle<EncodedState>) -> Self {
        NoMutations
    }
}
