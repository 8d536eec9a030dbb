//! The codec's serializer. It writes bincode's standard encoding, notes the tokens if the value is to be compared with what is read
//! back, and refuses what a positional codec can't keep.

use std::fmt;
use std::io;
use std::mem::replace;

use serde::ser::{Serialize, Serializer};

use super::compound::{CompoundKind, CompoundWriter};
use super::notes::{Notes, Token};
use super::refusal::{PathStep, Reason};
use super::varint;

/// The number of buffered bytes that are written to a stream at once.
const PIECE: usize = 64 << 10;

/// Writes one value.
///
/// The type is the same for buffers and streams, with notes and without, so that the code of each user's type is compiled once.
pub(super) struct ValueWriter<'a> {
    bytes: &'a mut Vec<u8>,
    /// The stream that takes `bytes`, piece by piece.
    stream: Option<&'a mut dyn io::Write>,
    /// `None` if nothing is compared.
    pub(super) notes: Option<&'a Notes>,
    /// True before the whole value, whose fields are named in messages.
    is_root: bool,
}

/// The error of a write. It is boxed because each level of the value returns it.
#[derive(Debug)]
pub(super) struct EncodeError(pub(super) Box<EncodeErrorKind>);

#[derive(Debug)]
pub(super) enum EncodeErrorKind {
    Io(io::Error),
    Text(String),
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            EncodeErrorKind::Io(error) => error.fmt(f),
            EncodeErrorKind::Text(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for EncodeError {}

impl serde::ser::Error for EncodeError {
    #[cold]
    fn custom<T: fmt::Display>(text: T) -> EncodeError {
        EncodeError(Box::new(EncodeErrorKind::Text(text.to_string())))
    }
}

impl<'a> ValueWriter<'a> {
    /// Makes a writer that appends to `bytes`.
    pub(super) fn to_buffer(bytes: &'a mut Vec<u8>, notes: Option<&'a Notes>) -> ValueWriter<'a> {
        ValueWriter { bytes, stream: None, notes, is_root: true }
    }

    /// Makes a writer to a stream, with `bytes` as its buffer.
    pub(super) fn to_stream(
        bytes: &'a mut Vec<u8>,
        stream: &'a mut dyn io::Write,
        notes: Option<&'a Notes>,
    ) -> ValueWriter<'a> {
        ValueWriter { bytes, stream: Some(stream), notes, is_root: true }
    }

    /// Writes the value.
    pub(super) fn whole<T: Serialize + ?Sized>(mut self, value: &T) -> Result<(), EncodeError> {
        value.serialize(&mut self)?;
        self.flush(1)
    }

    #[inline]
    fn put(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        self.bytes.extend_from_slice(bytes);
        self.flush(PIECE)
    }

    #[inline]
    fn unsigned(&mut self, token: Token, value: u64) -> Result<(), EncodeError> {
        self.note(token);
        varint::put(value, self.bytes);
        self.flush(PIECE)
    }

    /// Writes the buffer to the stream, if there is a stream, and the buffer has at least this length.
    #[inline]
    fn flush(&mut self, least: usize) -> Result<(), EncodeError> {
        if self.bytes.len() >= least
            && let Some(stream) = &mut self.stream
        {
            stream.write_all(self.bytes).map_err(|error| EncodeError(Box::new(EncodeErrorKind::Io(error))))?;
            self.bytes.clear();
        }
        Ok(())
    }

    #[inline]
    fn note(&self, token: Token) {
        if let Some(notes) = self.notes {
            notes.token(token);
        }
    }

    pub(super) fn begin_field(&self, name: Option<&'static str>) {
        if let Some(notes) = self.notes {
            notes.begin_field(name);
        }
    }

    /// Writes a part of the current value.
    #[inline]
    pub(super) fn part<T: Serialize + ?Sized>(&mut self, step: PathStep, value: &T) -> Result<(), EncodeError> {
        if self.notes.is_some_and(|notes| !notes.enter(step, self.bytes.len())) {
            return Err(serde::ser::Error::custom("the sample has no end"));
        }
        let written = value.serialize(&mut *self);
        if let Some(notes) = self.notes {
            notes.leave();
        }
        written
    }

    #[cold]
    pub(super) fn refuse<T>(&self, reason: Reason) -> Result<T, EncodeError> {
        let error = serde::ser::Error::custom(&reason);
        if let Some(notes) = self.notes {
            notes.refuse(reason);
        }
        Err(error)
    }

    /// Writes a variant's number.
    #[inline]
    fn variant(&mut self, name: &'static str, number: u32, variant: &'static str) -> Result<(), EncodeError> {
        if let Some(notes) = self.notes {
            notes.written.write(name, number, variant);
            if let Some(names) = notes.sample() {
                names.add_variant(name, number, variant);
            }
        }
        self.unsigned(Token::Variant, number.into())
    }

    #[inline]
    fn counted(&mut self, kind: CompoundKind, len: Option<usize>) -> Result<CompoundWriter<'_, 'a>, EncodeError> {
        let Some(len) = len else { return self.refuse(Reason::NoLength) };
        self.unsigned(Token::Length, len as u64)?;
        Ok(self.compound(kind, len))
    }

    #[inline]
    fn compound(&mut self, kind: CompoundKind, promised: usize) -> CompoundWriter<'_, 'a> {
        let is_root = replace(&mut self.is_root, false);
        CompoundWriter { to: self, is_root, kind, promised, written: 0 }
    }
}

