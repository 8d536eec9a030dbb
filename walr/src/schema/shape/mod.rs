//! What a type's encoding holds, as its `Deserialize` asks for it: so that a field that was added deep inside an argument, or
//! an alias that means something else now, is seen, which the tokens of a type don't show.
//!
//! A type is deserialized from samples by a deserializer that writes down what is asked for, again and again, until each
//! variant and each part has been reached. Types are told apart by all that the compiler says of them, and only shown by
//! their names. Where a `Deserialize` of the user's own accepts no sample, or wants a self-describing format, the shape is
//! `opaque`. Every trace ends: its steps, nodes and depth are limited.

mod access;
mod graph;
mod names;
mod render;
mod samples;
#[cfg(test)]
mod tests;
mod trace;
mod written;

pub(crate) use self::names::{given_back, renamed};
pub(crate) use self::render::difference;

use std::cell::RefCell;

use serde::Serialize;
use serde::de::DeserializeOwned;

use self::graph::{Form, Graph, Id};
use self::trace::Tracer;
use self::written::Written;
use crate::panic::{self, drop_quietly};

/// How the shape says that it doesn't know.
pub(crate) const OPAQUE: &str = "opaque";

/// The shape of a type.
pub(crate) struct Shape {
    graph: Graph,
    root: Id,
    /// An enum of which a variant is written by the number of another, if one was met.
    pub(crate) misread: Option<Misread>,
}

/// What would be read back as something else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Misread {
    /// The enum's name.
    pub(crate) name: String,
    /// What becomes of which variant.
    pub(crate) how: String,
}

impl Shape {
    /// Traces `T`.
    pub(crate) fn of<T: DeserializeOwned>() -> Shape {
        Shape::traced::<T>(|_| {})
    }

    /// Traces `T`, and looks at whether its `Serialize` numbers the variants as its `Deserialize` does.
    pub(crate) fn both_ways<T: Serialize + DeserializeOwned>() -> Shape {
        let written = Written::default();
        let mut shape = Shape::traced::<T>(|value| written.look_at(value));
        shape.misread = written.misread(&shape.graph);
        shape
    }

    fn traced<T: DeserializeOwned>(look: impl Fn(&T)) -> Shape {
        let mut graph = Graph::default();
        let root = graph.add();
        let graph = RefCell::new(graph);
        while graph.borrow_mut().needs(root) {
            let before = graph.borrow().changes;
            graph.borrow_mut().begin();
            let tracer = Tracer { graph: &graph, at: root, fill: false };
            match panic::catch(|| tracer.read(|tracer| T::deserialize(tracer))) {
                Ok(value) => {
                    if let Ok(value) = &value {
                        look(value);
                    }
                    drop_quietly(value);
                }
                Err(_) => {
                    let mut graph = graph.borrow_mut();
                    let place = graph.stack.last().copied().unwrap_or(root);
                    graph.make_opaque(place);
                }
            }
            if graph.borrow().changes == before {
                break;
            }
        }
        Shape { graph: graph.into_inner(), root, misread: None }
    }

    /// The shape as text. The type's own name is left out, because a state has another on disk.
    pub(crate) fn text(&self) -> String {
        render::text(&self.graph, self.root, true)
    }

    /// The shapes of the fields of each variant, in order: of an enum, such as a log.
    pub(crate) fn variants(&self) -> Vec<Vec<String>> {
        let Form::Enum(_, variants) = &self.graph.nodes[self.root].form else { return Vec::new() };
        let fields = |variant: &graph::Variant| {
            let parts = variant.body.as_ref().map_or(&[][..], |body| &body.parts);
            parts.iter().map(|&part| render::text(&self.graph, part, false)).collect()
        };
        variants.iter().map(fields).collect()
    }
}
