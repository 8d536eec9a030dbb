//! The parts of a compound value, while they are read.

use std::mem::replace;

use serde::de::value::U32Deserializer;
use serde::de::{DeserializeSeed, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess, Visitor};

use super::notes::Token;
use super::read::{Reader, Stopped};
use super::varint;

/// The parts of a sequence, a map, a tuple, a struct or a variant, while they are read.
pub(super) struct Parts<'r, 'a, 'n> {
    pub(super) reader: &'r mut Reader<'a, 'n>,
    pub(super) left: usize,
    /// The parts are those of the whole value.
    pub(super) outermost: bool,
    pub(super) read: usize,
}

impl Parts<'_, '_, '_> {
    /// Passes to the next part, and returns whether there is one.
    #[inline]
    fn next(&mut self) -> bool {
        if self.left == 0 {
            return false;
        }
        self.left -= 1;
        if self.outermost {
            self.reader.begin_part(self.read);
            self.read += 1;
        }
        true
    }

    /// Notes parts of a sequence or a map that nobody read.
    pub(super) fn end(&self) {
        if self.left > 0 {
            self.reader.note(Token::Unread);
        }
    }
}

impl<'de> SeqAccess<'de> for Parts<'_, '_, '_> {
    type Error = Stopped;

    #[inline]
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Stopped> {
        if !self.next() {
            return Ok(None);
        }
        seed.deserialize(&mut *self.reader).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

impl<'de> MapAccess<'de> for Parts<'_, '_, '_> {
    type Error = Stopped;

    #[inline]
    fn next_key_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Stopped> {
        if !self.next() {
            return Ok(None);
        }
        seed.deserialize(&mut *self.reader).map(Some)
    }

    #[inline]
    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Stopped> {
        seed.deserialize(&mut *self.reader)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

impl<'de> EnumAccess<'de> for &mut Reader<'_, '_> {
    type Error = Stopped;
    type Variant = Self;

    #[inline]
    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Self), Stopped> {
        self.note(Token::Variant);
        let number: U32Deserializer<Stopped> = (self.input.unsigned(varint::U32)? as u32).into_deserializer();
        seed.deserialize(number).map(|variant| (variant, self))
    }
}

impl<'de> VariantAccess<'de> for &mut Reader<'_, '_> {
    type Error = Stopped;

    fn unit_variant(self) -> Result<(), Stopped> {
        Ok(())
    }

    #[inline]
    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Stopped> {
        if replace(&mut self.outermost, false) {
            self.begin_part(0);
        }
        seed.deserialize(self)
    }

    #[inline]
    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Stopped> {
        self.fields(length, visitor)
    }

    #[inline]
    fn struct_variant<V: Visitor<'de>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value, Stopped> {
        self.fields(fields.len(), visitor)
    }
}
