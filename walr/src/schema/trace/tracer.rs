//! The tracer at one node of the graph: what it notes, and which sample it gives.

use std::any::type_name;
use std::cell::RefCell;
use std::fmt;

use serde::de::Visitor;

use super::graph::{FieldStyle, Fields, Graph, NodeId, NodeKind, VariantNode};
use crate::codec::SelfDescribing;
use crate::schema::shape::Scalar;

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

/// The names of a visitor's type and of the type that it makes.
#[derive(Clone, Copy)]
pub(super) struct VisitorNames {
    pub(super) own: &'static str,
    pub(super) value: &'static str,
}

impl VisitorNames {
    pub(super) fn of<'de, V: Visitor<'de>>() -> VisitorNames {
        VisitorNames { own: type_name::<V>(), value: type_name::<V::Value>() }
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
        let since = self.begin_read();
        let value = read(self);
        self.end_read(since, value.is_ok());
        value
    }

    fn begin_read(self) -> usize {
        let mut graph = self.graph.borrow_mut();
        graph.stack.push(self.at);
        graph.reads += 1;
        graph.choices.len()
    }

    fn end_read(self, since: usize, is_accepted: bool) {
        let mut graph = self.graph.borrow_mut();
        graph.stack.pop();
        if is_accepted {
            graph.accept(self.at);
        } else if !graph.has_ended {
            graph.reject(self.at, since);
        }
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

    /// Notes that the type `asked` asks for what the codec doesn't know.
    pub(super) fn self_describing(self, asked: &'static str, by_names: bool) -> PassEnd {
        let mut graph = self.graph.borrow_mut();
        let stack = graph.stack.clone();
        graph.asked.push((stack, SelfDescribing { asked, by_names }));
        graph.make_opaque(self.at);
        graph.has_ended = true;
        PassEnd
    }

    /// Notes that the type asks for a value of this kind, and returns the index of the sample to give.
    pub(super) fn scalar(self, kind: Scalar) -> Result<usize, PassEnd> {
        let mut graph = self.graph.borrow_mut();
        let within = graph.call(0);
        match graph.nodes[self.at].kind {
            NodeKind::Unseen if within => graph.set(self.at, NodeKind::Scalar(kind)),
            NodeKind::Scalar(known) if known == kind && within && !graph.nodes[self.at].opaque => {}
            _ => {
                drop(graph);
                return self.opaque();
            }
        }
        graph.choices.push((self.at, 0));
        Ok(graph.nodes[self.at].rejected)
    }

    /// Notes that `visitor` asks for a compound. Returns the tracer of the type's first node.
    fn compound(
        self,
        visitor: VisitorNames,
        kind: &str,
        new_nodes: usize,
        new: &dyn Fn(&mut Graph) -> NodeKind,
    ) -> Result<Tracer<'a>, PassEnd> {
        let key = format!("{kind} {} {}", visitor.own, visitor.value);
        let mut graph = self.graph.borrow_mut();
        graph.nodes[self.at].type_name.get_or_insert(visitor.value);
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
            // The type asks for another kind after other samples, so that no shape describes it.
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

    /// Notes that `visitor` asks for a struct. Returns the tracer of the type's first node, and the fields.
    pub(super) fn structure(
        self,
        visitor: VisitorNames,
        name: &'static str,
        style: FieldStyle,
        len: usize,
    ) -> Result<(Tracer<'a>, Fields), PassEnd> {
        let kind = format!("struct {name} {style:?} {len}");
        let new = |graph: &mut Graph| NodeKind::Struct(name, Fields { style, nodes: graph.add_all(len) });
        let first = self.compound(visitor, &kind, len, &new)?;
        match &self.graph.borrow().nodes[first.at].kind {
            NodeKind::Struct(_, fields) => Ok((first, fields.clone())),
            _ => Err(PassEnd),
        }
    }

    /// Notes that `visitor` asks for an option. Returns the tracer of the value to give, or `None` for an empty option.
    pub(super) fn option(self, visitor: VisitorNames) -> Result<Option<Tracer<'a>>, PassEnd> {
        let first = self.compound(visitor, "option", 1, &|graph| NodeKind::Option(graph.add()))?;
        let NodeKind::Option(part) = self.graph.borrow().nodes[first.at].kind else { return Err(PassEnd) };
        Ok((first.size(&[part]) > 0).then(|| first.part(part)))
    }

    /// Notes that `visitor` asks for a sequence. Returns the tracer of the type's first node, and the nodes of the items to give.
    pub(super) fn sequence(self, visitor: VisitorNames) -> Result<(Tracer<'a>, Vec<NodeId>), PassEnd> {
        let first = self.compound(visitor, "seq", 1, &|graph| NodeKind::Seq(graph.add()))?;
        let NodeKind::Seq(item) = self.graph.borrow().nodes[first.at].kind else { return Err(PassEnd) };
        Ok((first, vec![item; first.size(&[item])]))
    }

