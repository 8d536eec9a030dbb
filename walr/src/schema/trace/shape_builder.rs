//! The shape of a traced type: its graph without the notes of the trace, and with the names that are written.

use std::collections::HashMap;

use super::WrittenNames;
use super::graph::{FieldStyle, Fields, Graph, NodeId, NodeKind};
use super::names::variant_names;
use crate::schema::shape::{FieldShapes, NameShape, Scalar, Shape, ShapeId, ShapeNode, VariantShape};

/// The nodes of a trace that are one node of the shape. Types without parts are the same wherever they are.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum ShapeKey {
    Scalar(Scalar),
    Unknown,
    /// The first node of a type.
    Type(NodeId),
    /// The first node of a type that is opaque somewhere else.
    Opaque(NodeId),
}

/// Builds a shape from a trace: breadth first, so that the same types have the same numbers in each program.
pub(super) struct ShapeBuilder<'a> {
    graph: &'a Graph,
    written: &'a WrittenNames,
    /// The node whose name is left out.
    nameless: Option<NodeId>,
    keys: Vec<ShapeKey>,
    ids: HashMap<ShapeKey, ShapeId>,
}

impl<'a> ShapeBuilder<'a> {
    pub(super) fn new(graph: &'a Graph, written: &'a WrittenNames, is_state: bool) -> ShapeBuilder<'a> {
        let nameless = is_state.then(|| graph.resolve(super::ROOT));
        ShapeBuilder { graph, written, nameless, keys: Vec::new(), ids: HashMap::new() }
    }

    pub(super) fn shape_of(mut self, root: NodeId) -> Shape {
        self.id(root);
        let mut nodes = Vec::new();
        while let Some(&key) = self.keys.get(nodes.len()) {
            nodes.push(self.node(key));
        }
        Shape::new(nodes)
    }

    /// Returns the id of a node, a new one for a new type.
    fn id(&mut self, node: NodeId) -> ShapeId {
        let first = self.graph.resolve(node);
        let is_opaque = self.graph.nodes[node].opaque || self.graph.nodes[first].opaque;
        let key = match &self.graph.nodes[first].kind {
            NodeKind::Unseen | NodeKind::Unread => ShapeKey::Unknown,
            _ if is_opaque => ShapeKey::Opaque(first),
            _ => self.key_of_type(first),
        };
        self.id_of(key)
    }

    fn key_of_type(&self, first: NodeId) -> ShapeKey {
        match self.graph.nodes[first].kind {
            NodeKind::Scalar(scalar) => ShapeKey::Scalar(scalar),
            _ => ShapeKey::Type(first),
        }
    }

    fn id_of(&mut self, key: ShapeKey) -> ShapeId {
        let next = self.keys.len() as ShapeId;
        let id = *self.ids.entry(key).or_insert(next);
        if id == next {
            self.keys.push(key);
        }
        id
    }

    fn ids(&mut self, nodes: &[NodeId]) -> Vec<ShapeId> {
        nodes.iter().map(|&node| self.id(node)).collect()
    }

    fn node(&mut self, key: ShapeKey) -> ShapeNode {
        let first = match key {
            ShapeKey::Scalar(scalar) => return ShapeNode::Scalar(scalar),
            ShapeKey::Unknown => return ShapeNode::Opaque(None),
            ShapeKey::Opaque(first) => {
                let part = self.key_of_type(first);
                return ShapeNode::Opaque(Some(self.id_of(part)));
            }
            ShapeKey::Type(first) => first,
        };
        let graph = self.graph;
        let own_name = |name: &str| if self.nameless == Some(first) { String::new() } else { name.to_string() };
        match &graph.nodes[first].kind {
            NodeKind::Option(part) => ShapeNode::Option(self.id(*part)),
            NodeKind::Seq(part) => ShapeNode::Seq(self.id(*part)),
            NodeKind::Map(key, value) => ShapeNode::Map(self.id(*key), self.id(*value)),
            NodeKind::Tuple(parts) => ShapeNode::Tuple(self.ids(parts)),
            NodeKind::Struct(name, fields) => ShapeNode::Struct(own_name(name), self.fields(fields, name, None)),
            NodeKind::Enum(name, variants) => {
                let own_name = own_name(name);
                let read = variant_names(variants).into_iter().enumerate().map(|(number, (variant, names))| {
                    let names = self.variant_name(name, number, &names);
                    let fields = match &variant.fields {
                        Some(fields) => self.fields(fields, name, Some(&names.name)),
                        None => FieldShapes::Unknown,
                    };
                    VariantShape { name: names, fields }
                });
                ShapeNode::Enum(own_name, read.collect())
            }
            NodeKind::Unseen | NodeKind::Scalar(_) | NodeKind::Same(_) | NodeKind::Unread => ShapeNode::Opaque(None),
        }
    }

    /// Returns the fields of the struct or the enum `name`.
    fn fields(&mut self, fields: &Fields, name: &str, variant: Option<&str>) -> FieldShapes {
        match fields.style {
            FieldStyle::Unit => FieldShapes::Unit,
            FieldStyle::Newtype => FieldShapes::Newtype(self.id(fields.nodes[0])),
            FieldStyle::Tuple => FieldShapes::Tuple(self.ids(&fields.nodes)),
            FieldStyle::Named(_) => {
                let Some(names) = self.graph.field_names(fields) else { return FieldShapes::Unknown };
                let written = self.written_fields(name, variant, &names);
                let ids = self.ids(&fields.nodes[..names.len()]);
                let name = |(index, names): (usize, &Vec<&str>)| {
                    name_of(written.as_ref().map(|written| written[index]), names)
                };
                FieldShapes::Named(names.iter().enumerate().map(name).zip(ids).collect())
            }
        }
    }

    /// Returns the names that the samples of a struct or a variant were written with.
    fn written_fields(
        &self,
        name: &str,
        variant: Option<&str>,
        names: &[Vec<&'static str>],
    ) -> Option<Vec<&'static str>> {
        let is_whole = |fields: &[&str]| fields.len() == names.len();
        let all = self.written.structs.iter();
        let of_type = all.filter(|known| known.name == name && known.variant == variant && is_whole(&known.fields));
        let candidates: Vec<_> = of_type.map(|known| &known.fields).collect();
        let accepted = |fields: &&&Vec<&str>| fields.iter().zip(names).all(|(field, names)| names.contains(field));
        // A type may write other names than it reads. Of two types with the same name, nobody knows which one wrote them.
        let renamed = || candidates.first().filter(|_| candidates.len() == 1 && self.is_alone(name));
        candidates.iter().find(accepted).or_else(renamed).map(|fields| (*fields).clone())
    }

    fn variant_name(&self, name: &str, number: usize, names: &[&'static str]) -> NameShape {
        let all = self.written.variants.iter().filter(|known| known.name == name && known.number as usize == number);
        let candidates: Vec<_> = all.map(|known| known.variant).collect();
        let renamed = || candidates.first().filter(|_| candidates.len() == 1 && self.is_alone(name));
        let written = candidates.iter().find(|known| names.contains(known)).or_else(renamed);
        name_of(written.copied(), names)
    }

    /// Returns whether only one traced type has this name.
    fn is_alone(&self, name: &str) -> bool {
        let named = self.graph.nodes.iter().filter(|node| match node.kind {
            NodeKind::Struct(known, _) | NodeKind::Enum(known, _) => known == name,
            _ => false,
        });
        named.count() == 1
    }
}

fn name_of(written: Option<&str>, names: &[&str]) -> NameShape {
    let name = written.unwrap_or(names.first().copied().unwrap_or_default());
    let aliases = names.iter().filter(|alias| **alias != name).map(ToString::to_string).collect();
    NameShape { name: name.to_string(), aliases }
}

/// Returns the nodes of the fields of each variant of an enum.
pub(super) fn variant_fields(graph: &Graph, id: NodeId) -> Vec<Vec<NodeId>> {
    let NodeKind::Enum(_, variants) = &graph.nodes[id].kind else { return Vec::new() };
    let nodes = |fields: &Fields| {
        let count = match fields.style {
            FieldStyle::Named(_) => graph.field_names(fields).map_or(0, |names| names.len()),
            _ => fields.nodes.len(),
        };
        fields.nodes.iter().take(count).copied().collect()
    };
    variant_names(variants)
        .into_iter()
        .map(|(variant, _)| variant.fields.as_ref().map(nodes).unwrap_or_default())
        .collect()
}
