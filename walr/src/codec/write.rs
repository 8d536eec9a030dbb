//! The serializer of the re-encode check: it writes the bytes that bincode's own serializer writes, notes the tokens, and refuses
//! what a positional codec can't keep.

use std::fmt;
use std::mem::replace;

use bincode::config::{self, Configuration};
use bincode::enc::write::Writer;
use bincode::enc::{Encode, EncoderImpl};
use bincode::error::EncodeError;
use serde::ser::{Serialize, Serializer};

use super::compound::{CompoundKind, CompoundSerializer};
use super::notes::{Notes, Token};
use super::refusal::{PathStep, Reason};
use super::variants::WrittenVariant;

/// Writes one value, and notes what is written.
pub(super) struct NotingSerializer<'n, W: Writer> {
    to: EncoderImpl<W, Configuration>,
    pub(super) notes: &'n Notes,
    /// True before the whole value, whose fields are named in messages.
    is_root: bool,
}

/// bincode's error. It is boxed because each level of the value returns it.
#[derive(Debug)]
pub(super) struct BoxedError(pub(super) Box<EncodeError>);

impl fmt::Display for BoxedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for BoxedError {}

impl serde::ser::Error for BoxedError {
    #[cold]
    fn custom<T: fmt::Display>(text: T) -> BoxedError {
        BoxedError(Box::new(EncodeError::OtherString(text.to_string())))
    }
}

impl From<EncodeError> for BoxedError {
    #[cold]
    fn from(error: EncodeError) -> BoxedError {
        BoxedError(Box::new(error))
    }
}

impl<'n, W: Writer> NotingSerializer<'n, W> {
    pub(super) fn new(to: W, notes: &'n Notes) -> NotingSerializer<'n, W> {
        NotingSerializer { to: EncoderImpl::new(to, config::standard()), notes, is_root: true }
    }

    #[inline]
    fn put(&mut self, value: impl Encode) -> Result<(), BoxedError> {
        value.encode(&mut self.to).map_err(BoxedError::from)
    }

    #[inline]
    fn put_noted(&mut self, token: Token, value: impl Encode) -> Result<(), BoxedError> {
        self.notes.token(token);
        self.put(value)
    }

    /// Writes a part of the current value.
    #[inline]
    pub(super) fn part<T: Serialize + ?Sized>(&mut self, step: PathStep, value: &T) -> Result<(), BoxedError> {
        if !self.notes.enter(step) {
            return Err(serde::ser::Error::custom("the sample has no end"));
        }
        let written = value.serialize(&mut *self);
        self.notes.leave();
        written
    }

    #[cold]
    pub(super) fn refuse<T>(&self, reason: Reason) -> Result<T, BoxedError> {
        let error = serde::ser::Error::custom(&reason);
        self.notes.refuse(reason);
        Err(error)
    }

    /// Writes a variant's number. Tokens of a call and of a checkpoint leave the variant of the whole value out: it is that of a
    /// log or a state, which walr's macros check.
    #[inline]
    fn variant(&mut self, name: &'static str, number: u32, variant: &'static str) -> Result<(), BoxedError> {
        if !self.is_root {
            self.notes.written.write(name, number, variant);
        }
        if let Some(names) = self.notes.sample() {
            names.variants.borrow_mut().insert(WrittenVariant { name, number, variant });
        }
        self.put_noted(Token::Variant, number)
    }

    #[inline]
    fn counted(&mut self, kind: CompoundKind, len: Option<usize>) -> Result<CompoundSerializer<'_, 'n, W>, BoxedError> {
        let Some(len) = len else { return self.refuse(Reason::NoLength) };
        self.put_noted(Token::Length, len)?;
        Ok(self.compound(kind, len))
    }

    #[inline]
    fn compound(&mut self, kind: CompoundKind, promised: usize) -> CompoundSerializer<'_, 'n, W> {
        let is_root = replace(&mut self.is_root, false);
        CompoundSerializer { to: self, is_root, kind, promised, written: 0, fields: Vec::new() }
    }
}

macro_rules! plain {
    ($($method:ident $ty:ty => $token:ident;)*) => {
        $(#[inline]
        fn $method(self, value: $ty) -> Result<(), BoxedError> {
            self.put_noted(Token::$token, value)
        })*
    };
}

macro_rules! structs {
    ($($method:ident)*) => {
        $(#[inline]
        fn $method(self, name: &'static str, len: usize) -> Result<CompoundSerializer<'a, 'n, W>, BoxedError> {
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
        ) -> Result<CompoundSerializer<'a, 'n, W>, BoxedError> {
            self.variant(name, number, variant)?;
            Ok(self.compound(CompoundKind::Variant { name, variant }, len))
        })*
    };
}

impl<'a, 'n, W: Writer> Serializer for &'a mut NotingSerializer<'n, W> {
    type Ok = ();
    type Error = BoxedError;
    type SerializeSeq = CompoundSerializer<'a, 'n, W>;
    type SerializeTuple = CompoundSerializer<'a, 'n, W>;
    type SerializeTupleStruct = CompoundSerializer<'a, 'n, W>;
    type SerializeTupleVariant = CompoundSerializer<'a, 'n, W>;
    type SerializeMap = CompoundSerializer<'a, 'n, W>;
    type SerializeStruct = CompoundSerializer<'a, 'n, W>;
    type SerializeStructVariant = CompoundSerializer<'a, 'n, W>;

