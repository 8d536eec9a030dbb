//! The parts of a compound, and the variant of an enum, as a visitor reads them.

use std::any::type_name;

use serde::de::{DeserializeSeed, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess, Visitor};

use super::graph::NodeId;
use super::tracer::{PassEnd, Tracer};

/// The parts of a compound, in order. Of a map, they are key and value by turns.
struct TracedParts<'a> {
    tracer: Tracer<'a>,
    parts: std::vec::IntoIter<NodeId>,
}

impl<'de> SeqAccess<'de> for TracedParts<'_> {
    type Error = PassEnd;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, PassEnd> {
        let Some(part) = self.parts.next() else { return Ok(None) };
        self.tracer.typed_part(part, type_name::<T::Value>()).read(|part| seed.deserialize(part)).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.parts.len())
    }
}

impl<'de> MapAccess<'de> for TracedParts<'_> {
    type Error = PassEnd;

    fn next_key_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, PassEnd> {
        self.next_element_seed(seed)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, PassEnd> {
        self.next_element_seed(seed)?.ok_or(PassEnd)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.parts.len() / 2)
    }
}

/// One field of a struct with its name. The pass ends after it.
struct TracedField<'a> {
    tracer: Tracer<'a>,
    name: Option<&'static str>,
    node: NodeId,
}

impl<'de> MapAccess<'de> for TracedField<'_> {
    type Error = PassEnd;

    fn next_key_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, PassEnd> {
        let Some(name) = self.name.take() else { return self.tracer.end() };
        seed.deserialize(IntoDeserializer::<PassEnd>::into_deserializer(name)).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, PassEnd> {
        self.tracer.typed_part(self.node, type_name::<T::Value>()).read(|part| seed.deserialize(part))
    }
}

/// The variant of an enum that this pass reads.
pub(super) struct TracedVariant<'a> {
    pub(super) tracer: Tracer<'a>,
    pub(super) variant: usize,
}

impl<'de> EnumAccess<'de> for TracedVariant<'_> {
    type Error = PassEnd;
    type Variant = Self;

    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Self), PassEnd> {
        let index = IntoDeserializer::<PassEnd>::into_deserializer(self.variant as u32);
        Ok((seed.deserialize(index)?, self))
    }
}

impl<'de> VariantAccess<'de> for TracedVariant<'_> {
    type Error = PassEnd;

    fn unit_variant(self) -> Result<(), PassEnd> {
        self.tracer.variant_fields(self.variant, None, 0).map(drop)
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, PassEnd> {
        let nodes = self.tracer.variant_fields(self.variant, None, 1)?;
        self.tracer.typed_part(nodes[0], type_name::<T::Value>()).read(|part| seed.deserialize(part))
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, PassEnd> {
        let nodes = self.tracer.variant_fields(self.variant, None, len)?;
        self.tracer.visit_fields(None, nodes, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, names: &'static [&'static str], visitor: V) -> Result<V::Value, PassEnd> {
        let nodes = self.tracer.variant_fields(self.variant, Some(names), names.len())?;
        self.tracer.visit_fields(Some(names), nodes, visitor)
    }
}

impl Tracer<'_> {
    /// Lets `visitor` read the items of a sequence.
    pub(super) fn visit_items<'de, V: Visitor<'de>>(self, items: Vec<NodeId>, visitor: V) -> Result<V::Value, PassEnd> {
        visitor.visit_seq(TracedParts { tracer: self, parts: items.into_iter() })
    }

    /// Lets `visitor` read the entries of a map: keys and values by turns.
    pub(super) fn visit_entries<'de, V: Visitor<'de>>(
        self,
        entries: Vec<NodeId>,
        visitor: V,
    ) -> Result<V::Value, PassEnd> {
        visitor.visit_map(TracedParts { tracer: self, parts: entries.into_iter() })
    }

    /// Lets `visitor` read the fields of a struct, a tuple or a variant.
    pub(super) fn visit_fields<'de, V: Visitor<'de>>(
        self,
        names: Option<&'static [&'static str]>,
        nodes: Vec<NodeId>,
        visitor: V,
    ) -> Result<V::Value, PassEnd> {
        let hidden = self.graph.borrow_mut().hidden_field(names, &nodes);
        if let Some((name, node)) = hidden {
            return self.visit_field(name, node, visitor);
        }
        let before = self.graph.borrow().reads;
        let value = self.visit_items(nodes.clone(), visitor);
        self.end_fields(&nodes, before, value.is_ok(), type_name::<V::Value>());
        value
    }

    /// Notes how a visitor of the type `asked` has read these fields.
    fn end_fields(self, nodes: &[NodeId], reads_before: usize, is_accepted: bool, asked: &'static str) {
        if is_accepted {
            self.graph.borrow_mut().mark_unread(nodes);
        } else if !nodes.is_empty() && self.graph.borrow().reads == reads_before {
            // The visitor takes no sequence, so it knows its fields by their names.
            self.self_describing(asked, true);
        }
    }

    /// Lets `visitor` read one field alone, by its name. A field that can't be read so is opaque.
    fn visit_field<'de, V: Visitor<'de>>(
        self,
        name: &'static str,
        node: NodeId,
        visitor: V,
    ) -> Result<V::Value, PassEnd> {
        let before = self.graph.borrow().changes;
        let value = match reads_names_alike::<V>() {
            true => visitor.visit_map(TracedField { tracer: self, name: Some(name), node }),
            false => Err(PassEnd),
        };
        if self.graph.borrow().changes == before {
            self.graph.borrow_mut().make_opaque(node);
        }
        value.or_else(|_| self.end())
    }
}

/// Returns whether the visitor reads a field by its name as it reads it in order. serde's derived visitors do. What others do with
/// names is of no interest, because the codec never passes names.
fn reads_names_alike<V>() -> bool {
    type_name::<V>().contains("::__Visitor")
}
