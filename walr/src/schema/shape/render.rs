//! The text of a shape, for messages: `struct Entry { id: u64, tags: seq<string> }`.

use super::{FieldShapes, Shape, ShapeId, ShapeNode, VariantShape};

/// The longest text. A type without a name is written out at each place, so that the text of a small shape may be very long.
const LONGEST: usize = 1 << 20;
/// The most levels of a text.
const DEEPEST: usize = 256;
/// A tuple of more than this many equal parts is shown as an array.
const FEW: usize = 3;
/// The number of characters before and after a difference that a message shows.
const AROUND: usize = 60;

const OPAQUE: &str = "opaque";

impl Shape {
    /// Returns the shape as text.
    pub(crate) fn text(&self) -> String {
        ShapeText { shape: self, left: LONGEST, depth: 0, named: Vec::new(), open: Vec::new() }.of(0)
    }
}

struct ShapeText<'a> {
    shape: &'a Shape,
    /// The bytes that may still be written.
    left: usize,
    depth: usize,
    /// The types that were written out, with their names in this text.
    named: Vec<(ShapeId, String)>,
    /// The types without a name whose text isn't complete.
    open: Vec<ShapeId>,
}

impl ShapeText<'_> {
    fn of(&mut self, id: ShapeId) -> String {
        if self.left == 0 || self.depth == DEEPEST {
            return "…".to_string();
        }
        self.depth += 1;
        let text = self.of_type(id);
        self.depth -= 1;
        // The texts of parts count at each level, which bounds the work too.
        self.left = self.left.saturating_sub(text.len());
        text
    }

    fn of_type(&mut self, id: ShapeId) -> String {
        if let Some((_, name)) = self.named.iter().find(|(named, _)| *named == id) {
            return name.clone();
        }
        if self.open.contains(&id) {
            return "itself".to_string();
        }
        match self.shape.node(id) {
            ShapeNode::Struct(name, fields) => {
                let name = self.name(id, name);
                format!("struct{name}{}", self.fields(fields))
            }
            ShapeNode::Enum(name, variants) => {
                let name = self.name(id, name);
                let variants: Vec<_> = variants.iter().map(|variant| self.variant(variant)).collect();
                format!("enum{name} {{ {} }}", variants.join(", "))
            }
            unnamed => {
                self.open.push(id);
                let text = self.unnamed(unnamed);
                self.open.pop();
                text
            }
        }
    }

    fn unnamed(&mut self, node: &ShapeNode) -> String {
        match node {
            ShapeNode::Scalar(scalar) => scalar.name().to_string(),
            ShapeNode::Opaque(Some(part)) => format!("{OPAQUE}({})", self.of(*part)),
            ShapeNode::Option(part) => format!("option<{}>", self.of(*part)),
            ShapeNode::Seq(part) => format!("seq<{}>", self.of(*part)),
            ShapeNode::Map(key, value) => {
                let key = self.of(*key);
                format!("map<{key}, {}>", self.of(*value))
            }
            ShapeNode::Tuple(parts) => self.tuple(parts),
            ShapeNode::Opaque(None) | ShapeNode::Struct(..) | ShapeNode::Enum(..) => OPAQUE.to_string(),
        }
    }

    fn tuple(&mut self, parts: &[ShapeId]) -> String {
        if parts.is_empty() {
            return "[]".to_string();
        }
        if parts.len() > FEW && parts.iter().all(|part| *part == parts[0]) {
            return format!("[{}; {}]", self.of(parts[0]), parts.len());
        }
        let texts: Vec<_> = parts.iter().map(|&part| self.of(part)).collect();
        format!("({})", texts.join(", "))
    }

    /// Returns the name of a type after a blank. A second type of the same name gets a number.
    fn name(&mut self, id: ShapeId, name: &str) -> String {
        if name.is_empty() {
            self.named.push((id, "Self".to_string()));
            return String::new();
        }
        let plain = |known: &str| known.split('#').next() == Some(name);
        let name = match self.named.iter().filter(|(_, known)| plain(known)).count() {
            0 => name.to_string(),
            others => format!("{name}#{}", others + 1),
        };
        self.named.push((id, name.clone()));
        format!(" {name}")
    }

    fn variant(&mut self, variant: &VariantShape) -> String {
        let name = &variant.name.name;
        match &variant.fields {
            FieldShapes::Unknown => format!("{name}: {OPAQUE}"),
            fields => format!("{name}{}", self.fields(fields)),
        }
    }

    fn fields(&mut self, fields: &FieldShapes) -> String {
        match fields {
            FieldShapes::Unknown => format!(": {OPAQUE}"),
            FieldShapes::Unit => String::new(),
            FieldShapes::Newtype(field) => format!("({})", self.of(*field)),
            FieldShapes::Tuple(fields) => {
                let texts: Vec<_> = fields.iter().map(|&field| self.of(field)).collect();
                format!("({})", texts.join(", "))
            }
            FieldShapes::Named(fields) if fields.is_empty() => " {}".to_string(),
            FieldShapes::Named(fields) => {
                let field = |(names, id): &(super::NameShape, ShapeId)| format!("{}: {}", names.name, self.of(*id));
                let fields: Vec<_> = fields.iter().map(field).collect();
                format!(" {{ {} }}", fields.join(", "))
            }
        }
    }
}

/// Returns two shapes for a message. Of a long shape, it is the part around the difference.
pub(crate) fn difference(old: &str, new: &str) -> (String, String) {
    let same = old.chars().zip(new.chars()).take_while(|(old, new)| old == new).count();
    (excerpt(old, same), excerpt(new, same))
}

fn excerpt(text: &str, at: usize) -> String {
    let chars: Vec<char> = text.chars().collect();
    if chars.len() <= 3 * AROUND {
        return text.to_string();
    }
    let from = at.saturating_sub(AROUND);
    let to = (at + AROUND).min(chars.len());
    let shown: String = chars[from.min(to)..to].iter().collect();
    let (before, after) = (if from > 0 { "… " } else { "" }, if to < chars.len() { " …" } else { "" });
    format!("{before}{shown}{after}")
}
