//! The text of a shape: `struct Entry { id: u64, tags: seq<string> }`.

use super::OPAQUE;
use super::graph::{Fields, Graph, NodeId, NodeKind, VariantNode};

/// The longest text. The rest of a longer one is replaced by its checksum.
const LONGEST: usize = 16 << 10;
/// A tuple of more than this many equal parts is shown as an array.
const FEW: usize = 3;
/// The number of characters before and after a difference that a message shows.
const AROUND: usize = 60;

/// Returns the text of the shape at `root`, without its own name if it is `nameless`.
pub(super) fn text(graph: &Graph, root: NodeId, nameless: bool) -> String {
    let mut text =
        ShapeText { graph, nameless: nameless.then(|| graph.resolve(root)), named: Vec::new(), open: Vec::new() };
    let mut whole = text.of(root);
    if whole.len() > LONGEST {
        let mut cut = LONGEST;
        while !whole.is_char_boundary(cut) {
            cut -= 1;
        }
        let rest = crc32c::crc32c(whole.split_off(cut).as_bytes());
        whole += &format!("… ({rest:08x})");
    }
    whole
}

struct ShapeText<'a> {
    graph: &'a Graph,
    /// The node whose name is left out.
    nameless: Option<NodeId>,
    /// The types that were written out, with their names in this text.
    named: Vec<(NodeId, String)>,
    /// The types without a name whose text isn't complete.
    open: Vec<NodeId>,
}

impl ShapeText<'_> {
    fn of(&mut self, id: NodeId) -> String {
        let first = self.graph.resolve(id);
        let is_opaque = self.graph.nodes[id].opaque || self.graph.nodes[first].opaque;
        match (is_opaque, self.of_type(first)) {
            (false, text) => text,
            (true, text) if text == OPAQUE => text,
            (true, text) => format!("{OPAQUE}({text})"),
        }
    }

    fn of_type(&mut self, id: NodeId) -> String {
        if let Some((_, name)) = self.named.iter().find(|(named, _)| *named == id) {
            return name.clone();
        }
        if self.open.contains(&id) {
            return "itself".to_string();
        }
        let graph = self.graph;
        match &graph.nodes[id].kind {
            NodeKind::Struct(name, fields) => {
                let name = self.name(id, name);
                format!("struct{name}{}", self.fields(fields))
            }
            NodeKind::Enum(name, variants) => {
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

    fn unnamed(&mut self, kind: &NodeKind) -> String {
        match kind {
            NodeKind::Plain(kind) => (*kind).to_string(),
            NodeKind::Option(part) => format!("option<{}>", self.of(*part)),
            NodeKind::Seq(part) => format!("seq<{}>", self.of(*part)),
            NodeKind::Map(key, value) => {
                let key = self.of(*key);
                format!("map<{key}, {}>", self.of(*value))
            }
            NodeKind::Tuple(parts) => self.tuple(parts),
            _ => OPAQUE.to_string(),
        }
    }

    fn tuple(&mut self, parts: &[NodeId]) -> String {
        let texts: Vec<_> = parts.iter().map(|&part| self.of(part)).collect();
        // A type is written out at its first place only, so that the texts of equal types may differ.
        let same = |at: usize| self.graph.resolve(parts[at]) == self.graph.resolve(parts[0]) || texts[at] == texts[0];
        match texts.len() > FEW && (1..parts.len()).all(same) {
            true => format!("[{}; {}]", texts[0], texts.len()),
            false => format!("({})", texts.join(", ")),
        }
    }

    /// Returns the name of a type after a blank. A second type of the same name gets a number.
    fn name(&mut self, id: NodeId, name: &str) -> String {
        if self.nameless == Some(id) {
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

    fn variant(&mut self, variant: &VariantNode) -> String {
        match &variant.fields {
            Some(fields) => format!("{}{}", variant.name, self.fields(fields)),
            None => format!("{}: {OPAQUE}", variant.name),
        }
    }

    fn fields(&mut self, fields: &Fields) -> String {
        let texts: Vec<_> = fields.nodes.iter().map(|&field| self.of(field)).collect();
        match fields.names {
            None if texts.is_empty() => String::new(),
            None => format!("({})", texts.join(", ")),
            Some([]) => " {}".to_string(),
            Some(names) => {
                let fields: Vec<_> = names.iter().zip(texts).map(|(name, text)| format!("{name}: {text}")).collect();
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
