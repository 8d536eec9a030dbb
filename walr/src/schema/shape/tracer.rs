//! The tracer at one node of the graph: what it notes, and which sample it gives.

use std::any::type_name;
use std::cell::RefCell;
use std::fmt;

use serde::de::Visitor;

use super::graph::{Fields, Graph, NodeId, NodeKind};
use crate::codec::SelfDescribing;

/// The end of a pass. The graph holds what the pass has learned.
#[derive(Debug)]
pub(super) struct PassEnd;

impl fmt::Display for PassEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the type's shape is being traced")
    }
}

impl std::error::Error for PassEnd {}

impl serde::de::Error for PassEnd {
    fn custom<T: fmt::Display>(_: T) -> PassEnd {
        PassEnd
    }
}

/// A deserializer that notes what a type asks for, and answers with samples.
#[derive(Clone, Copy)]
pub(super) struct Tracer<'a> {
    pub(super) graph: &'a RefCell<Graph>,
    pub(super) at: NodeId,
    /// True if the type is explored at another node. The smallest value is wanted here.
    pub(super) is_known: bool,
}

impl<'a> Tracer<'a> {
    /// Lets `read` deserialize a value here, and notes whether the type accepts it.
    pub(super) fn read<T>(self, read: impl FnOnce(Self) -> Result<T, PassEnd>) -> Result<T, PassEnd> {
        let since = {
            let mut graph = self.graph.borrow_mut();
            graph.stack.push(self.at);
            graph.reads += 1;
            graph.choices.len()
        };
        let value = read(self);
        let mut graph = self.graph.borrow_mut();
        graph.stack.pop();
        match value {
            Ok(_) => graph.accept(self.at),
            Err(_) if graph.has_ended => {}
            Err(_) => graph.reject(self.at, since),
        }
        value
    }

    /// Ends the pass, for a reason that the graph knows.
    pub(super) fn end<T>(self) -> Result<T, PassEnd> {
        self.graph.borrow_mut().has_ended = true;
        Err(PassEnd)
    }

    /// Makes this node opaque, and ends the pass.
    pub(super) fn opaque<T>(self) -> Result<T, PassEnd> {
        self.graph.borrow_mut().make_opaque(self.at);
        self.end()
    }

    /// Notes that the type `T` asks for what the codec doesn't know.
    pub(super) fn self_describing<T>(self, by_names: bool) -> Result<T, PassEnd> {
        let mut graph = self.graph.borrow_mut();
        let stack = graph.stack.clone();
        graph.asked.push((stack, SelfDescribing { asked: type_name::<T>(), by_names }));
        drop(graph);
        self.opaque()
    }

    /// Notes that the type asks for a value of this kind, and returns the index of the sample to give.
    pub(super) fn plain(self, kind: &'static str) -> Result<usize, PassEnd> {
        let mut graph = self.graph.borrow_mut();
        let within = graph.call(0);
        match graph.nodes[self.at].kind {
            NodeKind::Unseen if within => graph.set(self.at, NodeKind::Plain(kind)),
            NodeKind::Plain(known) if known == kind && within && !graph.nodes[self.at].opaque => {}
            _ => {
                drop(graph);
                return self.opaque();
            }
        }
        graph.choices.push((self.at, 0));
        Ok(graph.nodes[self.at].rejected)
    }