    plain! {
        serialize_bool bool => Bool;
        serialize_u8 u8 => Byte;
        serialize_u16 u16 => Unsigned;
        serialize_u32 u32 => Unsigned;
        serialize_u64 u64 => Unsigned;
        serialize_u128 u128 => Unsigned;
        serialize_i16 i16 => Signed;
        serialize_i32 i32 => Signed;
        serialize_i64 i64 => Signed;
        serialize_i128 i128 => Signed;
        serialize_f32 f32 => F32;
        serialize_f64 f64 => F64;
        serialize_char char => Char;
    }

    #[inline]
    fn serialize_i8(self, value: i8) -> Result<(), BoxedError> {
        self.notes.signed_byte(value);
        self.put(value)
    }

    #[inline]
    fn serialize_str(self, value: &str) -> Result<(), BoxedError> {
        self.serialize_bytes(value.as_bytes())
    }

    #[inline]
    fn serialize_bytes(self, value: &[u8]) -> Result<(), BoxedError> {
        self.notes.token(Token::Length);
        self.notes.bytes(value.len());
        self.put(value)
    }

    fn serialize_unit(self) -> Result<(), BoxedError> {
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), BoxedError> {
        Ok(())
    }

    #[inline]
    fn serialize_none(self) -> Result<(), BoxedError> {
        self.put_noted(Token::Option, 0u8)
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), BoxedError> {
        self.put_noted(Token::Option, 1u8)?;
        self.is_root = false;
        self.part(PathStep::Some, value)
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), BoxedError> {
        self.part(PathStep::Newtype, value)
    }

    #[inline]
    fn serialize_unit_variant(self, name: &'static str, number: u32, variant: &'static str) -> Result<(), BoxedError> {
        self.variant(name, number, variant)
    }

    #[inline]
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        number: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), BoxedError> {
        self.variant(name, number, variant)?;
        if replace(&mut self.is_root, false) {
            self.notes.begin_field(None);
        }
        self.part(PathStep::Variant(variant), value)
    }

    #[inline]
    fn serialize_seq(self, len: Option<usize>) -> Result<CompoundSerializer<'a, 'n, W>, BoxedError> {
        self.counted(CompoundKind::Seq, len)
    }

    #[inline]
    fn serialize_map(self, len: Option<usize>) -> Result<CompoundSerializer<'a, 'n, W>, BoxedError> {
        self.counted(CompoundKind::Map, len)
    }

    #[inline]
    fn serialize_tuple(self, len: usize) -> Result<CompoundSerializer<'a, 'n, W>, BoxedError> {
        Ok(self.compound(CompoundKind::Tuple, len))
    }

    structs!(serialize_struct serialize_tuple_struct);
    variants!(serialize_struct_variant serialize_tuple_variant);

    fn is_human_readable(&self) -> bool {
        false
    }
}
