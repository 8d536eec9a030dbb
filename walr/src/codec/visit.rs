//! A visitor around a type's own, and what it visits: each part is read through [`Noting`].

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess, Visitor};

use super::notes::{Notes, Part, Token};
use super::read::{Noted, Noting};

/// What a visitor was passed for.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Form {
    Bytes,
    Option,
    Newtype,
    /// A sequence or a map, whose parts are all there to be read.
    Counted,
    Tuple,
    /// A struct, or a variant with fields. What serde counts may be more than there is: other names of a field count too.
    Fields,
    Enum,
}

/// A visitor whose parts are read through [`Noting`].
pub(super) struct Visit<'n, V> {
    pub(super) visitor: V,
    pub(super) notes: &'n Notes,
    pub(super) outermost: bool,
    pub(super) form: Form,
}

impl<'n, V> Visit<'n, V> {
    /// `from`, of which the visitor reads a part.
    fn noting<D>(&self, from: D, outermost: bool) -> Noting<'n, D> {
        Noting { from, notes: self.notes, outermost }
    }

    fn parts<A>(&self, parts: A) -> Parts<'n, A> {
        let outermost = self.outermost && self.form == Form::Fields;
        Parts { parts, notes: self.notes, outermost, read: 0 }
    }
}

/// Notes how long what was read is, and hands it on.
macro_rules! visit_bytes {
    ($($method:ident $ty:ty;)*) => {
        $(#[inline]
        fn $method<E: Error>(self, value: $ty) -> Result<V::Value, E> {
            self.notes.bytes(value.len());
            self.visitor.$method(value)
        })*
    };
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Visit<'_, V> {
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
        let from = self.noting(from, self.outermost);
        self.visitor.visit_newtype_struct(from)
    }

    #[inline]
    fn visit_seq<A: SeqAccess<'de>>(self, parts: A) -> Result<V::Value, A::Error> {
        let mut parts = self.parts(parts);
        let value = self.visitor.visit_seq(&mut parts)?;
        if self.form == Form::Counted && parts.parts.size_hint().is_some_and(|left| left > 0) {
            self.notes.token(Token::Unread);
        }
        Ok(value)
    }

    #[inline]
    fn visit_map<A: MapAccess<'de>>(self, parts: A) -> Result<V::Value, A::Error> {
        let mut parts = self.parts(parts);
        let value = self.visitor.visit_map(&mut parts)?;
        if parts.parts.size_hint().is_some_and(|left| left > 0) {
            self.notes.token(Token::Unread);
        }
        Ok(value)
    }

    #[inline]
    fn visit_enum<A: EnumAccess<'de>>(self, variant: A) -> Result<V::Value, A::Error> {
        let variant = Chosen { variant, notes: self.notes, outermost: self.outermost };
        self.visitor.visit_enum(variant)
    }
}

/// The parts of a sequence, a map, a tuple, a struct or a variant, while they are read.
struct Parts<'n, A> {
    parts: A,
    notes: &'n Notes,
    /// Whether they are the fields of the whole value.
    outermost: bool,
    read: usize,
}

impl<'n, A> Parts<'n, A> {
    #[inline]
    fn noted<T>(&mut self, seed: T) -> Noted<'n, T> {
        if self.outermost {
            self.notes.begin_part(Part { place: self.read, key: None });
            self.read += 1;
        }
        Noted { seed, notes: self.notes, outermost: false }
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Parts<'_, A> {
    type Error = A::Error;

    #[inline]
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, A::Error> {
        let seed = self.noted(seed);
        self.parts.next_element_seed(seed)
    }

    fn size_hint(&self) -> Option<usize> {
        self.parts.size_hint()
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Parts<'_, A> {
    type Error = A::Error;

    #[inline]
    fn next_key_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, A::Error> {
        let seed = self.noted(seed);
        self.parts.next_key_seed(seed)
    }

    #[inline]
    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, A::Error> {
        let seed = self.noted(seed);
        self.parts.next_value_seed(seed)
    }

    fn size_hint(&self) -> Option<usize> {
        self.parts.size_hint()
    }
}

/// A variant, while it is read.
struct Chosen<'n, A> {
    variant: A,
    notes: &'n Notes,
    outermost: bool,
}

impl<'n, A> Chosen<'n, A> {
    fn visitor<V>(&self, visitor: V) -> Visit<'n, V> {
        Visit { visitor, notes: self.notes, outermost: self.outermost, form: Form::Fields }
    }
}

impl<'de, 'n, A: EnumAccess<'de>> EnumAccess<'de> for Chosen<'n, A> {
    type Error = A::Error;
    type Variant = Chosen<'n, A::Variant>;

    #[inline]
    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Self::Variant), A::Error> {
        self.notes.token(Token::Variant);
        // The codec hands the variant's number to the seed, which reads nothing.
        let (value, variant) = self.variant.variant_seed(seed)?;
        Ok((value, Chosen { variant, notes: self.notes, outermost: self.outermost }))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Chosen<'_, A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        self.variant.unit_variant()
    }

    #[inline]
    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, A::Error> {
        if self.outermost {
            self.notes.begin_part(Part { place: 0, key: None });
        }
        self.variant.newtype_variant_seed(Noted { seed, notes: self.notes, outermost: false })
    }

    #[inline]
    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, A::Error> {
        let visitor = self.visitor(visitor);
        self.variant.tuple_variant(len, visitor)
    }

    #[inline]
    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        let visitor = self.visitor(visitor);
        self.variant.struct_variant(fields, visitor)
    }
}