    /// Notes that `visitor` asks for a map. Returns the tracer of the type's first node, and the nodes of the keys and values to
    /// give, by turns.
    pub(super) fn map(self, visitor: VisitorNames) -> Result<(Tracer<'a>, Vec<NodeId>), PassEnd> {
        let first = self.compound(visitor, "map", 2, &|graph| {
            let (key, value) = (graph.add(), graph.add());
            NodeKind::Map(key, value)
        })?;
        let NodeKind::Map(key, value) = self.graph.borrow().nodes[first.at].kind else { return Err(PassEnd) };
        Ok((first, [key, value].repeat(first.size(&[key, value]))))
    }

    /// Notes that `visitor` asks for a tuple. Returns the tracer of the type's first node, and the parts.
    pub(super) fn tuple(self, visitor: VisitorNames, len: usize) -> Result<(Tracer<'a>, Fields), PassEnd> {
        let new = |graph: &mut Graph| NodeKind::Tuple(graph.add_all(len));
        let first = self.compound(visitor, &format!("tuple {len}"), len, &new)?;
        match &self.graph.borrow().nodes[first.at].kind {
            NodeKind::Tuple(nodes) => Ok((first, Fields { style: FieldStyle::Tuple, nodes: nodes.clone() })),
            _ => Err(PassEnd),
        }
    }

    /// Notes that `visitor` asks for an enum. Returns the tracer of the type's first node, and the index of the variant to give. If
    /// the type is to be asked for a name, returns that too.
    pub(super) fn enumeration(
        self,
        visitor: VisitorNames,
        name: &'static str,
        variants: &'static [&'static str],
    ) -> Result<(Tracer<'a>, usize, Option<&'static str>), PassEnd> {
        let new = |_: &mut Graph| NodeKind::Enum(name, variants.iter().map(|name| VariantNode::new(name)).collect());
        let first = self.compound(visitor, &format!("enum {name} {variants:?}"), variants.len(), &new)?;
        let (variant, is_asked) = first.choose_variant()?;
        Ok((first, variant, is_asked.then(|| variants[variant])))
    }

    /// Notes that the type asks for the fields of a variant, and returns them.
    pub(super) fn variant_fields(self, variant: usize, style: FieldStyle, len: usize) -> Result<Fields, PassEnd> {
        let mut graph = self.graph.borrow_mut();
        if !graph.call(len) {
            drop(graph);
            return self.opaque();
        }
        let known = match &graph.nodes[self.at].kind {
            NodeKind::Enum(_, variants) => variants[variant].fields.clone(),
            _ => None,
        };
        if let Some(known) = known {
            drop(graph);
            let is_same = known.style == style && known.nodes.len() == len;
            return if is_same { Ok(known) } else { self.opaque() };
        }
        let fields = Fields { style, nodes: graph.add_all(len) };
        graph.changes += 1;
        if let NodeKind::Enum(_, variants) = &mut graph.nodes[self.at].kind {
            variants[variant].fields = Some(fields.clone());
        }
        Ok(fields)
    }

    /// Returns the tracer of a part.
    pub(super) fn part(self, at: NodeId) -> Tracer<'a> {
        Tracer { at, ..self }
    }

    /// Returns the tracer of a part that is read as the type `name`. A `()` tells nothing: it is the value of a seed that keeps
    /// what it reads.
    pub(super) fn typed_part(self, at: NodeId, name: &'static str) -> Tracer<'a> {
        let name = Some(name).filter(|name| *name != "()");
        let known = &mut self.graph.borrow_mut().nodes[at].type_name;
        *known = known.or(name);
        self.part(at)
    }

    /// Returns how often an option, a sequence or a map gets these parts.
    fn size(self, parts: &[NodeId]) -> usize {
        let mut graph = self.graph.borrow_mut();
        graph.choices.push((self.at, 0));
        let explores = !self.is_known && graph.any_has_more(parts);
        let size = graph.nodes[self.at].rejected.max(usize::from(explores));
        if size == 0 {
            graph.give_empty(self.at);
        }
        size
    }

    /// Returns the index of the variant to give, and whether the type is to be asked for its name instead.
    fn choose_variant(self) -> Result<(usize, bool), PassEnd> {
        let mut graph = self.graph.borrow_mut();
        let unexplored = if self.is_known { None } else { graph.unexplored(self.at) };
        if unexplored.is_none()
            && !self.is_known
            && let Some(unasked) = graph.unasked_variant(self.at)
        {
            return Ok((unasked, true));
        }
        let Some(variant) = unexplored.or_else(|| graph.smallest(self.at)) else {
            drop(graph);
            return self.end();
        };
        graph.choices.push((self.at, variant));
        Ok((variant, false))
    }
}
