//! Shapes as text: `struct Entry { id: u64, tags: seq<string> }`.

use super::OPAQUE;
use super::graph::{Body, Form, Graph, Id, Variant};

/// A text that is longer is cut, and what is cut off is told by its checksum.
const LONGEST: usize = 16 << 10;
/// An array of as many equal parts is shown by its length.
const FEW: usize = 3;
/// How much of a long shape is shown around the place where it differs from another.
const AROUND: usize = 60;

/// The text of the shape at `root`; `nameless` leaves its own name out.
pub(super) fn text(graph: &Graph, root: Id, nameless: bool) -> String {
    let mut text = Text { graph, nameless: nameless.then(|| graph.resolve(root)), named: Vec::new(), open: Vec::new() };
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

struct Text<'a> {
    graph: &'a Graph,
    /// The node whose name is left out.
    nameless: Option<Id>,
    /// The types that are written out already, with their names here.
    named: Vec<(Id, String)>,
    /// The types without a name that this is inside of.
    open: Vec<Id>,
}

impl Text<'_> {
    fn of(&mut self, id: Id) -> String {
        let place = self.graph.resolve(id);
        let is_opaque = self.graph.nodes[id].opaque || self.graph.nodes[place].opaque;
        let known = self.known(place);
        match (is_opaque, known) {
            (false, text) => text,
            (true, text) if text == OPAQUE => text,
            (true, text) => format!("{OPAQUE}({text})"),
        }
    }

    fn known(&mut self, id: Id) -> String {
        if let Some((_, name)) = self.named.iter().find(|(named, _)| *named == id) {
            return name.clone();
        }
        if self.open.contains(&id) {
            return "itself".to_string();
        }
        let graph = self.graph;
        match &graph.nodes[id].form {
            Form::Struct(name, body) => {
                let name = self.name(id, name);
                format!("struct{name}{}", self.body(body))
            }
            Form::Enum(name, variants) => {
                let name = self.name(id, name);
                let variants: Vec<_> = variants.iter().map(|variant| self.variant(variant)).collect();
                format!("enum{name} {{ {} }}", variants.join(", "))
            }
            nameless => {
                self.open.push(id);
                let text = self.nameless(nameless);
                self.open.pop();
                text
            }
        }
    }

    fn nameless(&mut self, form: &Form) -> String {
        match form {
            Form::Plain(kind) => (*kind).to_string(),
            Form::Option(part) => format!("option<{}>", self.of(*part)),
            Form::Seq(part) => format!("seq<{}>", self.of(*part)),
            Form::Map(key, value) => {
                let key = self.of(*key);
                format!("map<{key}, {}>", self.of(*value))
            }
            Form::Tuple(parts) => self.tuple(parts),
            _ => OPAQUE.to_string(),
        }
    }

    fn tuple(&mut self, parts: &[Id]) -> String {
        let texts: Vec<_> = parts.iter().map(|&part| self.of(part)).collect();
        // A type is written out at its first place, and at the others its name stands.
        let same = |at: usize| self.graph.resolve(parts[at]) == self.graph.resolve(parts[0]) || texts[at] == texts[0];
        match texts.len() > FEW && (1..parts.len()).all(same) {
            true => format!("[{}; {}]", texts[0], texts.len()),
            false => format!("({})", texts.join(", ")),
        }
    }

    /// The name of a type, with a blank before it; a second type of that name gets a number.
    fn name(&mut self, id: Id, name: &str) -> String {
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

    fn variant(&mut self, variant: &Variant) -> String {
        match &variant.body {
            Some(body) => format!("{}{}", variant.name, self.body(body)),
            None => format!("{}: {OPAQUE}", variant.name),
        }
    }

    fn body(&mut self, body: &Body) -> String {
        let parts: Vec<_> = body.parts.iter().map(|&part| self.of(part)).collect();
        match body.fields {
            None if parts.is_empty() => String::new(),
            None => format!("({})", parts.join(", ")),
            Some([]) => " {}".to_string(),
            Some(fields) => {
                let fields: Vec<_> = fields.iter().zip(parts).map(|(name, part)| format!("{name}: {part}")).collect();
                format!(" {{ {} }}", fields.join(", "))
            }
        }
    }
}

/// Two shapes for a message: long ones by the part where they differ.
pub(crate) fn difference(old: &str, new: &str) -> (String, String) {
    let same = old.chars().zip(new.chars()).take_while(|(old, new)| old == new).count();
    (excerpt(old, same), excerpt(new, same))
}

fn excerpt(text: &str, differs: usize) -> String {
    let chars: Vec<char> = text.chars().collect();
    if chars.len() <= 3 * AROUND {
        return text.to_string();
    }
    let from = differs.saturating_sub(AROUND);
    let to = (differs + AROUND).min(chars.len());
    let shown: String = chars[from.min(to)..to].iter().collect();
    let (before, after) = (if from > 0 { "… " } else { "" }, if to < chars.len() { " …" } else { "" });
    format!("{before}{shown}{after}")
}
