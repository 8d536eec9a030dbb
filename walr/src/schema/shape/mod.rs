//! What a type's encoding holds, as its `Deserialize` asks for it: so that a field that was added deep inside an argument, or
//! an alias that means something else now, is seen, which the tokens of a type don't show.
//!
//! A type is deserialized from samples by a deserializer that writes down what is asked for, again and again, until each
//! variant and each part has been reached. Types are told apart by all that the compiler says of them, and only shown by
//! their names. Where a `Deserialize` of the user's own accepts no sample, or wants a self-describing format, the shape is
//! `opaque`. Every trace ends: its steps, nodes and depth are limited.

mod access;
mod asking;
mod flaws;
mod graph;
mod names;
mod order;
mod render;
mod samples;
#[cfg(test)]
mod tests;
mod trace;
mod written;

pub(crate) use self::flaws::{Flaws, joined};
pub(crate) use self::names::{given_back, renamed};
pub(crate) use self::render::difference;

use std::cell::RefCell;

use serde::Serialize;
use serde::de::DeserializeOwned;

use self::graph::{Form, Graph, Id};
use self::trace::Tracer;
use self::written::Written;
use crate::codec::{self, Refusal};
use crate::panic::{self, drop_quietly};

/// How the shape says that it doesn't know.
pub(crate) const OPAQUE: &str = "opaque";

/// The shape of a type.
pub(crate) struct Shape {
    graph: Graph,
    root: Id,
}

impl Shape {
    /// Traces `T`.
    pub(crate) fn of<T: DeserializeOwned>() -> Shape {
        let (mut graph, root) = (Graph::default(), 0);
        graph.add();
        Shape { graph: traced::<T>(graph, root, |_| {}), root }
    }

    /// Traces `T`, and looks at whether its `Serialize` and its `Deserialize` agree on each sample. `number` numbers the
    /// samples, as a log's do by their variant.
    pub(crate) fn both_ways<T: Serialize + DeserializeOwned>(number: impl Fn(&T) -> usize) -> (Shape, Flaws) {
        let (mut graph, root) = (Graph::default(), 0);
        graph.add();
        let (written, refused) = (Written::default(), RefCell::new(Vec::<(usize, Refusal)>::new()));
        let look = |value: &T| {
            // What was written whole has an end.
            if !written.look_at(value) {
                return;
            }
            if let Ok(Err(refusal)) = panic::catch(|| codec::comes_back(value))
                && refusal.is_of_the_type()
            {
                let place = (number(value), refusal.part);
                let mut refused = refused.borrow_mut();
                if !refused.iter().any(|(number, known)| (*number, known.part) == place) {
                    refused.push((place.0, refusal));
                }
            }
        };
        let graph = traced(graph, root, look);
        // An empty value may be written in another way: `skip_serializing_if` leaves it out.
        traced(graph.with_empties(), root, look);
        // Fields behind one that accepts no sample are met by their names. The shape shows only what is read in order, because
        // stored shapes are compared with it.
        let mut further = graph.clone();
        further.by_names = true;
        let further = traced::<T>(further, root, |_| {});
        let (misread, asking) = (written.misread(&graph), asking::asking(&further, root));
        (Shape { graph, root }, Flaws { misread, asking, refused: refused.into_inner() })
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

/// Deserializes `T` from samples until there is nothing left to learn, and gives `look` each value.
fn traced<T: DeserializeOwned>(graph: Graph, root: Id, look: impl Fn(&T)) -> Graph {
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
    graph.into_inner()
}
