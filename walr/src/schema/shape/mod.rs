//! The shape of a type: a text that describes its encoding. It shows that a field was added deep inside an argument, or that an
//! alias stands for another type now.
//!
//! A trace deserializes the type from samples, with a deserializer that notes what the type asks for, until each variant and each
//! part was reached. Types are told apart by all that the compiler says of them. The text shows only their names. The shape of
//! a type that accepts no sample, or asks for the type of the next value, is `opaque`. Every trace ends, because its calls, nodes
//! and depth are limited.

mod access;
mod deserializer;
mod flaws;
mod graph;
mod misread;
mod renames;
mod render;
mod samples;
mod self_describing;
#[cfg(test)]
mod tests;
mod tracer;

pub(crate) use self::flaws::{Flaws, joined};
pub(crate) use self::renames::{rename_hint, renames};
pub(crate) use self::render::difference;

use std::cell::RefCell;
use std::rc::Rc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use self::graph::{Graph, NodeId, NodeKind, VariantNode};
use self::misread::misread;
use self::self_describing::self_describing_parts;
use self::tracer::Tracer;
use crate::codec::{self, Refusal, SampleNames};
use crate::panic::{self, drop_quietly};

/// The shape that isn't known.
pub(crate) const OPAQUE: &str = "opaque";

const ROOT: NodeId = 0;

/// The shape of a type.
pub(crate) struct Shape {
    graph: Graph,
}

impl Shape {
    /// Traces `T`.
    pub(crate) fn of<T: DeserializeOwned>() -> Shape {
        Shape { graph: trace::<T>(Graph::new(), |_| {}) }
    }

    /// Traces `T`, and checks that each sample is read as it is written. `index` returns the index of a sample's variant, if `T`
    /// is a log.
    pub(crate) fn checked<T: Serialize + DeserializeOwned>(index: impl Fn(&T) -> usize) -> (Shape, Flaws) {
        let (names, refused) = (Rc::new(SampleNames::default()), RefCell::new(Vec::<(usize, Refusal)>::new()));
        let check = |value: &T| {
            if let Ok(Err(refusal)) = panic::catch(|| codec::check_sample(value, &names))
                && refusal.is_of_the_type()
            {
                let (index, mut refused) = (index(value), refused.borrow_mut());
                if !refused.iter().any(|(known, other)| *known == index && other.field == refusal.field) {
                    refused.push((index, refusal));
                }
            }
        };
        let graph = trace(Graph::new(), check);
        // `skip_serializing_if` leaves empty values out.
        trace(graph.with_empties(), check);
        // Fields after an opaque one are reached by their names. The shape has only what is read in order, because shapes on
        // disk are compared with it.
        let by_names = trace::<T>(graph.with_names(), |_| {});
        let (misread, self_describing) = (misread(&names, &graph), self_describing_parts(&by_names));
        (Shape { graph }, Flaws { self_describing, refused: refused.into_inner(), misread })
    }

    /// Returns the shape as text, without the type's own name, because a state has another name on disk.
    pub(crate) fn text(&self) -> String {
        render::text(&self.graph, ROOT, true)
    }

    /// Returns the shapes of the fields of each variant, in order, if the type is an enum, such as a log.
    pub(crate) fn variants(&self) -> Vec<Vec<String>> {
        let NodeKind::Enum(_, variants) = &self.graph.nodes[ROOT].kind else { return Vec::new() };
        let fields = |variant: &VariantNode| {
            let nodes = variant.fields.as_ref().map_or(&[][..], |fields| &fields.nodes);
            nodes.iter().map(|&node| render::text(&self.graph, node, false)).collect()
        };
        variants.iter().map(fields).collect()
    }
}

/// Deserializes `T` from samples until there is nothing more to learn, and calls `check` with each value.
fn trace<T: DeserializeOwned>(graph: Graph, check: impl Fn(&T)) -> Graph {
    let graph = RefCell::new(graph);
    while graph.borrow_mut().has_more(ROOT) {
        let before = graph.borrow().changes;
        graph.borrow_mut().begin_pass();
        let tracer = Tracer { graph: &graph, at: ROOT, is_known: false };
        match panic::catch(|| tracer.read(|tracer| T::deserialize(tracer))) {
            Ok(value) => {
                value.iter().for_each(&check);
                drop_quietly(value);
            }
            Err(_) => {
                let mut graph = graph.borrow_mut();
                let panicked = graph.stack.last().copied().unwrap_or(ROOT);
                graph.make_opaque(panicked);
            }
        }
        if graph.borrow().changes == before {
            break;
        }
    }
    graph.into_inner()
}
