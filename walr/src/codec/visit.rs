//! The visitor of the re-encode check, and the access to parts that it passes on: each part is read through [`Noting`].

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess, Visitor};

use super::notes::{Notes, Token};
use super::read::Noting;

/// The parts that a visitor reads.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum PartsKind {
    /// Of a sequence or a map, whose length is in the encoding.
    Counted,
    /// Of a struct, or of a variant. serde counts the aliases of a field too, so there may be fewer than it says.
    Fields,
    Other,
}

/// A type's own visitor, whose parts are read through [`Noting`].
pub(super) struct NotingVisitor<'n, V> {
    pub(super) visitor: V,
    pub(super) notes: &'n Notes,
    pub(super) is_root: bool,
    pub(super) parts: PartsKind,
}

impl<'n, V> NotingVisitor<'n, V> {
    fn noting<T>(&self, inner: T, is_root: bool) -> Noting<'n, T> {
        Noting { inner, notes: self.notes, is_root }
    }
}

/// Methods that note the length of what was read.
macro_rules! visit_bytes {
    ($($method:ident $ty:ty;)*) => {
        $(#[inline]
        fn $method<E: Error>(self, value: $ty) -> Result<V::Value, E> {
            self.notes.bytes(value.len());
            self.visitor.$method(value)
        })*
    };
}

impl<'de, V: Visitor<'de>> Visitor<'de> for NotingVisitor<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.visitor.expecting(f)
    }

    visit_bytes! {
        visit_str &str;
        visit_borrowed_str &'de str;
        visit_string String;
        visit_bytes &[u8];
        visit_borrowed_bytes &'de [u8];
        visit_byte_buf Vec<u8>;
    }

    #[inline]
    fn visit_i8<E: Error>(self, value: i8) -> Result<V::Value, E> {
        self.notes.signed_byte(value);
        self.visitor.visit_i8(value)
    }

    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.visitor.visit_none()
    }

    #[inline]
    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<V::Value, D::Error> {
        let from = self.noting(from, false);
        self.visitor.visit_some(from)
    }

    #[inline]
    fn visit_newtype_struct<D: Deserializer<'de>>(self, from: D) -> Result<V::Value, D::Error> {
        let from = self.noting(from, self.is_root);
        self.visitor.visit_newtype_struct(from)
    }

    #[inline]
    fn visit_seq<A: SeqAccess<'de>>(self, parts: A) -> Result<V::Value, A::Error> {
        let mut parts = self.noting(parts, self.is_root && self.parts == PartsKind::Fields);
        let value = self.visitor.visit_seq(&mut parts)?;
        if self.parts == PartsKind::Counted && parts.inner.size_hint().is_some_and(|left| left > 0) {
            self.notes.token(Token::Unread);
        }
        Ok(value)
    }

    #[inline]
    fn visit_map<A: MapAccess<'de>>(self, parts: A) -> Result<V::Value, A::Error> {
        let mut parts = self.noting(parts, false);
        let value = self.visitor.visit_map(&mut parts)?;
        if parts.inner.size_hint().is_some_and(|left| left > 0) {
            self.notes.token(Token::Unread);
        }
        Ok(value)
    }

    #[inline]
    fn visit_enum<A: EnumAccess<'de>>(self, variant: A) -> Result<V::Value, A::Error> {
        let variant = self.noting(variant, self.is_root);
        self.visitor.visit_enum(variant)
    }
}

impl<'n, A> Noting<'n, A> {
    /// Wraps the seed of a part.
    #[inline]
    fn part<T>(&self, seed: T) -> Noting<'n, T> {
        if self.is_root {
            self.notes.begin_field(None);
        }
        Noting { inner: seed, notes: self.notes, is_root: false }
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Noting<'_, A> {
    type Error = A::Error;

    #[inline]
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, A::Error> {
        let seed = self.part(seed);
        self.inner.next_element_seed(seed)
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Noting<'_, A> {
    type Error = A::Error;

    #[inline]
    fn next_key_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, A::Error> {
        let seed = self.part(seed);
        self.inner.next_key_seed(seed)
    }

    #[inline]
    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, A::Error> {
        let seed = self.part(seed);
        self.inner.next_value_seed(seed)
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

impl<'de, 'n, A: EnumAccess<'de>> EnumAccess<'de> for Noting<'n, A> {
    type Error = A::Error;
    type Variant = Noting<'n, A::Variant>;

    #[inline]
    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Self::Variant), A::Error> {
        self.notes.token(Token::Variant);
        // The codec passes the variant's number to the seed, which reads nothing.
        let (value, variant) = self.inner.variant_seed(seed)?;
        Ok((value, Noting { inner: variant, notes: self.notes, is_root: self.is_root }))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Noting<'_, A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        self.inner.unit_variant()
    }

    #[inline]
    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, A::Error> {
        let seed = self.part(seed);
        self.inner.newtype_variant_seed(seed)
    }

    #[inline]
    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, A::Error> {
        let visitor = self.visitor(visitor, PartsKind::Fields);
        self.inner.tuple_variant(len, visitor)
    }

    #[inline]
    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        let visitor = self.visitor(visitor, PartsKind::Fields);
        self.inner.struct_variant(fields, visitor)
    }
}