macro_rules! integers {
    ($($method:ident $ty:ty => $token:ident $as_unsigned:expr;)*) => {
        $(#[inline]
        fn $method(self, value: $ty) -> Result<(), EncodeError> {
            self.unsigned(Token::$token, $as_unsigned(value))
        })*
    };
}

macro_rules! plain {
    ($($method:ident $ty:ty => $token:ident $bytes:expr;)*) => {
        $(#[inline]
        fn $method(self, value: $ty) -> Result<(), EncodeError> {
            self.note(Token::$token);
            self.put(&$bytes(value))
        })*
    };
}

macro_rules! structs {
    ($($method:ident)*) => {
        $(#[inline]
        fn $method(self, name: &'static str, len: usize) -> Result<CompoundWriter<'a, 'n>, EncodeError> {
            Ok(self.compound(CompoundKind::Struct(name), len))
        })*
    };
}

macro_rules! variants {
    ($($method:ident)*) => {
        $(#[inline]
        fn $method(
            self,
            name: &'static str,
            number: u32,
            variant: &'static str,
            len: usize,
        ) -> Result<CompoundWriter<'a, 'n>, EncodeError> {
            self.variant(name, number, variant)?;
            Ok(self.compound(CompoundKind::Variant { name, variant }, len))
        })*
    };
}

impl<'a, 'n> Serializer for &'a mut ValueWriter<'n> {
    type Ok = ();
    type Error = EncodeError;
    type SerializeSeq = CompoundWriter<'a, 'n>;
    type SerializeTuple = CompoundWriter<'a, 'n>;
    type SerializeTupleStruct = CompoundWriter<'a, 'n>;
    type SerializeTupleVariant = CompoundWriter<'a, 'n>;
    type SerializeMap = CompoundWriter<'a, 'n>;
    type SerializeStruct = CompoundWriter<'a, 'n>;
    type SerializeStructVariant = CompoundWriter<'a, 'n>;

    integers! {
        serialize_u16 u16 => Unsigned u64::from;
        serialize_u32 u32 => Unsigned u64::from;
        serialize_u64 u64 => Unsigned u64::from;
        serialize_i16 i16 => Signed |value| varint::to_unsigned(i64::from(value));
        serialize_i32 i32 => Signed |value| varint::to_unsigned(i64::from(value));
        serialize_i64 i64 => Signed varint::to_unsigned;
    }

    plain! {
        serialize_bool bool => Bool |value| [u8::from(value)];
        serialize_u8 u8 => Byte |value| [value];
        serialize_f32 f32 => F32 f32::to_le_bytes;
        serialize_f64 f64 => F64 f64::to_le_bytes;
    }

    fn serialize_u128(self, value: u128) -> Result<(), EncodeError> {
        self.note(Token::Unsigned);
        varint::put_128(value, self.bytes);
        self.flush(PIECE)
    }

    fn serialize_i128(self, value: i128) -> Result<(), EncodeError> {
        self.note(Token::Signed);
        varint::put_128(varint::to_unsigned_128(value), self.bytes);
        self.flush(PIECE)
    }

    #[inline]
    fn serialize_i8(self, value: i8) -> Result<(), EncodeError> {
        if let Some(notes) = self.notes {
            notes.signed_byte(value);
        }
        self.put(&[value as u8])
    }

    fn serialize_char(self, value: char) -> Result<(), EncodeError> {
        self.note(Token::Char);
        self.put(value.encode_utf8(&mut [0; 4]).as_bytes())
    }

    #[inline]
    fn serialize_str(self, value: &str) -> Result<(), EncodeError> {
        self.serialize_bytes(value.as_bytes())
    }

    #[inline]
    fn serialize_bytes(self, value: &[u8]) -> Result<(), EncodeError> {
        self.unsigned(Token::Length, value.len() as u64)?;
        if let Some(notes) = self.notes {
            notes.bytes(value.len());
        }
        self.put(value)
    }

    fn serialize_unit(self) -> Result<(), EncodeError> {
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), EncodeError> {
        Ok(())
    }

    #[inline]
    fn serialize_none(self) -> Result<(), EncodeError> {
        self.note(Token::Option);
        self.put(&[0])
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), EncodeError> {
        self.note(Token::Option);
        self.put(&[1])?;
        self.is_root = false;
        self.part(PathStep::Some, value)
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), EncodeError> {
        self.part(PathStep::Newtype, value)
    }

    #[inline]
    fn serialize_unit_variant(self, name: &'static str, number: u32, variant: &'static str) -> Result<(), EncodeError> {
        self.variant(name, number, variant)
    }

    #[inline]
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        number: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), EncodeError> {
        self.variant(name, number, variant)?;
        if replace(&mut self.is_root, false) {
            self.begin_field(None);
        }
        self.part(PathStep::Variant(variant), value)
    }

    #[inline]
    fn serialize_seq(self, len: Option<usize>) -> Result<CompoundWriter<'a, 'n>, EncodeError> {
        self.counted(CompoundKind::Seq, len)
    }

    #[inline]
    fn serialize_map(self, len: Option<usize>) -> Result<CompoundWriter<'a, 'n>, EncodeError> {
        self.counted(CompoundKind::Map, len)
    }

    #[inline]
    fn serialize_tuple(self, len: usize) -> Result<CompoundWriter<'a, 'n>, EncodeError> {
        Ok(self.compound(CompoundKind::Tuple, len))
    }

    structs!(serialize_struct serialize_tuple_struct);
    variants!(serialize_struct_variant serialize_tuple_variant);

    fn is_human_readable(&self) -> bool {
        false
    }
}
