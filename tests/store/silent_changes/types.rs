//! Types that are read in another way than they are written. Each can be made from a number.

use std::collections::BTreeMap;

use serde::ser::{SerializeMap, SerializeSeq, SerializeStruct, SerializeTuple};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A struct that leaves a field out if it is `None`, so that the next field takes its place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Opt {
    #[serde(skip_serializing_if = "Option::is_none")]
    i: Option<u8>,
    b: u8,
    c: u16,
}

impl From<u8> for Opt {
    fn from(b: u8) -> Opt {
        Opt { i: None, b, c: 257 }
    }
}

/// A variant that leaves out what is empty.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Empties {
    Nothing,
    Note {
        #[serde(skip_serializing_if = "String::is_empty")]
        text: String,
        b: u8,
    },
}

impl From<u8> for Empties {
    fn from(b: u8) -> Empties {
        if b == 0 { Empties::Nothing } else { Empties::Note { text: String::new(), b } }
    }
}

/// A variant that leaves a field out if it is 77, which is no sample.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Rare {
    Values {
        #[serde(skip_serializing_if = "is_77")]
        a: u8,
        b: u8,
        c: Option<u8>,
    },
}

fn is_77(number: &u8) -> bool {
    *number == 77
}

impl From<u8> for Rare {
    fn from(a: u8) -> Rare {
        Rare::Values { a, b: 1, c: Some(0) }
    }
}

/// A struct whose own `Serialize` leaves a field out if it is 77.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct ByHand {
    a: u8,
    b: u8,
    c: Option<u8>,
}

impl Serialize for ByHand {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut fields = to.serialize_struct("ByHand", 3)?;
        if self.a != 77 {
            fields.serialize_field("a", &self.a)?;
        }
        fields.serialize_field("b", &self.b)?;
        fields.serialize_field("c", &self.c)?;
        fields.end()
    }
}

impl From<u8> for ByHand {
    fn from(a: u8) -> ByHand {
        ByHand { a, b: 1, c: Some(0) }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct NeverWritten {
    #[serde(skip_serializing)]
    a: u8,
    b: u8,
    c: Option<u8>,
}

impl From<u8> for NeverWritten {
    fn from(a: u8) -> NeverWritten {
        NeverWritten { a, b: 1, c: Some(0) }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct NeverRead {
    #[serde(skip_deserializing)]
    a: u8,
    b: Option<u8>,
    c: u8,
}

impl From<u8> for NeverRead {
    fn from(a: u8) -> NeverRead {
        NeverRead { a, b: Some(0), c: 7 }
    }
}

/// A number that is written as a signed integer and read as an unsigned one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Signed {
    #[serde(serialize_with = "as_i64")]
    number: u64,
}

fn as_i64<S: Serializer>(number: &u64, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_i64(*number as i64)
}

impl From<u8> for Signed {
    fn from(number: u8) -> Signed {
        Signed { number: number.into() }
    }
}

/// A number that is written as a signed byte and read as an unsigned one.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct SignedByte(#[serde(deserialize_with = "from_u8")] i16);

impl Serialize for SignedByte {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_newtype_struct("SignedByte", &(self.0 as i8))
    }
}

fn from_u8<'de, D: Deserializer<'de>>(from: D) -> Result<i16, D::Error> {
    u8::deserialize(from).map(i16::from)
}

impl From<u8> for SignedByte {
    fn from(number: u8) -> SignedByte {
        SignedByte(-i16::from(number))
    }
}

/// A list of elements without bytes, which gives a length of 78 for 77 elements.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct Seq(Vec<()>);

impl Serialize for Seq {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let promised = self.0.len() + usize::from(self.0.len() == 77);
        let mut all = to.serialize_seq(Some(promised))?;
        self.0.iter().try_for_each(|element| all.serialize_element(element))?;
        all.end()
    }
}

impl From<u8> for Seq {
    fn from(len: u8) -> Seq {
        Seq(vec![(); len.into()])
    }
}

/// A map that gives a length of one entry too many, before bytes that look like an entry.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct Map(BTreeMap<u8, u8>, u8, u8, Option<()>);

impl Serialize for Map {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        struct Entries<'a>(&'a Map);
        impl Serialize for Entries<'_> {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                let mut entries = to.serialize_map(Some(self.0.0.len() + usize::from(self.0.1 == 77)))?;
                self.0.0.iter().try_for_each(|(key, value)| entries.serialize_entry(key, value))?;
                entries.end()
            }
        }
        (Entries(self), self.1, self.2, self.3).serialize(to)
    }
}

impl From<u8> for Map {
    fn from(number: u8) -> Map {
        Map(BTreeMap::new(), number, 0, None)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tuple(u8, u8, u8);

impl Serialize for Tuple {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut parts = to.serialize_tuple(3)?;
        parts.serialize_element(&self.0)?;
        if self.0 != 77 {
            parts.serialize_element(&self.1)?;
        }
        parts.serialize_element(&u16::from(self.2))?;
        parts.end()
    }
}

impl<'de> Deserialize<'de> for Tuple {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Tuple, D::Error> {
        let (a, b, c): (u8, u8, u16) = Deserialize::deserialize(from)?;
        Ok(Tuple(a, b, c as u8))
    }
}

impl From<u8> for Tuple {
    fn from(number: u8) -> Tuple {
        Tuple(number, 251, 1)
    }
}

/// A number that is written as an option.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct OptionOfNothing {
    #[serde(serialize_with = "as_option")]
    number: u8,
}

fn as_option<S: Serializer>(number: &u8, to: S) -> Result<S::Ok, S::Error> {
    if *number == 0 { to.serialize_none() } else { to.serialize_some(&()) }
}

impl From<u8> for OptionOfNothing {
    fn from(number: u8) -> OptionOfNothing {
        OptionOfNothing { number }
    }
}

/// A struct that writes its fields in another order than it reads them, which only works in formats with names.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct Transfer {
    from: u8,
    to: u8,
}

impl Serialize for Transfer {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut fields = to.serialize_struct("Transfer", 2)?;
        fields.serialize_field("to", &self.to)?;
        fields.serialize_field("from", &self.from)?;
        fields.end()
    }
}

impl From<u8> for Transfer {
    fn from(from: u8) -> Transfer {
        Transfer { from, to: 0 }
    }
}
