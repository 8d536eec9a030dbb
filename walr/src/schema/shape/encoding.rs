//! The encoding of a shape: a list of nodes. A node is its kind's number (one byte), and:
//!
//! | kind | number | rest |
//! |---|---|---|
//! | a value without parts | 0 to 16 (`scalar.rs`) | |
//! | opaque, of which nothing is known | 32 | |
//! | opaque, with what it asks for | 33 | id |
//! | option, sequence | 34, 35 | id |
//! | map | 36 | ids of key and value |
//! | tuple | 37 | list of ids |
//! | struct | 38 | name, fields |
//! | enum | 39 | name, list of variants: names, fields |
//!
//! An id is a number, the index of a node. Fields are one byte, 0 for unknown, 1 for none, 2 for one without a name (a newtype), 3
//! for several without names and 4 for named fields, and then: nothing, nothing, an id, a list of ids, a list of names with ids.
//! Names are a text and the list of its aliases.

use super::{FieldShapes, MOST_NODES, NameShape, Scalar, Shape, ShapeId, ShapeNode, VariantShape};
use crate::schema::bytes::{SchemaReader, put_list, put_number, put_text};

const OPAQUE: u8 = 32;
const OPAQUE_PART: u8 = 33;
const OPTION: u8 = 34;
const SEQ: u8 = 35;
const MAP: u8 = 36;
const TUPLE: u8 = 37;
const STRUCT: u8 = 38;
const ENUM: u8 = 39;

impl Shape {
    /// Appends the shape's encoding.
    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        put_list(&self.nodes, out, put_node);
    }

    /// Reads a shape.
    pub(crate) fn take(from: &mut SchemaReader<'_>) -> Option<Shape> {
        let nodes = from.list(take_node)?;
        let is_node = |id: &ShapeId| (*id as usize) < nodes.len();
        let is_sound =
            (1..=MOST_NODES).contains(&nodes.len()) && nodes.iter().all(|node| node.parts().iter().all(is_node));
        is_sound.then_some(Shape { nodes })
    }
}

fn put_id(id: &ShapeId, out: &mut Vec<u8>) {
    put_number(*id as usize, out);
}

fn put_node(node: &ShapeNode, out: &mut Vec<u8>) {
    match node {
        ShapeNode::Scalar(scalar) => out.push(scalar.number()),
        ShapeNode::Opaque(None) => out.push(OPAQUE),
        ShapeNode::Opaque(Some(part)) => put_parts(OPAQUE_PART, &[*part], out),
        ShapeNode::Option(part) => put_parts(OPTION, &[*part], out),
        ShapeNode::Seq(part) => put_parts(SEQ, &[*part], out),
        ShapeNode::Map(key, value) => put_parts(MAP, &[*key, *value], out),
        ShapeNode::Tuple(parts) => {
            out.push(TUPLE);
            put_list(parts, out, put_id);
        }
        ShapeNode::Struct(name, fields) => {
            out.push(STRUCT);
            put_text(name, out);
            put_fields(fields, out);
        }
        ShapeNode::Enum(name, variants) => {
            out.push(ENUM);
            put_text(name, out);
            put_list(variants, out, |variant, out| {
                put_names(&variant.name, out);
                put_fields(&variant.fields, out);
            });
        }
    }
}

fn put_parts(kind: u8, parts: &[ShapeId], out: &mut Vec<u8>) {
    out.push(kind);
    parts.iter().for_each(|part| put_id(part, out));
}

fn put_fields(fields: &FieldShapes, out: &mut Vec<u8>) {
    match fields {
        FieldShapes::Unknown => out.push(0),
        FieldShapes::Unit => out.push(1),
        FieldShapes::Newtype(field) => put_parts(2, &[*field], out),
        FieldShapes::Tuple(fields) => {
            out.push(3);
            put_list(fields, out, put_id);
        }
        FieldShapes::Named(fields) => {
            out.push(4);
            put_list(fields, out, |(names, id), out| {
                put_names(names, out);
                put_id(id, out);
            });
        }
    }
}

fn put_names(names: &NameShape, out: &mut Vec<u8>) {
    put_text(&names.name, out);
    put_list(&names.aliases, out, |alias, out| put_text(alias, out));
}

fn take_node(from: &mut SchemaReader<'_>) -> Option<ShapeNode> {
    Some(match from.byte()? {
        OPAQUE => ShapeNode::Opaque(None),
        OPAQUE_PART => ShapeNode::Opaque(Some(from.u32()?)),
        OPTION => ShapeNode::Option(from.u32()?),
        SEQ => ShapeNode::Seq(from.u32()?),
        MAP => ShapeNode::Map(from.u32()?, from.u32()?),
        TUPLE => ShapeNode::Tuple(from.list(SchemaReader::u32)?),
        STRUCT => ShapeNode::Struct(from.text()?, take_fields(from)?),
        ENUM => {
            let name = from.text()?;
            let variant = |from: &mut SchemaReader<'_>| {
                Some(VariantShape { name: take_names(from)?, fields: take_fields(from)? })
            };
            ShapeNode::Enum(name, from.list(variant)?)
        }
        scalar => ShapeNode::Scalar(Scalar::of_number(scalar)?),
    })
}

fn take_fields(from: &mut SchemaReader<'_>) -> Option<FieldShapes> {
    Some(match from.byte()? {
        0 => FieldShapes::Unknown,
        1 => FieldShapes::Unit,
        2 => FieldShapes::Newtype(from.u32()?),
        3 => FieldShapes::Tuple(from.list(SchemaReader::u32)?),
        4 => FieldShapes::Named(from.list(|from| Some((take_names(from)?, from.u32()?)))?),
        _ => return None,
    })
}

fn take_names(from: &mut SchemaReader<'_>) -> Option<NameShape> {
    Some(NameShape { name: from.text()?, aliases: from.list(SchemaReader::text)? })
}
