//! Shapes: the structure of a type's encoding, as a graph. It shows that a field was added deep inside an argument, or that an
//! alias stands for another type now.
//!
//! Each type with parts is one node, so that a type that contains itself is a cycle, and two types of one name are two nodes. The
//! graph names what the codec writes: `usize` is a `u64`, `PathBuf` is a string, and `Box<T>` is `T`.

mod compare;
mod encoding;
mod render;
mod scalar;
#[cfg(test)]
mod tests;

pub(crate) use self::compare::rename_hint;
pub(crate) use self::render::difference;
pub(crate) use self::scalar::Scalar;

/// The index of a node.
pub(crate) type ShapeId = u32;

/// The most nodes of a shape.
pub(crate) const MOST_NODES: usize = 1 << 13;

/// The shape of a type. The type itself is the first node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shape {
    /// At least one node. Each id in a node is an index of this list.
    nodes: Vec<ShapeNode>,
}

/// A type in a shape.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ShapeNode {
    Scalar(Scalar),
    /// A type that the trace didn't see to its end. The part is what it asked for, if that is known.
    Opaque(Option<ShapeId>),
    Option(ShapeId),
    Seq(ShapeId),
    Map(ShapeId, ShapeId),
    Tuple(Vec<ShapeId>),
    /// A struct with its name, which is empty for a state: a state has another name on disk.
    Struct(String, FieldShapes),
    Enum(String, Vec<VariantShape>),
}

/// The fields of a struct or of a variant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum FieldShapes {
    Unknown,
    Unit,
    Newtype(ShapeId),
    Tuple(Vec<ShapeId>),
    Named(Vec<(NameShape, ShapeId)>),
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct VariantShape {
    pub(crate) name: NameShape,
    pub(crate) fields: FieldShapes,
}

/// The names of a field or a variant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct NameShape {
    /// The name that `Serialize` writes. If no sample reached it, the first of the names that `Deserialize` accepts.
    pub(crate) name: String,
    /// The other names that `Deserialize` accepts.
    pub(crate) aliases: Vec<String>,
}

impl Shape {
    /// Returns the shape of these nodes, of which the first is the type itself.
    pub(crate) fn new(nodes: Vec<ShapeNode>) -> Shape {
        match nodes.is_empty() {
            true => Shape::opaque(),
            false => Shape { nodes },
        }
    }

    /// Returns the shape of a type of which nothing is known.
    pub(crate) fn opaque() -> Shape {
        Shape { nodes: vec![ShapeNode::Opaque(None)] }
    }

    /// Returns whether each part of the type is known.
    pub(crate) fn is_complete(&self) -> bool {
        let is_unknown = |fields: &FieldShapes| *fields == FieldShapes::Unknown;
        !self.nodes.iter().any(|node| match node {
            ShapeNode::Opaque(_) => true,
            ShapeNode::Struct(_, fields) => is_unknown(fields),
            ShapeNode::Enum(_, variants) => variants.iter().any(|variant| is_unknown(&variant.fields)),
            _ => false,
        })
    }

    fn node(&self, id: ShapeId) -> &ShapeNode {
        &self.nodes[id as usize]
    }
}

impl ShapeNode {
    /// Returns the ids of all parts.
    fn parts(&self) -> Vec<ShapeId> {
        match self {
            ShapeNode::Scalar(_) | ShapeNode::Opaque(None) => Vec::new(),
            ShapeNode::Opaque(Some(part)) | ShapeNode::Option(part) | ShapeNode::Seq(part) => vec![*part],
            ShapeNode::Map(key, value) => vec![*key, *value],
            ShapeNode::Tuple(parts) => parts.clone(),
            ShapeNode::Struct(_, fields) => fields.ids(),
            ShapeNode::Enum(_, variants) => variants.iter().flat_map(|variant| variant.fields.ids()).collect(),
        }
    }
}

impl FieldShapes {
    fn ids(&self) -> Vec<ShapeId> {
        match self {
            FieldShapes::Unknown | FieldShapes::Unit => Vec::new(),
            FieldShapes::Newtype(field) => vec![*field],
            FieldShapes::Tuple(fields) => fields.clone(),
            FieldShapes::Named(fields) => fields.iter().map(|(_, field)| *field).collect(),
        }
    }
}
