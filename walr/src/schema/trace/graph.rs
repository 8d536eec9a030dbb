//! The result of a trace: a graph with a node for each place at which a type asked for something.

use std::collections::HashMap;

use super::names::FieldIdentity;
use super::samples;
use crate::codec::SelfDescribing;
use crate::schema::shape::{MOST_NODES, Scalar};

pub(super) type NodeId = usize;

/// The most calls of the deserializer, in all passes.
const MOST_CALLS: usize = 1 << 20;
/// The most nodes visited to compute heights.
const MOST_VISITS: usize = 1 << 28;
/// The deepest node. Each level takes some frames of the types' own code on the stack.
const MOST_DEPTH: usize = 64;

#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) kind: NodeKind,
    /// The type accepts no sample here.
    pub(super) opaque: bool,
    /// The type has accepted a value here.
    pub(super) accepted: bool,
    /// The compiler's name of the type here, if it is known.
    pub(super) type_name: Option<&'static str>,
    /// The number of rejected samples, which is the index of the next one.
    pub(super) rejected: usize,
    /// A sample without parts was given here.
    pub(super) was_empty: bool,
    /// The number of levels of the smallest value here. `None` if no value is known.
    height: Option<usize>,
}

/// The request of a type at a node.
#[derive(Clone, Debug)]
pub(super) enum NodeKind {
    Unseen,
    Scalar(Scalar),
    Option(NodeId),
    Seq(NodeId),
    Map(NodeId, NodeId),
    Tuple(Vec<NodeId>),
    Struct(&'static str, Fields),
    Enum(&'static str, Vec<VariantNode>),
    /// The type of another node, which was met first.
    Same(NodeId),
    /// A part that the type counts and doesn't read. serde's derives count the aliases of a field.
    Unread,
}

/// The form of a struct's or a variant's fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FieldStyle {
    Unit,
    Newtype,
    Tuple,
    /// The names that the type lists, aliases included.
    Named(&'static [&'static str]),
}

#[derive(Clone, Debug)]
pub(super) struct VariantNode {
    pub(super) name: &'static str,
    pub(super) fields: Option<Fields>,
    /// The variant that the type reads at this index.
    pub(super) by_index: Option<FieldIdentity>,
    /// The variant that the type reads for this name, once it was asked.
    pub(super) by_name: Option<Option<FieldIdentity>>,
    /// The type rejected the variant before it asked for the fields.
    pub(super) opaque: bool,
    /// The type rejected the variant after it asked for the fields. They are known, and another variant is tried.
    pub(super) rejected: bool,
}

impl VariantNode {
    pub(super) fn new(name: &'static str) -> VariantNode {
        VariantNode { name, fields: None, by_index: None, by_name: None, opaque: false, rejected: false }
    }

    fn may_serve(&self) -> bool {
        !self.opaque && !self.rejected
    }
}

/// The fields of a struct or of a variant.
#[derive(Clone, Debug)]
pub(super) struct Fields {
    pub(super) style: FieldStyle,
    /// The nodes of the fields in order, as many as the style has names.
    pub(super) nodes: Vec<NodeId>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Graph {
    pub(super) nodes: Vec<Node>,
    /// The node of each type. The key is all that can be known of a type, so that two types with the same name are told apart.
    types: HashMap<String, NodeId>,
    keys: HashMap<NodeId, String>,
    /// The number of facts that were learned.
    pub(super) changes: usize,
    /// The number of parts that were read.
    pub(super) reads: usize,
    calls: usize,
    visits: usize,
    /// The nodes that this pass is inside of.
    pub(super) stack: Vec<NodeId>,
    /// The requests for what the codec doesn't know, each with the stack at it.
    pub(super) asked: Vec<(Vec<NodeId>, SelfDescribing)>,
    /// The choices of this pass, in order: a node, and the index of the variant.
    pub(super) choices: Vec<(NodeId, usize)>,
    /// This pass has failed, and the graph knows why.
    pub(super) has_ended: bool,
    /// The field that the type reads for each name so far, by the node of its first field.
    pub(super) identities: HashMap<NodeId, Vec<Option<FieldIdentity>>>,
    /// Fields after an opaque one are read by their names.
    pub(super) by_names: bool,
    /// Each option, sequence and map is also given without parts, and each plain value is empty or zero.
    empties: bool,
    /// The value of `changes` for which the heights were computed.
    heights_at: usize,
}

impl Graph {
    /// Returns a graph of one node, the root.
    pub(super) fn new() -> Graph {
        let mut graph = Graph::default();
        graph.add();
        graph
    }

    pub(super) fn add(&mut self) -> NodeId {
        self.nodes.push(Node {
            kind: NodeKind::Unseen,
            opaque: false,
            accepted: false,
            type_name: None,
            rejected: 0,
            was_empty: false,
            height: None,
        });
        self.nodes.len() - 1
    }

