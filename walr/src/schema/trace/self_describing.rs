//! The self-describing parts of a type: each asks the format for the type of the next value, which the codec doesn't know.

use super::graph::{Fields, Graph, NodeId, NodeKind, VariantNode};
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

/// Returns the parts of a traced type that asked for what the codec doesn't know.
pub(super) fn self_describing_parts(graph: &Graph) -> Vec<SelfDescribingPart> {
    let mut found: Vec<(&[NodeId], SelfDescribing)> = Vec::new();
    for (stack, asked) in &graph.asked {
        let stack = if asked.by_names { compound(graph, stack) } else { stack };
        // A part may ask in several passes. A part of a self-describing compound is of no interest.
        if !found.iter().any(|(known, _)| stack.starts_with(known)) {
            found.push((stack, *asked));
        }
    }
    found.into_iter().map(|(stack, asked)| part(graph, stack, asked)).collect()
}

/// Returns the stack of the compound, if its key or its first field asked for a name. serde's derives ask so for the compound.
fn compound<'a>(graph: &Graph, stack: &'a [NodeId]) -> &'a [NodeId] {
    let Some(([.., above], [part])) = stack.split_at_checked(stack.len().saturating_sub(1)) else { return stack };
    let first = match &graph.nodes[graph.resolve(*above)].kind {
        NodeKind::Map(key, _) => Some(key),
        NodeKind::Struct(_, fields) => fields.nodes.first(),
        _ => None,
    };
    if first == Some(part) { &stack[..stack.len() - 1] } else { stack }
}

fn part(graph: &Graph, stack: &[NodeId], asked: SelfDescribing) -> SelfDescribingPart {
    let steps: Vec<_> = stack.windows(2).flat_map(|pair| steps(graph, pair[0], pair[1])).collect();
    let mut names = stack.iter().rev().map(|id| graph.nodes[*id].type_name);
    let own = match (names.next().flatten(), steps.last()) {
        (None, Some(PathStep::Some)) => names.next().flatten(),
        (own, _) => own,
    };
    let type_name = match asked.is_derived() {
        true => own.map(inside),
        false => Some(asked.name()),
    };
    let variant = match (&graph.nodes[stack[0]].kind, steps.first()) {
        (NodeKind::Enum(_, variants), Some(PathStep::Variant(name))) => {
            variants.iter().position(|variant| variant.name == *name)
        }
        _ => None,
    };
    SelfDescribingPart { steps, variant, type_name, asked }
}

/// Returns the steps from a node to a part of it.
fn steps(graph: &Graph, above: NodeId, part: NodeId) -> Vec<PathStep> {
    let index = |nodes: &[NodeId]| nodes.iter().position(|node| *node == part);
    let field = |fields: &Fields| {
        let index = index(&fields.nodes)?;
        Some(graph.field_name(fields, index).map_or(PathStep::Index(index), PathStep::Field))
    };
    match &graph.nodes[graph.resolve(above)].kind {
        NodeKind::Option(_) => vec![PathStep::Some],
        NodeKind::Seq(_) => vec![PathStep::Item],
        NodeKind::Map(key, _) => vec![if *key == part { PathStep::Key } else { PathStep::Value }],
        NodeKind::Tuple(nodes) => index(nodes).map(PathStep::Index).into_iter().collect(),
        NodeKind::Struct(_, fields) => field(fields).into_iter().collect(),
        NodeKind::Enum(_, variants) => {
            let fields = |variant: &VariantNode| Some((variant.name, field(variant.fields.as_ref()?)?));
            let found = variants.iter().find_map(fields);
            found.map_or_else(Vec::new, |(name, field)| vec![PathStep::Variant(name), field])
        }
        NodeKind::Unseen | NodeKind::Scalar(_) | NodeKind::Same(_) | NodeKind::Unread => Vec::new(),
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
