//! The parts of a compound, and the variant of an enum, as a visitor reads them.

use std::any::type_name;

use serde::de::{DeserializeSeed, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess, Visitor};

use super::graph::{FieldStyle, Fields, NodeId};
use super::names::identity;
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

/// One name of a struct's field, and perhaps the field. The pass ends after it.
struct TracedName<'a> {
    tracer: Tracer<'a>,
    name: Option<&'static str>,
    purpose: NamePurpose,
}

enum NamePurpose {
    /// The field at this node, which is read.
    Field(NodeId),
    /// The name alone, of a field of the struct whose first field is at this node.
    Question(NodeId),
}

impl<'de> MapAccess<'de> for TracedName<'_> {
    type Error = PassEnd;

    fn next_key_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, PassEnd> {
        let Some(name) = self.name.take() else { return self.tracer.end() };
        let key = seed.deserialize(IntoDeserializer::<PassEnd>::into_deserializer(name))?;
        match self.purpose {
            NamePurpose::Field(_) => Ok(Some(key)),
            NamePurpose::Question(first) => {
                self.tracer.graph.borrow_mut().note_field(first, identity(&key));
                self.tracer.end()
            }
        }
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, PassEnd> {
        let NamePurpose::Field(node) = self.purpose else { return self.tracer.end() };
        self.tracer.typed_part(node, type_name::<T::Value>()).read(|part| seed.deserialize(part))
    }
}

/// The variant of an enum that this pass reads.
pub(super) struct TracedVariant<'a> {
    pub(super) tracer: Tracer<'a>,
    pub(super) variant: usize,
    /// The variant's name, if the type is to be asked which variant it reads for it. The pass ends then.
    pub(super) asked: Option<&'static str>,
}

impl<'de> EnumAccess<'de> for TracedVariant<'_> {
    type Error = PassEnd;
    type Variant = Self;

    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Self), PassEnd> {
        let TracedVariant { tracer, variant, asked } = self;
        if let Some(name) = asked {
            let known = seed.deserialize(IntoDeserializer::<PassEnd>::into_deserializer(name));
            tracer.graph.borrow_mut().note_variant_name(
                tracer.at,
                variant,
                known.ok().and_then(|known| identity(&known)),
            );
            return tracer.end();
        }
        let known = seed.deserialize(IntoDeserializer::<PassEnd>::into_deserializer(variant as u32))?;
        tracer.graph.borrow_mut().note_variant(tracer.at, variant, identity(&known));
        Ok((known, self))
    }
}

impl<'de> VariantAccess<'de> for TracedVariant<'_> {
    type Error = PassEnd;

    fn unit_variant(self) -> Result<(), PassEnd> {
        self.tracer.variant_fields(self.variant, FieldStyle::Unit, 0).map(drop)
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, PassEnd> {
        let fields = self.tracer.variant_fields(self.variant, FieldStyle::Newtype, 1)?;
        self.tracer.typed_part(fields.nodes[0], type_name::<T::Value>()).read(|part| seed.deserialize(part))
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, PassEnd> {
        let fields = self.tracer.variant_fields(self.variant, FieldStyle::Tuple, len)?;
        self.tracer.visit_fields(fields, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, names: &'static [&'static str], visitor: V) -> Result<V::Value, PassEnd> {
        let fields = self.tracer.variant_fields(self.variant, FieldStyle::Named(names), names.len())?;
        self.tracer.visit_fields(fields, visitor)
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
    pub(super) fn visit_fields<'de, V: Visitor<'de>>(self, fields: Fields, visitor: V) -> Result<V::Value, PassEnd> {
        let unasked = self.graph.borrow_mut().unasked_field(&fields);
        if let Some(name) = unasked {
            return self.visit_name(name, NamePurpose::Question(fields.nodes[0]), visitor);
        }
        let hidden = self.graph.borrow_mut().hidden_field(&fields);
        if let Some((name, node)) = hidden {
            return self.visit_name(name, NamePurpose::Field(node), visitor);
        }
        let before = self.graph.borrow().reads;
        let value = self.visit_items(fields.nodes.clone(), visitor);
        self.end_fields(&fields.nodes, before, value.is_ok(), type_name::<V::Value>());
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

    /// Lets `visitor` read one name alone, or with its field. A field that can't be read so is opaque.
    fn visit_name<'de, V: Visitor<'de>>(
        self,
        name: &'static str,
        purpose: NamePurpose,
        visitor: V,
    ) -> Result<V::Value, PassEnd> {
        let before = self.graph.borrow().changes;
        let (NamePurpose::Field(node) | NamePurpose::Question(node)) = purpose;
        let is_question = matches!(purpose, NamePurpose::Question(_));
        let value = match reads_names_alike::<V>() {
            true => visitor.visit_map(TracedName { tracer: self, name: Some(name), purpose }),
            false => Err(PassEnd),
        };
        self.end_name(node, is_question, before);
        value.or_else(|_| self.end())
    }

    /// Notes that nothing was learned from a name.
    fn end_name(self, node: NodeId, is_question: bool, changes_before: usize) {
        let mut graph = self.graph.borrow_mut();
        if graph.changes == changes_before {
            match is_question {
                true => graph.note_field(node, None),
                false => graph.make_opaque(node),
            }
        }
    }
}

/// Returns whether the visitor reads a field by its name as it reads it in order. serde's derived visitors do. What others do with
/// names is of no interest, because the codec never passes names.
fn reads_names_alike<V>() -> bool {
    type_name::<V>().contains("::__Visitor")
}