    pub(super) fn add_all(&mut self, count: usize) -> Vec<NodeId> {
        (0..count).map(|_| self.add()).collect()
    }

    /// Returns the graph for a second trace, with the empty sample at each node.
    pub(super) fn with_empties(&self) -> Graph {
        let mut graph = Graph { empties: true, calls: 0, visits: 0, ..self.clone() };
        for node in graph.nodes.iter_mut().filter(|node| node.rejected == 0 && !node.opaque) {
            if let NodeKind::Scalar(kind) = node.kind {
                (node.rejected, node.accepted) = (samples::empty(kind), false);
            }
        }
        graph.changes += 1;
        graph
    }

    /// Returns the graph for a further trace, which reads the fields after an opaque one by their names.
    pub(super) fn with_names(&self) -> Graph {
        Graph { by_names: true, ..self.clone() }
    }

    /// Notes that a sample without parts is given here.
    pub(super) fn give_empty(&mut self, id: NodeId) {
        self.changes += usize::from(self.empties && !self.nodes[id].was_empty);
        self.nodes[id].was_empty = true;
    }

    pub(super) fn begin_pass(&mut self) {
        self.stack.clear();
        self.choices.clear();
        self.has_ended = false;
    }

    /// Counts a call. Returns false if there are too many calls or nodes, or too many levels.
    pub(super) fn call(&mut self, new_nodes: usize) -> bool {
        self.calls += 1;
        let in_time = self.calls <= MOST_CALLS && self.visits <= MOST_VISITS;
        in_time && self.nodes.len() + new_nodes <= MOST_NODES && self.stack.len() <= MOST_DEPTH
    }

    /// Returns the first node of this node's type.
    pub(super) fn resolve(&self, id: NodeId) -> NodeId {
        match self.nodes[id].kind {
            NodeKind::Same(other) => other,
            _ => id,
        }
    }

    /// Returns another node of the type `key`, if there is one.
    pub(super) fn known(&self, id: NodeId, key: &str) -> Option<NodeId> {
        self.types.get(key).copied().filter(|known| *known != id)
    }

    pub(super) fn learn(&mut self, id: NodeId, key: String, kind: NodeKind) {
        self.types.insert(key.clone(), id);
        self.keys.insert(id, key);
        self.set(id, kind);
    }

    pub(super) fn set(&mut self, id: NodeId, kind: NodeKind) {
        self.nodes[id].kind = kind;
        self.changes += 1;
    }

    /// Returns whether the node is the first of the type `key`.
    pub(super) fn is(&self, id: NodeId, key: &str) -> bool {
        self.keys.get(&id).is_some_and(|known| known == key)
    }

    /// Marks the parts of a value that its type has accepted without a look at them.
    pub(super) fn mark_unread(&mut self, parts: &[NodeId]) {
        for &part in parts {
            if matches!(self.nodes[part].kind, NodeKind::Unseen) {
                self.nodes[part].accepted = true;
                self.set(part, NodeKind::Unread);
            }
        }
    }

    pub(super) fn make_opaque(&mut self, id: NodeId) {
        self.changes += usize::from(!self.nodes[id].opaque);
        self.nodes[id].opaque = true;
    }

    pub(super) fn accept(&mut self, id: NodeId) {
        self.changes += usize::from(!self.nodes[id].accepted);
        self.nodes[id].accepted = true;
    }

    /// Returns the number of levels of the smallest value here.
    pub(super) fn height(&mut self, id: NodeId) -> Option<usize> {
        if self.heights_at != self.changes {
            self.compute_heights();
        }
        self.nodes[id].height
    }

    fn compute_heights(&mut self) {
        self.heights_at = self.changes;
        self.nodes.iter_mut().for_each(|node| node.height = None);
        loop {
            self.visits += self.nodes.len();
            let mut changed = false;
            // Later nodes are mostly parts of earlier ones.
            for id in (0..self.nodes.len()).rev() {
                let height = self.height_of(id);
                changed |= self.nodes[id].height.is_none() && height.is_some();
                // The first height stays, because it has only parts whose heights are known, and so an end.
                self.nodes[id].height = self.nodes[id].height.or(height);
            }
            if !changed {
                return;
            }
        }
    }

    fn height_of(&self, id: NodeId) -> Option<usize> {
        let node = &self.nodes[id];
        let above = |height: Option<usize>| height.map(|height| height + 1);
        if node.opaque {
            return None;
        }
        match &node.kind {
            NodeKind::Unseen => None,
            NodeKind::Scalar(_) | NodeKind::Unread => Some(0),
            NodeKind::Option(_) | NodeKind::Seq(_) | NodeKind::Map(..) if node.rejected == 0 => Some(0),
            NodeKind::Option(part) | NodeKind::Seq(part) => above(self.tallest(&[*part])),
            NodeKind::Map(key, value) => above(self.tallest(&[*key, *value])),
            NodeKind::Tuple(parts) => above(self.tallest(parts)),
            NodeKind::Struct(_, fields) => above(self.tallest(&fields.nodes)),
            NodeKind::Enum(_, variants) => above(self.heights(variants).map(|(height, _)| height).min()),
            NodeKind::Same(other) => self.tallest(&[*other]),
        }
    }