    /// Notes that the visitor `V` asks for a compound. Returns the tracer of the type's first node.
    pub(super) fn compound<'de, V: Visitor<'de>>(
        self,
        kind: &str,
        names: &[&str],
        new_nodes: usize,
        new: impl FnOnce(&mut Graph) -> NodeKind,
    ) -> Result<Tracer<'a>, PassEnd> {
        let key = format!("{kind} {names:?} {} {}", type_name::<V>(), type_name::<V::Value>());
        let mut graph = self.graph.borrow_mut();
        graph.nodes[self.at].type_name.get_or_insert(type_name::<V::Value>());
        if !graph.call(new_nodes) || graph.nodes[self.at].opaque {
            drop(graph);
            return self.opaque();
        }
        if matches!(graph.nodes[self.at].kind, NodeKind::Unseen) {
            match graph.known(self.at, &key) {
                Some(known) => graph.set(self.at, NodeKind::Same(known)),
                None => {
                    let kind = new(&mut graph);
                    graph.learn(self.at, key.clone(), kind);
                }
            }
        }
        let first = graph.resolve(self.at);
        if !graph.is(first, &key) {
            // What the type asks for depends on the values that it was given.
            drop(graph);
            return self.opaque();
        }
        let is_known = self.is_known || first != self.at;
        if is_known && graph.height(first).is_none() {
            // No value of the type is known yet.
            drop(graph);
            return self.end();
        }
        Ok(Tracer { at: first, is_known, ..self })
    }

    /// Notes that the visitor `V` asks for a struct. Returns the tracer of the type's first node, and the nodes of the fields.
    pub(super) fn structure<'de, V: Visitor<'de>>(
        self,
        name: &'static str,
        names: Option<&'static [&'static str]>,
        len: usize,
    ) -> Result<(Tracer<'a>, Vec<NodeId>), PassEnd> {
        let first = self.compound::<V>(&format!("struct {name} {len}"), names.unwrap_or_default(), len, |graph| {
            NodeKind::Struct(name, Fields { names, nodes: graph.add_all(len) })
        })?;
        match &self.graph.borrow().nodes[first.at].kind {
            NodeKind::Struct(_, fields) => Ok((first, fields.nodes.clone())),
            _ => Err(PassEnd),
        }
    }

    /// Notes that the type asks for the fields of a variant, and returns their nodes.
    pub(super) fn variant_fields(
        self,
        variant: usize,
        names: Option<&'static [&'static str]>,
        len: usize,
    ) -> Result<Vec<NodeId>, PassEnd> {
        let mut graph = self.graph.borrow_mut();
        if !graph.call(len) {
            drop(graph);
            return self.opaque();
        }
        let known = match &graph.nodes[self.at].kind {
            NodeKind::Enum(_, variants) => variants[variant].fields.as_ref(),
            _ => None,
        };
        if let Some(known) = known {
            let nodes = (known.names == names && known.nodes.len() == len).then(|| known.nodes.clone());
            drop(graph);
            return nodes.map_or_else(|| self.opaque(), Ok);
        }
        let nodes = graph.add_all(len);
        graph.changes += 1;
        if let NodeKind::Enum(_, variants) = &mut graph.nodes[self.at].kind {
            variants[variant].fields = Some(Fields { names, nodes: nodes.clone() });
        }
        Ok(nodes)
    }

    /// Returns the tracer of a part.
    pub(super) fn part(self, at: NodeId) -> Tracer<'a> {
        Tracer { at, ..self }
    }

    /// Returns the tracer of a part that is read as a `T`. A `()` tells nothing: it is the value of a seed that keeps what it
    /// reads.
    pub(super) fn typed_part<T>(self, at: NodeId) -> Tracer<'a> {
        let name = Some(type_name::<T>()).filter(|name| *name != "()");
        let known = &mut self.graph.borrow_mut().nodes[at].type_name;
        *known = known.or(name);
        self.part(at)
    }

    /// Returns how often an option, a sequence or a map gets these parts.
    pub(super) fn size(self, parts: &[NodeId]) -> usize {
        let mut graph = self.graph.borrow_mut();
        graph.choices.push((self.at, 0));
        let explores = !self.is_known && graph.any_has_more(parts);
        let size = graph.nodes[self.at].rejected.max(usize::from(explores));
        if size == 0 {
            graph.give_empty(self.at);
        }
        size
    }

    /// Returns the index of the variant to give.
    pub(super) fn choose_variant(self) -> Result<usize, PassEnd> {
        let mut graph = self.graph.borrow_mut();
        let unexplored = if self.is_known { None } else { graph.unexplored(self.at) };
        let Some(variant) = unexplored.or_else(|| graph.smallest(self.at)) else {
            drop(graph);
            return self.end();
        };
        graph.choices.push((self.at, variant));
        Ok(variant)
    }
}
