//! The self-describing parts of a type: each asks the format for the type of the next value, which the codec doesn't know.

use super::graph::{Fields, Graph, NodeId, NodeKind};
use crate::codec::{PathStep, SelfDescribing, path_of, short};

/// A part that asks for what the codec doesn't know.
#[derive(Clone, Debug)]
pub(crate) struct SelfDescribingPart {
    /// The path of the part. In an enum, such as a log, it begins with the variant.
    steps: Vec<PathStep>,
    /// The index of that variant.
    pub(super) variant: Option<usize>,
    /// The compiler's name of the part's type, if it is known.
    type_name: Option<String>,
    pub(super) asked: SelfDescribing,
}

impl SelfDescribingPart {
    /// Returns the part's path in a state, and its type: `Jobs.jobs.value.payload: serde_json::Value`.
    pub(super) fn of_state(&self, state: &str) -> String {
        let path = [state.to_string(), path_of(&self.steps)];
        let path: Vec<_> = path.into_iter().filter(|part| !part.is_empty()).collect();
        self.typed(&path.join("."), None)
    }

    /// Returns the part's path in an argument, and its type. If nothing else is known of the type, that is the type as it is
    /// written in the source.
    pub(super) fn of_call(&self, params: &[(&str, &str)]) -> String {
        let steps = self.steps.get(1..).unwrap_or_default();
        let written = match steps {
            [PathStep::Field(param)] => params.iter().find(|(name, _)| name == param).map(|(_, written)| *written),
            _ => None,
        };
        self.typed(&path_of(steps), written)
    }

    fn typed(&self, path: &str, written: Option<&str>) -> String {
        match self.type_name.as_deref().or(written) {
            Some(name) => format!("{path}: {name}"),
            None => path.to_string(),
        }
    }
}

/// Returns the self-describing parts of the type at `root`. A type is named at its first place only.
pub(super) fn self_describing_parts(graph: &Graph, root: NodeId) -> Vec<SelfDescribingPart> {
    let seen = vec![false; graph.nodes.len()];
    let mut search = Search { graph, seen, steps: Vec::new(), names: Vec::new(), found: Vec::new() };
    search.node(root);
    search.found
}

struct Search<'a> {
    graph: &'a Graph,
    seen: Vec<bool>,
    steps: Vec<PathStep>,
    /// The names of the types on the path, if they are known.
    names: Vec<Option<&'static str>>,
    found: Vec<SelfDescribingPart>,
}

impl Search<'_> {
    fn node(&mut self, id: NodeId) {
        let graph = self.graph;
        let node = &graph.nodes[id];
        if std::mem::replace(&mut self.seen[id], true) {
            return;
        }
        self.names.push(node.type_name);
        let by_names = self.asks_for_names(&node.kind);
        if let Some(asked) = node.asks.or(by_names) {
            self.add(asked);
        }
        match &node.kind {
            _ if by_names.is_some() => {}
            NodeKind::Option(part) => self.part(PathStep::Some, *part),
            NodeKind::Seq(part) => self.part(PathStep::Item, *part),
            NodeKind::Map(key, value) => {
                self.part(PathStep::Key, *key);
                self.part(PathStep::Value, *value);
            }
            NodeKind::Tuple(parts) => self.tuple(parts),
            NodeKind::Struct(_, fields) => self.fields(fields),
            NodeKind::Enum(_, variants) => {
                for variant in variants {
                    self.steps.push(PathStep::Variant(variant.name));
                    variant.fields.iter().for_each(|fields| self.fields(fields));
                    self.steps.pop();
                }
            }
            NodeKind::Unseen | NodeKind::Plain(_) | NodeKind::Same(_) | NodeKind::Unread => {}
        }
        self.names.pop();
    }

    /// Returns the request of a compound's key or tag for a name. serde's derives make it for the whole compound.
    fn asks_for_names(&self, kind: &NodeKind) -> Option<SelfDescribing> {
        let first = match kind {
            NodeKind::Map(key, _) => Some(key),
            NodeKind::Struct(_, fields) => fields.nodes.first(),
            _ => None,
        };
        first.and_then(|&first| self.graph.nodes[first].asks).filter(|asked| asked.by_names)
    }

    fn part(&mut self, step: PathStep, id: NodeId) {
        self.steps.push(step);
        self.node(id);
        self.steps.pop();
    }

    fn tuple(&mut self, parts: &[NodeId]) {
        parts.iter().enumerate().for_each(|(index, &part)| self.part(PathStep::Index(index), part));
    }

    fn fields(&mut self, fields: &Fields) {
        match fields.names {
            Some(names) => names.iter().zip(&fields.nodes).for_each(|(name, id)| self.part(PathStep::Field(name), *id)),
            None => self.tuple(&fields.nodes),
        }
    }

    /// Adds the part on the current path.
    fn add(&mut self, asked: SelfDescribing) {
        let own = match (self.names.as_slice(), self.steps.last()) {
            ([.., of_option, None], Some(PathStep::Some)) => *of_option,
            ([.., own], _) => *own,
            ([], _) => None,
        };
        let type_name = match asked.is_derived() {
            true => own.map(inside),
            false => Some(asked.name()),
        };
        let variant = match (&self.graph.nodes[0].kind, self.steps.first()) {
            (NodeKind::Enum(_, variants), Some(PathStep::Variant(name))) => {
                variants.iter().position(|variant| variant.name == *name)
            }
            _ => None,
        };
        self.found.push(SelfDescribingPart { steps: self.steps.clone(), variant, type_name, asked });
    }
}

/// Returns the short name of the type inside a box or an option.
fn inside(name: &str) -> String {
    let mut name = short(name);
    for around in ["Box<", "Option<", "Rc<", "Arc<"] {
        if let Some(inner) = name.strip_prefix(around).and_then(|inner| inner.strip_suffix('>')) {
            name = inner.to_string();
        }
    }
    name
}