    /// Returns the greatest height of the parts, if all are known.
    fn tallest(&self, parts: &[NodeId]) -> Option<usize> {
        parts.iter().try_fold(0, |most, part| Some(self.nodes[*part].height?.max(most)))
    }

    /// Iterates over the heights of the variants that may serve, each with the variant's index.
    fn heights<'a>(&'a self, variants: &'a [VariantNode]) -> impl Iterator<Item = (usize, usize)> + 'a {
        let serving = variants.iter().enumerate().filter(|(_, variant)| variant.may_serve());
        serving.filter_map(|(index, variant)| Some((self.tallest(&variant.fields.as_ref()?.nodes)?, index)))
    }

    /// Returns the variant of the smallest value.
    pub(super) fn smallest(&mut self, id: NodeId) -> Option<usize> {
        self.height(id)?;
        let NodeKind::Enum(_, variants) = &self.nodes[id].kind else { return None };
        self.heights(variants).min().map(|(_, index)| index)
    }

    /// Returns whether the next pass can learn anything from here on.
    pub(super) fn has_more(&mut self, id: NodeId) -> bool {
        if self.nodes[id].opaque {
            return false;
        }
        let below = match &self.nodes[id].kind {
            NodeKind::Unseen => true,
            NodeKind::Scalar(_) | NodeKind::Same(_) | NodeKind::Unread => false,
            NodeKind::Option(part) | NodeKind::Seq(part) => self.has_more(*part),
            NodeKind::Map(key, value) => self.any_has_more(&[*key, *value]),
            NodeKind::Tuple(parts) => self.any_has_more(&parts.clone()),
            NodeKind::Struct(_, fields) => self.fields_have_more(&fields.clone()),
            NodeKind::Enum(..) => self.unexplored(id).is_some() || self.unasked_variant(id).is_some(),
        };
        let node = &self.nodes[id];
        let has_parts = matches!(node.kind, NodeKind::Option(_) | NodeKind::Seq(_) | NodeKind::Map(..));
        let lacks_empty = self.empties && has_parts && node.rejected == 0 && !node.was_empty;
        // The kind of a node can be known before the type has accepted a sample for it.
        below || lacks_empty || !self.nodes[id].accepted && self.height(id).is_some()
    }

    /// Returns whether the next pass can learn anything from these parts, which are read in order: a part without a value hides
    /// the later ones.
    pub(super) fn any_has_more(&mut self, parts: &[NodeId]) -> bool {
        for &part in parts {
            if self.has_more(part) {
                return true;
            }
            if self.height(part).is_none() {
                return false;
            }
        }
        false
    }

    /// Returns the first variant of which the next pass can learn anything.
    pub(super) fn unexplored(&mut self, id: NodeId) -> Option<usize> {
        let NodeKind::Enum(_, variants) = &self.nodes[id].kind else { return None };
        let variants = variants.clone();
        variants.iter().position(|variant| match &variant.fields {
            _ if variant.opaque => false,
            None => true,
            Some(fields) => self.fields_have_more(fields),
        })
    }

    /// Ends the pass, because the type at `id` rejected its value. The next pass makes the last choice from `since` on in another
    /// way. If there is no other way, the node is opaque.
    pub(super) fn reject(&mut self, id: NodeId, since: usize) {
        self.has_ended = true;
        let last = self.choices.get(since..).and_then(<[_]>::last).copied();
        if !last.is_some_and(|(id, variant)| self.choose_next(id, variant)) {
            self.make_opaque(id);
        }
    }

    /// Makes the choice at a node in another way. Returns false if there is none.
    fn choose_next(&mut self, id: NodeId, variant: usize) -> bool {
        self.changes += 1;
        let node = &mut self.nodes[id];
        match &mut node.kind {
            NodeKind::Scalar(kind) => {
                node.rejected += 1;
                node.rejected < samples::count(*kind)
            }
            NodeKind::Option(_) | NodeKind::Seq(_) | NodeKind::Map(..) => {
                node.rejected += 1;
                node.rejected < samples::SIZES
            }
            NodeKind::Enum(_, variants) => {
                let Some(variant) = variants.get_mut(variant) else { return false };
                match variant.fields {
                    None => variant.opaque = true,
                    Some(_) => variant.rejected = true,
                }
                variants.iter().any(VariantNode::may_serve)
            }
            _ => false,
        }
    }
}
