//! The codec's deserializer. It notes the tokens if the value is to be compared with what was written, and refuses types that ask for
//! what the codec doesn't write, by their names.

use std::any::type_name;
use std::fmt;
use std::mem::replace;

use serde::de::{DeserializeOwned, Deserializer, Error, Visitor};

use super::input::{Input, InputError};
use super::notes::{Notes, Token};
use super::parts::PartsReader;
use super::refusal::Reason;
use super::self_describing::SelfDescribing;
use super::varint;
use crate::panic::drop_quietly;

/// Reads one value.
///
/// The type is the same for slices and streams, with notes and without, so that the code of each user's type is compiled once.
pub(super) struct ValueReader<'a, 'n> {
    pub(super) input: Input<'a>,
    /// `None` if nothing is compared.
    notes: Option<&'n Notes>,
    /// True before the whole value, whose fields are named in messages.
    pub(super) is_root: bool,
}

/// The error of a read: the text for the message.
#[derive(Debug)]
pub(super) struct DecodeError(Box<str>);

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for DecodeError {}

impl Error for DecodeError {
    #[cold]
    fn custom<T: fmt::Display>(text: T) -> DecodeError {
        DecodeError(text.to_string().into())
    }
}

impl From<InputError> for DecodeError {
    #[cold]
    fn from(error: InputError) -> DecodeError {
        DecodeError::custom(match error {
            InputError::End => "the bytes end before the value does",
            InputError::Invalid(reason) => reason,
        })
    }
}

impl<'a, 'n> ValueReader<'a, 'n> {
    pub(super) fn new(input: Input<'a>, notes: Option<&'n Notes>) -> ValueReader<'a, 'n> {
        ValueReader { input, notes, is_root: true }
    }

    /// Reads the value that takes all bytes.
    pub(super) fn whole<T: DeserializeOwned>(mut self) -> Result<T, String> {
        match T::deserialize(&mut self) {
            Ok(value) if self.input.is_at_end() => Ok(value),
            Ok(value) => {
                drop_quietly(value);
                Err("bytes are left over".to_string())
            }
            Err(error) => Err(error.0.into()),
        }
    }

    #[inline]
    pub(super) fn note(&self, token: Token) {
        if let Some(notes) = self.notes {
            notes.token(token);
        }
    }

    pub(super) fn begin_field(&self) {
        if let Some(notes) = self.notes {
            notes.begin_field(None);
        }
    }

    /// Reads a length, and as many bytes.
    fn counted_bytes(&mut self) -> Result<Vec<u8>, DecodeError> {
        self.note(Token::Length);
        let length = self.input.length()?;
        let bytes = self.input.bytes(length)?;
        if let Some(notes) = self.notes {
            notes.bytes(length);
        }
        Ok(bytes)
    }

    #[cold]
    fn self_describing<'de, V: Visitor<'de>>(&self, by_names: bool) -> Result<V::Value, DecodeError> {
        let reason = Reason::SelfDescribing(SelfDescribing { asked: type_name::<V::Value>(), by_names });
        let error = DecodeError::custom(&reason);
        if let Some(notes) = self.notes {
            notes.refuse(reason);
        }
        Err(error)
    }

    fn parts(&mut self, left: usize, are_fields: bool) -> PartsReader<'_, 'a, 'n> {
        let is_root = replace(&mut self.is_root, false) && are_fields;
        PartsReader { reader: self, left, is_root }
    }

    /// Reads the fields of a struct or a variant. serde counts the aliases of a field too, so there may be fewer than `count`.
    #[inline]
    pub(super) fn fields<'de, V: Visitor<'de>>(&mut self, count: usize, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_seq(&mut self.parts(count, true))
    }
}

macro_rules! integers {
    ($($method:ident $visit:ident $ty:ty, $read:ident $widest:ident $token:ident;)*) => {
        $(#[inline]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
            self.note(Token::$token);
            // `input` refuses an integer that is wider than its type.
            visitor.$visit(self.input.$read(varint::$widest)? as $ty)
        })*
    };
}

impl<'de> Deserializer<'de> for &mut ValueReader<'_, '_> {
    type Error = DecodeError;

    integers! {
        deserialize_u16 visit_u16 u16, unsigned U16 Unsigned;
        deserialize_u32 visit_u32 u32, unsigned U32 Unsigned;
        deserialize_u64 visit_u64 u64, unsigned U64 Unsigned;
        deserialize_i16 visit_i16 i16, signed U16 Signed;
        deserialize_i32 visit_i32 i32, signed U32 Signed;
        deserialize_i64 visit_i64 i64, signed U64 Signed;
    }

    fn deserialize_u128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.note(Token::Unsigned);
        visitor.visit_u128(self.input.unsigned_128()?)
    }

    fn deserialize_i128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.note(Token::Signed);
        visitor.visit_i128(varint::to_signed_128(self.input.unsigned_128()?))
    }

    #[inline]
    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.note(Token::Bool);
        match self.input.byte()? {
            0 => visitor.visit_bool(false),
            1 => visitor.visit_bool(true),
            _ => Err(InputError::Invalid("a bool is neither 0 nor 1").into()),
        }
    }

    #[inline]
    fn deserialize_u8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        if let Some(notes) = self.notes {
            notes.bytes(1);
        }
        visitor.visit_u8(self.input.byte()?)
    }

    #[inline]
    fn deserialize_i8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let value = self.input.byte()? as i8;
        if let Some(notes) = self.notes {
            notes.signed_byte(value);
        }
        visitor.visit_i8(value)
    }

    #[inline]
    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.note(Token::F32);
        visitor.visit_f32(f32::from_le_bytes(self.input.array()?))
    }

    #[inline]
    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.note(Token::F64);
        visitor.visit_f64(f64::from_le_bytes(self.input.array()?))
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.note(Token::Char);
        visitor.visit_char(self.input.char()?)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_string(visitor)
    }

    #[inline]
    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let text = String::from_utf8(self.counted_bytes()?);
        visitor.visit_string(text.map_err(|_| InputError::Invalid("a text isn't UTF-8"))?)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_byte_buf(visitor)
    }

    #[inline]
    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_byte_buf(self.counted_bytes()?)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_unit()
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_newtype_struct(self)
    }

    #[inline]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.note(Token::Option);
        self.is_root = false;
        match self.input.byte()? {
            0 => visitor.visit_none(),
            1 => visitor.visit_some(self),
            _ => Err(InputError::Invalid("an option is neither 0 nor 1").into()),
        }
    }

    #[inline]
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.note(Token::Length);
        let length = self.input.length()?;
        let mut parts = self.parts(length, false);
        let value = visitor.visit_seq(&mut parts)?;
        parts.end();
        Ok(value)
    }

    #[inline]
    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.note(Token::Length);
        let length = self.input.length()?;
        let mut parts = self.parts(length, false);
        let value = visitor.visit_map(&mut parts)?;
        parts.end();
        Ok(value)
    }

    #[inline]
    fn deserialize_tuple<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_seq(&mut self.parts(length, false))
    }

    #[inline]
    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.fields(length, visitor)
    }

    #[inline]
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.fields(fields.len(), visitor)
    }

    #[inline]
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        if let Some(notes) = self.notes {
            notes.read.read(name, variants);
        }
        visitor.visit_enum(self)
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, DecodeError> {
        self.self_describing::<V>(false)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, _: V) -> Result<V::Value, DecodeError> {
        self.self_describing::<V>(true)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, DecodeError> {
        self.self_describing::<V>(false)
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}
