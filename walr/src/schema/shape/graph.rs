//! What a trace has found: a graph of nodes, one for each place where a type asked for something.

use std::collections::HashMap;

use super::samples;
use crate::codec::SelfDescribing;

pub(super) type Id = usize;

/// No shape is traced further than this.
const MOST_NODES: usize = 1 << 13;
/// Nor with more calls than these, over all passes, or with more looks at nodes.
const MOST_STEPS: usize = 1 << 20;
const MOST_LOOKS: usize = 1 << 28;
/// Nor deeper: each level is some frames of the user's own code on the stack.
const MOST_DEPTH: usize = 64;

/// One place.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) form: Form,
    /// No value that we know of gets past the type's own checks here.
    pub(super) opaque: bool,
    /// A value was made of it.
    pub(super) passed: bool,
    /// The type at this place, as the compiler names it, where that is known.
    pub(super) name: Option<&'static str>,
    /// It asks which kind of value comes next, which the codec doesn't know.
    pub(super) asks: Option<SelfDescribing>,
    /// How many samples were rejected.
    pub(super) tries: usize,
    /// A sample without parts was made of it.
    pub(super) emptied: bool,
    /// How many levels the smallest value takes that can be made of it; `None` if none is known.
    height: Option<usize>,
}

/// What was asked for.
#[derive(Clone, Debug)]
pub(super) enum Form {
    Unseen,
    Plain(&'static str),
    Option(Id),
    Seq(Id),
    Map(Id, Id),
    Tuple(Vec<Id>),
    Struct(&'static str, Body),
    Enum(&'static str, Vec<Variant>),
    /// The same type as at another place, which was there first.
    Same(Id),
    /// Nothing: the type says that there is a part, and doesn't read it. serde's derives count a field's other names.
    Unread,
}

#[derive(Clone, Debug)]
pub(super) struct Variant {
    pub(super) name: &'static str,
    pub(super) body: Option<Body>,
    /// Rejected before its body was asked for.
    pub(super) opaque: bool,
    /// Rejected afterwards: it is known, and another is tried.
    pub(super) avoid: bool,
}

/// What stands behind the name of a struct or of a variant.
#[derive(Clone, Debug)]
pub(super) struct Body {
    /// The fields' names, if they have any.
    pub(super) fields: Option<&'static [&'static str]>,
    pub(super) parts: Vec<Id>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Graph {
    pub(super) nodes: Vec<Node>,
    /// Which type stands where: by all that can be known of it, so that two of one name are told apart.
    types: HashMap<String, Id>,
    keys: HashMap<Id, String>,
    /// Counts what was learned.
    pub(super) changes: usize,
    /// Counts the parts that were read.
    pub(super) reads: usize,
    steps: usize,
    looks: usize,
    /// The places that this pass is inside of.
    pub(super) stack: Vec<Id>,
    /// Where this pass made a choice, in order, and of which variant.
    pub(super) touched: Vec<(Id, usize)>,
    /// This pass has failed, for a reason that is dealt with.
    pub(super) ended: bool,
    /// Fields behind one that no value can be made for are read too, by their names.
    pub(super) by_names: bool,
    /// Each option, sequence and map is given without parts too, and each plain value is empty or zero.
    empties: bool,
    /// What `heights` was computed for.
    settled: usize,
}

impl Graph {
    pub(super) fn add(&mut self) -> Id {
        let (name, asks, height) = (None, None, None);
        self.nodes.push(Node {
            form: Form::Unseen,
            opaque: false,
            passed: false,
            name,
            asks,
            tries: 0,
            emptied: false,
            height,
        });
        self.nodes.len() - 1
    }

    pub(super) fn add_all(&mut self, count: usize) -> Vec<Id> {
        (0..count).map(|_| self.add()).collect()
    }

    /// The same graph for a second trace, which meets the empty sample of each place. What is there is known already.
    pub(super) fn with_empties(&self) -> Graph {
        let mut graph = Graph { empties: true, steps: 0, looks: 0, ..self.clone() };
        for node in graph.nodes.iter_mut().filter(|node| node.tries == 0 && !node.opaque) {
            if let Form::Plain(kind) = node.form {
                (node.tries, node.passed) = (samples::empty(kind), false);
            }
        }
        graph.changes += 1;
        graph
    }

    /// Notes that a sample without parts is made of the node.
    pub(super) fn empty(&mut self, id: Id) {
        self.changes += usize::from(self.empties && !self.nodes[id].emptied);
        self.nodes[id].emptied = true;
    }

    pub(super) fn begin(&mut self) {
        self.stack.clear();
        self.touched.clear();
        self.ended = false;
    }

    /// Counts a call; false when it is one too many, or too deep.
    pub(super) fn step(&mut self, new_nodes: usize) -> bool {
        self.steps += 1;
        let in_time = self.steps <= MOST_STEPS && self.looks <= MOST_LOOKS;
        in_time && self.nodes.len() + new_nodes <= MOST_NODES && self.stack.len() <= MOST_DEPTH
    }

    /// The node that stands for this one's type.
    pub(super) fn resolve(&self, id: Id) -> Id {
        match self.nodes[id].form {
            Form::Same(other) => other,
            _ => id,
        }
    }

    /// Where the type `key` is known from, if it is known and this isn't that place.
    pub(super) fn known(&self, id: Id, key: &str) -> Option<Id> {
        self.types.get(key).copied().filter(|known| *known != id)
    }

    pub(super) fn learn(&mut self, id: Id, key: String, form: Form) {
        self.types.insert(key.clone(), id);
        self.keys.insert(id, key);
        self.set(id, form);
    }

    pub(super) fn set(&mut self, id: Id, form: Form) {
        self.nodes[id].form = form;
        self.changes += 1;
    }

    /// Whether the node was learned as this type.
    pub(super) fn is(&self, id: Id, key: &str) -> bool {
        self.keys.get(&id).is_some_and(|known| known == key)
    }

    /// Takes note that what holds these parts was read, the ones that nobody has asked for left out.
    pub(super) fn read(&mut self, parts: &[Id]) {
        for &part in parts {
            if matches!(self.nodes[part].form, Form::Unseen) {
                self.nodes[part].passed = true;
                self.set(part, Form::Unread);
            }
        }
    }

    pub(super) fn make_opaque(&mut self, id: Id) {
        self.changes += usize::from(!self.nodes[id].opaque);
        self.nodes[id].opaque = true;
    }

    pub(super) fn passed(&mut self, id: Id) {
        self.changes += usize::from(!self.nodes[id].passed);
        self.nodes[id].passed = true;
    }

    /// How many levels the smallest value takes.
    pub(super) fn height(&mut self, id: Id) -> Option<usize> {
        if self.settled != self.changes {
            self.settle();
        }
        self.nodes[id].height
    }

    fn settle(&mut self) {
        self.settled = self.changes;
        self.nodes.iter_mut().for_each(|node| node.height = None);
        loop {
            self.looks += self.nodes.len();
            let mut changed = false;
            // Later nodes are mostly parts of earlier ones.
            for id in (0..self.nodes.len()).rev() {
                let height = self.height_of(id);
                changed |= self.nodes[id].height.is_none() && height.is_some();
                // The first that is found stays: what it was made of is there, and ends.
                self.nodes[id].height = self.nodes[id].height.or(height);
            }
            if !changed {
                return;
            }
        }
    }

    fn height_of(&self, id: Id) -> Option<usize> {
        let node = &self.nodes[id];
        let height = |id: &Id| self.nodes[*id].height;
        let tallest = |parts: &[Id]| parts.iter().try_fold(0, |most, part| Some(height(part)?.max(most)));
        let above = |height: Option<usize>| height.map(|height| height + 1);
        if node.opaque {
            return None;
        }
        match &node.form {
            Form::Unseen => None,
            Form::Plain(_) | Form::Unread => Some(0),
            Form::Option(_) | Form::Seq(_) | Form::Map(..) if node.tries == 0 => Some(0),
            Form::Option(part) | Form::Seq(part) => above(height(part)),
            Form::Map(key, value) => above(tallest(&[*key, *value])),
            Form::Tuple(parts) => above(tallest(parts)),
            Form::Struct(_, body) => above(tallest(&body.parts)),
            Form::Enum(_, variants) => {
                let known = variants.iter().filter(|variant| !variant.opaque && !variant.avoid);
                above(known.filter_map(|variant| tallest(&variant.body.as_ref()?.parts)).min())
            }
            Form::Same(other) => height(other),
        }
    }

    /// The variant of the smallest value.
    pub(super) fn smallest(&mut self, id: Id) -> Option<usize> {
        self.height(id)?;
        let Form::Enum(_, variants) = &self.nodes[id].form else { return None };
        let height = |variant: &Variant| {
            let parts = &variant.body.as_ref()?.parts;
            parts.iter().try_fold(0, |most, part| Some(self.nodes[*part].height?.max(most)))
        };
        let known = variants.iter().enumerate().filter(|(_, variant)| !variant.opaque && !variant.avoid);
        known.filter_map(|(at, variant)| Some((height(variant)?, at))).min().map(|(_, at)| at)
    }

    /// Whether there is anything left below this node that the next pass can learn.
    pub(super) fn needs(&mut self, id: Id) -> bool {
        if self.nodes[id].opaque {
            return false;
        }
        let below = match &self.nodes[id].form {
            Form::Unseen => true,
            Form::Plain(_) | Form::Same(_) | Form::Unread => false,
            Form::Option(part) | Form::Seq(part) => self.needs(*part),
            Form::Map(key, value) => self.any_needs(&[*key, *value]),
            Form::Tuple(parts) => self.any_needs(&parts.clone()),
            Form::Struct(_, body) => self.body_needs(&body.clone()),
            Form::Enum(..) => self.unexplored(id).is_some(),
        };
        let node = &self.nodes[id];
        let has_parts = matches!(node.form, Form::Option(_) | Form::Seq(_) | Form::Map(..));
        let empty = self.empties && has_parts && node.tries == 0 && !node.emptied;
        // What was asked for is known, and what the type says to it isn't yet.
        below || empty || !self.nodes[id].passed && self.height(id).is_some()
    }

    /// The parts are read one after the other: none behind one that no value can be made for.
    pub(super) fn any_needs(&mut self, parts: &[Id]) -> bool {
        for &part in parts {
            if self.needs(part) {
                return true;
            }
            if self.height(part).is_none() {
                return false;
            }
        }
        false
    }

    fn body_needs(&mut self, body: &Body) -> bool {
        match self.by_names && body.fields.is_some() {
            true => body.parts.iter().any(|&part| self.needs(part)),
            false => self.any_needs(&body.parts),
        }
    }

    /// The first field to learn something of behind one that no value can be made for.
    pub(super) fn behind(&mut self, fields: Option<&[&'static str]>, parts: &[Id]) -> Option<(&'static str, Id)> {
        let fields = fields.filter(|_| self.by_names)?;
        let blocked = parts.iter().position(|&part| self.height(part).is_none())?;
        if self.needs(parts[blocked]) {
            return None;
        }
        let mut later = fields.iter().zip(parts).skip(blocked + 1);
        later.find(|(_, part)| self.needs(**part)).map(|(field, part)| (*field, *part))
    }

    /// The first variant that the next pass can learn something of.
    pub(super) fn unexplored(&mut self, id: Id) -> Option<usize> {
        let Form::Enum(_, variants) = &self.nodes[id].form else { return None };
        let bodies: Vec<_> = variants.iter().map(|variant| (variant.opaque, variant.body.clone())).collect();
        bodies.iter().position(|(opaque, body)| match body {
            _ if *opaque => false,
            None => true,
            Some(body) => self.body_needs(body),
        })
    }

    /// Somebody rejected what this pass gave from `since` on: the last choice is made differently next time, or else
    /// nothing is known of the place.
    pub(super) fn blame(&mut self, place: Id, since: usize) {
        self.ended = true;
        let last = self.touched.get(since..).and_then(<[_]>::last).copied();
        if !last.is_some_and(|(id, variant)| self.advance(id, variant)) {
            self.make_opaque(place);
        }
    }

    fn advance(&mut self, id: Id, variant: usize) -> bool {
        self.changes += 1;
        let node = &mut self.nodes[id];
        match &mut node.form {
            Form::Plain(kind) => {
                node.tries += 1;
                node.tries < samples::count(kind)
            }
            Form::Option(_) | Form::Seq(_) | Form::Map(..) => {
                node.tries += 1;
                node.tries < samples::SIZES
            }
            Form::Enum(_, variants) => {
                let Some(variant) = variants.get_mut(variant) else { return false };
                match variant.body {
                    None => variant.opaque = true,
                    Some(_) => variant.avoid = true,
                }
                let is_left = |variant: &Variant| !variant.opaque && !variant.avoid;
                variants.iter().any(is_left)
            }
            _ => false,
        }
    }
}
