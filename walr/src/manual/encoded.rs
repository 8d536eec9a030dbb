//! What the journal sees of a log and a state that aren't its own: their encodings.

use std::fmt;

use serde::de::Visitor;
use serde::ser::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::codec;
use crate::schema::MANUAL;
use crate::schema::state::{Handle, Mutation, Mutations, Recorded, WalState};

/// The encoding of the program's state, or nothing.
///
/// It is there only on its way to a checkpoint and from one. The live state of the store is nothing, and refuses to be
/// written: what a program passes to `checkpoint` is the only state there is.
pub(crate) struct Encoded(Option<Bytes>);

impl Encoded {
    pub(crate) fn new(bytes: Vec<u8>) -> Encoded {
        Encoded(Some(Bytes(bytes)))
    }

    pub(super) fn nothing() -> Encoded {
        Encoded(None)
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0.unwrap_or_default().0
    }
}

impl Serialize for Encoded {
    fn serialize<T: Serializer>(&self, to: T) -> Result<T::Ok, T::Error> {
        match &self.0 {
            Some(bytes) => bytes.serialize(to),
            None => Err(T::Error::custom("there is no state but the one that is passed to `checkpoint`")),
        }
    }
}

impl<'de> Deserialize<'de> for Encoded {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Bytes::deserialize(from).map(|bytes| Encoded(Some(bytes)))
    }
}

/// A record: the encoding of one log value of the program's.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) enum Entry {
    Log(Bytes),
}

impl Entry {
    pub(crate) fn new(log: Vec<u8>) -> Entry {
        Entry::Log(Bytes(log))
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        let Entry::Log(bytes) = self;
        bytes.0
    }

    /// How many bytes the record takes.
    pub(super) fn size(&self) -> usize {
        // Bytes can always be encoded.
        codec::encoded_len(self).unwrap_or(0)
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Entry::Log(bytes) = self;
        write!(f, "Entry({} bytes)", bytes.0.len())
    }
}

/// Bytes that are encoded and decoded as a whole, and not one by one.
#[derive(Clone, Default)]
pub(crate) struct Bytes(Vec<u8>);

impl Serialize for Bytes {
    fn serialize<T: Serializer>(&self, to: T) -> Result<T::Ok, T::Error> {
        to.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Whole;
        impl Visitor<'_> for Whole {
            type Value = Bytes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Bytes, E> {
                Ok(Bytes(bytes.to_vec()))
            }

            fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Bytes, E> {
                Ok(Bytes(bytes))
            }
        }
        from.deserialize_byte_buf(Whole)
    }
}

impl Recorded for Encoded {
    type Log = Entry;
    type Outcome = ();
    type Mutations = Unoffered;
    const MUTATIONS: &'static [Mutation] = &[Mutation {
        name: "log",
        params: &[("log", "bytes")],
        // The program's value was decoded from these bytes before they came here, and bytes are read back as they are.
        faithful: true,
    }];
    const FINGERPRINT: u64 = 0;

    fn apply(&mut self, _log: Entry) {}

    fn index(_log: &Entry) -> usize {
        0
    }
}

impl WalState for Encoded {
    const NAME: &'static str = MANUAL;
    const VERSION: u32 = 1;
    const SHAPE: &'static str = "bytes";
    const IS_REPLAYED: bool = false;
}

/// The manual layer has methods of its own.
pub(crate) struct Unoffered(Handle<Encoded>);

impl Mutations<Encoded> for Unoffered {
    fn new(handle: Handle<Encoded>) -> Self {
        Unoffered(handle)
    }

    fn handle(&self) -> &Handle<Encoded> {
        &self.0
    }
}
