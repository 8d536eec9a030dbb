//! Which parts of a type ask a format which kind of value comes next: under a codec that writes no kinds, no value of them can
//! be read back.

use super::graph::{Body, Form, Graph, Id};
use crate::codec::{SelfDescribing, Step, path_of, short};

/// A part that asks.
#[derive(Clone, Debug)]
pub(crate) struct Asking {
    /// The way to it. Of an enum such as a log it begins with the variant.
    steps: Vec<Step>,
    /// The number of that variant.
    pub(crate) variant: Option<usize>,
    /// The type's name as far as the compiler tells it.
    name: Option<String>,
    pub(crate) asked: SelfDescribing,
}

impl Asking {
    /// The part of a state: `Jobs.jobs.value.payload: serde_json::Value`.
    pub(crate) fn of_state(&self, state: &str) -> String {
        let path = [state.to_string(), path_of(&self.steps)];
        let path: Vec<_> = path.into_iter().filter(|part| !part.is_empty()).collect();
        self.named(&path.join("."), None)
    }

    /// The part of an argument, whose type is written as it is in the source if nothing better is known of it.
    pub(crate) fn of_call(&self, params: &[(&str, &str)]) -> String {
        let steps = self.steps.get(1..).unwrap_or_default();
        let written = match steps {
            [Step::Field(param)] => params.iter().find(|(name, _)| name == param).map(|(_, written)| *written),
            _ => None,
        };
        self.named(&path_of(steps), written)
    }

    fn named(&self, path: &str, written: Option<&str>) -> String {
        match self.name.as_deref().or(written) {
            Some(name) => format!("{path}: {name}"),
            None => path.to_string(),
        }
    }
}

/// All parts of the type at `root` that ask, each at its first place.
pub(super) fn asking(graph: &Graph, root: Id) -> Vec<Asking> {
    let mut walk =
        Walk { graph, seen: vec![false; graph.nodes.len()], steps: Vec::new(), names: Vec::new(), found: Vec::new() };
    walk.node(root);
    walk.found
}

struct Walk<'a> {
    graph: &'a Graph,
    seen: Vec<bool>,
    steps: Vec<Step>,
    /// The names of the types on the way, where they are known.
    names: Vec<Option<&'static str>>,
    found: Vec<Asking>,
}

impl Walk<'_> {
    fn node(&mut self, id: Id) {
        let graph = self.graph;
        let node = &graph.nodes[id];
        if std::mem::replace(&mut self.seen[id], true) {
            return;
        }
        self.names.push(node.name);
        let by_names = self.asks_for_names(&node.form);
        if let Some(asked) = node.asks.or(by_names) {
            self.found_here(asked);
        }
        match &node.form {
            _ if by_names.is_some() => {}
            Form::Option(part) => self.part(Step::Some, *part),
            Form::Seq(part) => self.part(Step::Item, *part),
            Form::Map(key, value) => {
                self.part(Step::Key, *key);
                self.part(Step::Value, *value);
            }
            Form::Tuple(parts) => self.tuple(parts),
            Form::Struct(_, body) => self.body(body),
            Form::Enum(_, variants) => {
                for variant in variants {
                    self.steps.push(Step::Variant(variant.name));
                    variant.body.iter().for_each(|body| self.body(body));
                    self.steps.pop();
                }
            }
            Form::Unseen | Form::Plain(_) | Form::Same(_) | Form::Unread => {}
        }
        self.names.pop();
    }

    /// What a compound asks for where its key, or its tag, is to be read: serde derives that, and it is the whole type's doing.
    fn asks_for_names(&self, form: &Form) -> Option<SelfDescribing> {
        let first = match form {
            Form::Map(key, _) => Some(key),
            Form::Struct(_, body) => body.parts.first(),
            _ => None,
        };
        first.and_then(|&first| self.graph.nodes[first].asks).filter(|asked| asked.by_names)
    }

    fn part(&mut self, step: Step, id: Id) {
        self.steps.push(step);
        self.node(id);
        self.steps.pop();
    }

    fn tuple(&mut self, parts: &[Id]) {
        parts.iter().enumerate().for_each(|(place, &part)| self.part(Step::Place(place), part));
    }

    fn body(&mut self, body: &Body) {
        match body.fields {
            Some(fields) => fields.iter().zip(&body.parts).for_each(|(name, part)| self.part(Step::Field(name), *part)),
            None => self.tuple(&body.parts),
        }
    }

    fn found_here(&mut self, asked: SelfDescribing) {
        let own = match (self.names.as_slice(), self.steps.last()) {
            ([.., of_option, None], Some(Step::Some)) => *of_option,
            ([.., own], _) => *own,
            ([], _) => None,
        };
        let name = match asked.is_derived() {
            true => own.map(inside),
            false => Some(asked.name()),
        };
        let variant = match (&self.graph.nodes[0].form, self.steps.first()) {
            (Form::Enum(_, variants), Some(Step::Variant(name))) => {
                variants.iter().position(|variant| variant.name == *name)
            }
            _ => None,
        };
        self.found.push(Asking { steps: self.steps.clone(), variant, name, asked });
    }
}

/// The type in a box or an option, by its short name.
fn inside(name: &str) -> String {
    let mut name = short(name);
    for around in ["Box<", "Option<", "Rc<", "Arc<"] {
        if let Some(inner) = name.strip_prefix(around).and_then(|inner| inner.strip_suffix('>')) {
            name = inner.to_string();
        }
    }
    name
}
