//! A deserializer around the codec's own: it notes what is read, and says by name which type asks for what the codec
//! doesn't know.

use std::any::type_name;

use serde::de::{DeserializeSeed, Deserializer, Error, Visitor};

use super::notes::{Notes, Token};
use super::refusal::Reason;
use super::self_describing::SelfDescribing;
use super::visit::{Form, Visit};

/// Reads a value through [`Noting`].
pub(super) struct Noted<'n, T> {
    pub(super) seed: T,
    pub(super) notes: &'n Notes,
    /// Whether it is the whole value, whose parts have names in messages.
    pub(super) outermost: bool,
}

impl<'de, T: DeserializeSeed<'de>> DeserializeSeed<'de> for Noted<'_, T> {
    type Value = T::Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<T::Value, D::Error> {
        self.seed.deserialize(Noting { from, notes: self.notes, outermost: self.outermost })
    }
}

pub(super) struct Noting<'n, D> {
    pub(super) from: D,
    pub(super) notes: &'n Notes,
    pub(super) outermost: bool,
}

impl<'n, D> Noting<'n, D> {
    fn visitor<V>(&self, visitor: V, form: Form) -> Visit<'n, V> {
        Visit { visitor, notes: self.notes, outermost: self.outermost, form }
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

macro_rules! plain {
    ($($method:ident => $token:ident;)*) => {
        $(#[inline]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            self.notes.token(Token::$token);
            self.from.$method(visitor)
        })*
    };
}

/// Texts and bytes, whose length the visitor shows.
macro_rules! texts {
    ($($method:ident)*) => {
        $(#[inline]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            self.notes.token(Token::Length);
            let visitor = self.visitor(visitor, Form::Bytes);
            self.from.$method(visitor)
        })*
    };
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Noting<'_, D> {
    type Error = D::Error;

    plain! {
        deserialize_bool => Bool;
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

    texts! {
        deserialize_str
        deserialize_string
        deserialize_bytes
        deserialize_byte_buf
    }

    #[inline]
    fn deserialize_u8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.notes.bytes(1);
        self.from.deserialize_u8(visitor)
    }

    #[inline]
    fn deserialize_i8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        let visitor = self.visitor(visitor, Form::Bytes);
        self.from.deserialize_i8(visitor)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.from.deserialize_unit(visitor)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, D::Error> {
        self.from.deserialize_unit_struct(name, visitor)
    }

    #[inline]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.notes.token(Token::Option);
        let visitor = self.visitor(visitor, Form::Option);
        self.from.deserialize_option(visitor)
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, D::Error> {
        let visitor = self.visitor(visitor, Form::Newtype);
        self.from.deserialize_newtype_struct(name, visitor)
    }

    #[inline]
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.notes.token(Token::Length);
        let visitor = self.visitor(visitor, Form::Counted);
        self.from.deserialize_seq(visitor)
    }

    #[inline]
    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, D::Error> {
        let visitor = self.visitor(visitor, Form::Tuple);
        self.from.deserialize_tuple(len, visitor)
    }

    #[inline]
    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let visitor = self.visitor(visitor, Form::Fields);
        self.from.deserialize_tuple_struct(name, len, visitor)
    }

    #[inline]
    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.notes.token(Token::Length);
        let visitor = self.visitor(visitor, Form::Counted);
        self.from.deserialize_map(visitor)
    }

    #[inline]
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let visitor = self.visitor(visitor, Form::Fields);
        self.from.deserialize_struct(name, fields, visitor)
    }

    #[inline]
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        if !self.outermost {
            self.notes.read.read(name, variants);
        }
        let visitor = self.visitor(visitor, Form::Enum);
        self.from.deserialize_enum(name, variants, visitor)
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
        self.from.is_human_readable()
    }
}
