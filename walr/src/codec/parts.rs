//! The reading of a compound value's parts.

use std::mem::replace;

use serde::de::value::U32Deserializer;
use serde::de::{DeserializeSeed, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess, Visitor};

use super::notes::Token;
use super::read::{DecodeError, ValueReader};
use super::varint;

/// Reads the parts of a sequence, a map, a tuple, a struct or a variant.
pub(super) struct PartsReader<'r, 'a, 'n> {
    pub(super) reader: &'r mut ValueReader<'a, 'n>,
    pub(super) left: usize,
    /// True if the parts are the fields of the whole value.
    pub(super) is_root: bool,
}

impl PartsReader<'_, '_, '_> {
    /// Passes to the next part, and returns whether there is one.
    #[inline]
    fn next(&mut self) -> bool {
        if self.left == 0 {
            return false;
        }
        self.left -= 1;
        if self.is_root {
            self.reader.begin_field();
        }
        true
    }

    /// Notes parts of a sequence or a map that the type didn't read.
    pub(super) fn end(&self) {
        if self.left > 0 {
            self.reader.note(Token::Unread);
        }
    }
}

impl<'de> SeqAccess<'de> for PartsReader<'_, '_, '_> {
    type Error = DecodeError;

    #[inline]
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, DecodeError> {
        if !self.next() {
            return Ok(None);
        }
        seed.deserialize(&mut *self.reader).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

impl<'de> MapAccess<'de> for PartsReader<'_, '_, '_> {
    type Error = DecodeError;

    #[inline]
    fn next_key_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, DecodeError> {
        self.next_element_seed(seed)
    }

    #[inline]
    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, DecodeError> {
        seed.deserialize(&mut *self.reader)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

impl<'de> EnumAccess<'de> for &mut ValueReader<'_, '_> {
    type Error = DecodeError;
    type Variant = Self;

    #[inline]
    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Self), DecodeError> {
        self.note(Token::Variant);
        let number: U32Deserializer<DecodeError> = (self.input.unsigned(varint::U32)? as u32).into_deserializer();
        seed.deserialize(number).map(|variant| (variant, self))
    }
}

impl<'de> VariantAccess<'de> for &mut ValueReader<'_, '_> {
    type Error = DecodeError;

    fn unit_variant(self) -> Result<(), DecodeError> {
        Ok(())
    }

    #[inline]
    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, DecodeError> {
        if replace(&mut self.is_root, false) {
            self.begin_field();
        }
        seed.deserialize(self)
    }

    #[inline]
    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, DecodeError> {
        self.fields(length, visitor)
    }

    #[inline]
    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.fields(fields.len(), visitor)
    }
}
