//! The trace of a type: how its shape is found.
//!
//! A trace deserializes the type from samples, with a deserializer that notes what the type asks for, until each variant and each
//! part was reached. Types are told apart by all that the compiler says of them. The shape of a type that accepts no sample, or asks
//! for the type of the next value, is opaque. Every trace ends, because its calls, nodes and depth are limited.

mod access;
mod deserializer;
mod flaws;
mod graph;
mod misread;
mod names;
mod samples;
mod self_describing;
mod shape_builder;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_names;
mod tracer;

pub(crate) use self::flaws::{Flaws, joined};

use std::cell::RefCell;
use std::rc::Rc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use self::graph::{Graph, NodeId};
use self::misread::misread;
use self::self_describing::self_describing_parts;
use self::shape_builder::{ShapeBuilder, variant_fields};
use self::tracer::Tracer;
use crate::codec::{self, Refusal, SampleNames, WrittenStruct, WrittenVariant};
use crate::panic::{self, drop_quietly};
use crate::schema::shape::Shape;

const ROOT: NodeId = 0;

/// The result of a trace.
pub(crate) struct TypeTrace {
    graph: Graph,
    written: WrittenNames,
}

/// The names that the samples of a type were written with.
#[derive(Default)]
struct WrittenNames {
    structs: Vec<WrittenStruct>,
    variants: Vec<WrittenVariant>,
}

impl TypeTrace {
    /// Traces `T`.
    pub(crate) fn of<T: Deserialize<'static>>() -> TypeTrace {
        let graph = trace::<T>(Graph::new(), &|_| {});
        TypeTrace { graph: trace::<T>(graph.with_names(), &|_| {}), written: WrittenNames::default() }
    }

    /// Traces `T`, and checks that each sample is read as it is written. `index` returns the index of a sample's variant, if `T`
    /// is a log.
    pub(crate) fn checked<T: Serialize + DeserializeOwned>(index: impl Fn(&T) -> usize) -> (TypeTrace, Flaws) {
        let (written, refused) = (Rc::new(SampleNames::default()), RefCell::new(Vec::<(usize, Refusal)>::new()));
        let check = |value: &T| {
            if let Ok(Err(refusal)) = panic::catch(|| codec::check_sample(value, &written))
                && refusal.is_of_the_type()
            {
                let (index, mut refused) = (index(value), refused.borrow_mut());
                if !refused.iter().any(|(known, other)| *known == index && other.field == refusal.field) {
                    refused.push((index, refusal));
                }
            }
        };
        let graph = trace(Graph::new(), &check);
        // `skip_serializing_if` leaves empty values out.
        trace(graph.with_empties(), &check);
        // Fields after an opaque one are reached by their names.
        let graph = trace::<T>(graph.with_names(), &|_| {});
        let written = WrittenNames { structs: written.structs(), variants: written.variants() };
        let (misread, self_describing) = (misread(&written, &graph), self_describing_parts(&graph));
        let flaws = Flaws { self_describing, refused: refused.into_inner(), misread };
        (TypeTrace { graph, written }, flaws)
    }

    /// Returns the type's shape. That of a state has no name.
    pub(crate) fn shape(&self, is_state: bool) -> Shape {
        ShapeBuilder::new(&self.graph, &self.written, is_state).shape_of(ROOT)
    }

    /// Returns the shapes of the fields of each variant, in order, if the type is an enum, such as a log.
    pub(crate) fn variants(&self) -> Vec<Vec<Shape>> {
        let shape = |node| ShapeBuilder::new(&self.graph, &self.written, false).shape_of(node);
        variant_fields(&self.graph, ROOT).into_iter().map(|nodes| nodes.into_iter().map(shape).collect()).collect()
    }
}

/// Deserializes `T` from samples until there is nothing more to learn, and calls `check` with each value.
fn trace<T: Deserialize<'static>>(graph: Graph, check: &dyn Fn(&T)) -> Graph {
    let graph = RefCell::new(graph);
    while graph.borrow_mut().has_more(ROOT) {
        let before = graph.borrow().changes;
        graph.borrow_mut().begin_pass();
        let tracer = Tracer { graph: &graph, at: ROOT, is_known: false };
        match panic::catch(|| tracer.read(|tracer| T::deserialize(tracer))) {
            Ok(value) => {
                value.iter().for_each(check);
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
