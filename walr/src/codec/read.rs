//! The decoding side of the re-encode check: a layer around the codec's own deserializer, which notes the tokens that are read.
//! It refuses types that ask for what the codec doesn't know, and names them.

use std::any::type_name;

use serde::de::{DeserializeSeed, Deserializer, Error, Visitor};

use super::notes::{Notes, Token};
use super::refusal::Reason;
use super::self_describing::SelfDescribing;
use super::visit::{NotingVisitor, PartsKind};

/// One of serde's reading sides (a seed, a deserializer, the access to parts), which notes what is read.
pub(super) struct Noting<'n, T> {
    pub(super) inner: T,
    pub(super) notes: &'n Notes,
    /// True for the whole value, whose fields are named in messages.
    pub(super) is_root: bool,
}

impl<'n, T> Noting<'n, T> {
    pub(super) fn visitor<V>(&self, visitor: V, parts: PartsKind) -> NotingVisitor<'n, V> {
        NotingVisitor { visitor, notes: self.notes, is_root: self.is_root, parts }
    }
}

impl<'de, T: DeserializeSeed<'de>> DeserializeSeed<'de> for Noting<'_, T> {
    type Value = T::Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<T::Value, D::Error> {
        self.inner.deserialize(Noting { inner: from, notes: self.notes, is_root: self.is_root })
    }
}

impl<'de, D: Deserializer<'de>> Noting<'_, D> {
    fn self_describing<V: Visitor<'de>, T>(self, by_names: bool) -> Result<T, D::Error> {
        let reason = Reason::SelfDescribing(SelfDescribing { asked: type_name::<V::Value>(), by_names });
        let error = D::Error::custom(&reason);
        self.notes.refuse(reason);
        Err(error)
    }
}

/// Methods that note a token and pass the visitor on.
macro_rules! plain {
    ($($method:ident => $token:ident;)*) => {
        $(#[inline]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            self.notes.token(Token::$token);
            self.inner.$method(visitor)
        })*
    };
}

/// Methods that note a token, if there is one, and pass a [`NotingVisitor`] on.
macro_rules! visited {
    ($($method:ident($($arg:ident: $ty:ty),*) => $parts:ident $(, $token:ident)?;)*) => {
        $(#[inline]
        fn $method<V: Visitor<'de>>(self, $($arg: $ty,)* visitor: V) -> Result<V::Value, D::Error> {
            $(self.notes.token(Token::$token);)?
            let visitor = self.visitor(visitor, PartsKind::$parts);
            self.inner.$method($($arg,)* visitor)
        })*
    };
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Noting<'_, D> {
    type Error = D::Error;

    plain! {
        deserialize_bool => Bool;
        deserialize_u8 => Byte;
        deserialize_u16 => Unsigned;
        deserialize_u32 => Unsigned;
        deserialize_u64 => Unsigned;
        deserialize_u128 => Unsigned;
        deserialize_i16 => Signed;
        deserialize_i32 => Signed;
        deserialize_i64 => Signed;
        deserialize_i128 => Signed;
        deserialize_f32 => F32;
        deserialize_f64 => F64;
        deserialize_char => Char;
    }

    visited! {
        deserialize_i8() => Other;
        deserialize_str() => Other, Length;
        deserialize_string() => Other, Length;
        deserialize_bytes() => Other, Length;
        deserialize_byte_buf() => Other, Length;
        deserialize_option() => Other, Option;
        deserialize_newtype_struct(name: &'static str) => Other;
        deserialize_seq() => Counted, Length;
        deserialize_map() => Counted, Length;
        deserialize_tuple(len: usize) => Other;
        deserialize_tuple_struct(name: &'static str, len: usize) => Fields;
        deserialize_struct(name: &'static str, fields: &'static [&'static str]) => Fields;
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.inner.deserialize_unit(visitor)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, D::Error> {
        self.inner.deserialize_unit_struct(name, visitor)
    }

    #[inline]
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        if !self.is_root {
            self.notes.read.read(name, variants);
        }
        let visitor = self.visitor(visitor, PartsKind::Other);
        self.inner.deserialize_enum(name, variants, visitor)
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, D::Error> {
        self.self_describing::<V, _>(false)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, _: V) -> Result<V::Value, D::Error> {
        self.self_describing::<V, _>(true)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, D::Error> {
        self.self_describing::<V, _>(false)
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}
