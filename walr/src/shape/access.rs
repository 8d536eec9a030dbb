//! What a visitor reads of a compound: its parts, or the variant that was chosen for it.

use serde::de::{DeserializeSeed, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess, Visitor};

use super::graph::{Body, Form, Id};
use super::trace::{Stop, Tracer};

/// The parts of a compound, one after the other; of a map, key and value in turn.
pub(super) struct Parts<'a> {
    pub(super) tracer: Tracer<'a>,
    pub(super) parts: std::vec::IntoIter<Id>,
}

impl<'de> SeqAccess<'de> for Parts<'_> {
    type Error = Stop;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Stop> {
        let Some(part) = self.parts.next() else { return Ok(None) };
        self.tracer.typed_part::<T::Value>(part).read(|part| seed.deserialize(part)).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.parts.len())
    }
}

impl<'de> MapAccess<'de> for Parts<'_> {
    type Error = Stop;

    fn next_key_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Stop> {
        self.next_element_seed(seed)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Stop> {
        self.next_element_seed(seed)?.ok_or(Stop)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.parts.len() / 2)
    }
}

/// One field of a struct alone, by its name: the one that this pass is about. Nothing is learned of what follows.
pub(super) struct Named<'a> {
    pub(super) tracer: Tracer<'a>,
    pub(super) field: Option<&'static str>,
    pub(super) part: Id,
}

impl<'de> MapAccess<'de> for Named<'_> {
    type Error = Stop;

    fn next_key_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Stop> {
        let Some(field) = self.field.take() else { return self.tracer.stop() };
        seed.deserialize(IntoDeserializer::<Stop>::into_deserializer(field)).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Stop> {
        self.tracer.typed_part::<T::Value>(self.part).read(|part| seed.deserialize(part))
    }
}

/// The variant that this pass reads.
pub(super) struct Chosen<'a> {
    pub(super) tracer: Tracer<'a>,
    pub(super) variant: usize,
}

impl<'a> Chosen<'a> {
    /// Notes what stands behind the variant's name.
    fn body(self, fields: Option<&'static [&'static str]>, len: usize) -> Result<(Tracer<'a>, Vec<Id>), Stop> {
        let mut graph = self.tracer.graph.borrow_mut();
        if !graph.step(len) {
            drop(graph);
            return self.tracer.opaque();
        }
        let known = match &graph.nodes[self.tracer.at].form {
            Form::Enum(_, variants) => variants[self.variant].body.as_ref(),
            _ => None,
        };
        if let Some(known) = known {
            let parts = (known.fields == fields && known.parts.len() == len).then(|| known.parts.clone());
            drop(graph);
            return parts.map_or_else(|| self.tracer.opaque(), |parts| Ok((self.tracer, parts)));
        }
        let parts = graph.add_all(len);
        graph.changes += 1;
        if let Form::Enum(_, variants) = &mut graph.nodes[self.tracer.at].form {
            variants[self.variant].body = Some(Body { fields, parts: parts.clone() });
        }
        drop(graph);
        Ok((self.tracer, parts))
    }
}

impl<'de> EnumAccess<'de> for Chosen<'_> {
    type Error = Stop;
    type Variant = Self;

    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Self), Stop> {
        let index = IntoDeserializer::<Stop>::into_deserializer(self.variant as u32);
        Ok((seed.deserialize(index)?, self))
    }
}

impl<'de> VariantAccess<'de> for Chosen<'_> {
    type Error = Stop;

    fn unit_variant(self) -> Result<(), Stop> {
        self.body(None, 0).map(drop)
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Stop> {
        let (tracer, parts) = self.body(None, 1)?;
        tracer.typed_part::<T::Value>(parts[0]).read(|part| seed.deserialize(part))
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Stop> {
        let (tracer, parts) = self.body(None, len)?;
        tracer.visit(None, parts, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value, Stop> {
        let (tracer, parts) = self.body(Some(fields), fields.len())?;
        tracer.visit(Some(fields), parts, visitor)
    }
}
