//! The deserializer that writes down what it is asked for, and answers with samples. It asks and answers as the codec does.

use std::any::type_name;
use std::cell::RefCell;
use std::fmt;

use serde::de::{Deserializer, Visitor};

use super::access::{Chosen, Named, Parts};
use super::graph::{Body, Form, Graph, Id, Variant};
use super::samples;
use crate::codec::SelfDescribing;

/// A pass ends here. What to learn from it is in the graph.
#[derive(Debug)]
pub(super) struct Stop;

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the type's shape is being traced")
    }
}

impl std::error::Error for Stop {}

impl serde::ser::Error for Stop {
    fn custom<T: fmt::Display>(_: T) -> Stop {
        Stop
    }
}

impl serde::de::Error for Stop {
    fn custom<T: fmt::Display>(_: T) -> Stop {
        Stop
    }
}

/// Stands at one place.
#[derive(Clone, Copy)]
pub(super) struct Tracer<'a> {
    pub(super) graph: &'a RefCell<Graph>,
    pub(super) at: Id,
    /// Nothing is to be learned here: the smallest value is wanted.
    pub(super) fill: bool,
}

impl<'a> Tracer<'a> {
    /// Lets `read` deserialize what stands at this place, and looks who is to blame for an error.
    pub(super) fn read<T>(self, read: impl FnOnce(Self) -> Result<T, Stop>) -> Result<T, Stop> {
        let since = {
            let mut graph = self.graph.borrow_mut();
            graph.stack.push(self.at);
            graph.reads += 1;
            graph.touched.len()
        };
        let value = read(self);
        let mut graph = self.graph.borrow_mut();
        graph.stack.pop();
        match value {
            Ok(_) => graph.passed(self.at),
            Err(_) if graph.ended => {}
            Err(_) => graph.blame(self.at, since),
        }
        value
    }

    /// Ends the pass without blaming anybody.
    pub(super) fn stop<T>(self) -> Result<T, Stop> {
        self.graph.borrow_mut().ended = true;
        Err(Stop)
    }

    /// Ends the pass, because nothing can be known of this place.
    pub(super) fn opaque<T>(self) -> Result<T, Stop> {
        self.graph.borrow_mut().make_opaque(self.at);
        self.stop()
    }

    /// Notes that the type at this place asks which kind of value comes next.
    fn self_describing<'de, V: Visitor<'de>>(self, by_names: bool) -> Result<V::Value, Stop> {
        self.self_describing_as(type_name::<V::Value>(), by_names)
    }

    fn self_describing_as<T>(self, asked: &'static str, by_names: bool) -> Result<T, Stop> {
        self.graph.borrow_mut().nodes[self.at].asks = Some(SelfDescribing { asked, by_names });
        self.opaque()
    }

    /// Notes that a value of this kind is asked for, and returns how many samples were rejected.
    fn plain(self, kind: &'static str) -> Result<usize, Stop> {
        let mut graph = self.graph.borrow_mut();
        let within = graph.step(0);
        match graph.nodes[self.at].form {
            Form::Unseen if within => graph.set(self.at, Form::Plain(kind)),
            Form::Plain(known) if known == kind && within && !graph.nodes[self.at].opaque => {}
            _ => {
                drop(graph);
                return self.opaque();
            }
        }
        graph.touched.push((self.at, 0));
        Ok(graph.nodes[self.at].tries)
    }

    /// Notes that a compound is asked for, by a visitor `V`; the place where its type was met first, from where to go on.
    fn compound<'de, V: Visitor<'de>>(
        self,
        kind: &str,
        names: &[&str],
        new_nodes: usize,
        form: impl FnOnce(&mut Graph) -> Form,
    ) -> Result<Tracer<'a>, Stop> {
        let key = format!("{kind} {names:?} {} {}", type_name::<V>(), type_name::<V::Value>());
        let mut graph = self.graph.borrow_mut();
        graph.nodes[self.at].name.get_or_insert(type_name::<V::Value>());
        if !graph.step(new_nodes) || graph.nodes[self.at].opaque {
            drop(graph);
            return self.opaque();
        }
        if matches!(graph.nodes[self.at].form, Form::Unseen) {
            match graph.known(self.at, &key) {
                Some(known) => graph.set(self.at, Form::Same(known)),
                None => {
                    let form = form(&mut graph);
                    graph.learn(self.at, key.clone(), form);
                }
            }
        }
        let place = graph.resolve(self.at);
        if !graph.is(place, &key) {
            // What it asks for depends on what it was given.
            drop(graph);
            return self.opaque();
        }
        let same = place != self.at;
        if (same || self.fill) && graph.height(place).is_none() {
            // No value of it can be made yet.
            drop(graph);
            return self.stop();
        }
        Ok(Tracer { at: place, fill: self.fill || same, ..self })
    }

    pub(super) fn part(self, at: Id) -> Tracer<'a> {
        Tracer { at, ..self }
    }

    /// A part for which a `T` is read. A seed that keeps what it reads has no type to tell.
    pub(super) fn typed_part<T>(self, at: Id) -> Tracer<'a> {
        let name = Some(type_name::<T>()).filter(|name| *name != "()");
        let known = &mut self.graph.borrow_mut().nodes[at].name;
        *known = known.or(name);
        self.part(at)
    }

    pub(super) fn parts(self, parts: Vec<Id>) -> Parts<'a> {
        Parts { tracer: self, parts: parts.into_iter() }
    }

    /// Lets `visitor` read these parts, which may have names.
    pub(super) fn visit<'de, V: Visitor<'de>>(
        self,
        fields: Option<&'static [&'static str]>,
        parts: Vec<Id>,
        visitor: V,
    ) -> Result<V::Value, Stop> {
        let behind = self.graph.borrow_mut().behind(fields, &parts);
        match behind {
            Some((field, part)) if reads_alike::<V>() => return self.read_named(field, part, visitor),
            Some((_, part)) => {
                self.graph.borrow_mut().make_opaque(part);
                return self.stop();
            }
            None => {}
        }
        let before = self.graph.borrow().reads;
        match visitor.visit_seq(self.parts(parts.clone())) {
            Ok(value) => {
                self.graph.borrow_mut().read(&parts);
                Ok(value)
            }
            Err(_) if !parts.is_empty() && self.graph.borrow().reads == before => {
                // It doesn't take its fields in their order, and nothing else is offered to it.
                self.self_describing_as(type_name::<V::Value>(), true)
            }
            Err(stop) => Err(stop),
        }
    }

    /// Lets `visitor` read one field alone, by its name.
    fn read_named<'de, V: Visitor<'de>>(self, field: &'static str, part: Id, visitor: V) -> Result<V::Value, Stop> {
        let changes = self.graph.borrow().changes;
        let value = visitor.visit_map(Named { tracer: self, field: Some(field), part });
        if self.graph.borrow().changes == changes {
            // It doesn't know the name, or reads nothing by names. It isn't asked again.
            self.graph.borrow_mut().make_opaque(part);
        }
        value.or_else(|_| self.stop())
    }

    /// How many parts a sequence, a map or an option of these gets.
    fn size(self, part: &[Id]) -> usize {
        let mut graph = self.graph.borrow_mut();
        graph.touched.push((self.at, 0));
        let explores = !self.fill && graph.any_needs(part);
        let size = graph.nodes[self.at].tries.max(usize::from(explores));
        if size == 0 {
            graph.empty(self.at);
        }
        size
    }

    fn structure<'de, V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: Option<&'static [&'static str]>,
        len: usize,
    ) -> Result<(Tracer<'a>, Vec<Id>), Stop> {
        let names = fields.unwrap_or_default();
        let place = self.compound::<V>(&format!("struct {name} {len}"), names, len, |graph| {
            Form::Struct(name, Body { fields, parts: graph.add_all(len) })
        })?;
        match &self.graph.borrow().nodes[place.at].form {
            Form::Struct(_, body) => Ok((place, body.parts.clone())),
            _ => Err(Stop),
        }
    }
}

/// Whether a visitor reads a field by its name as it reads it in order: one of serde's derive, or of walr's. Others may not, and what
/// they do with names is nothing to a codec without names.
fn reads_alike<V>() -> bool {
    let name = type_name::<V>();
    name.contains("::__Visitor") || name.contains("::ArgumentsVisitor<")
}

macro_rules! numbers {
    ($($method:ident $visit:ident $kind:literal;)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
            let tries = self.plain($kind)?;
            visitor.$visit(samples::number(tries).into())
        })*
    };
}

impl<'de> Deserializer<'de> for Tracer<'_> {
    type Error = Stop;

    numbers! {
        deserialize_u8 visit_u8 "u8";
        deserialize_u16 visit_u16 "u16";
        deserialize_u32 visit_u32 "u32";
        deserialize_u64 visit_u64 "u64";
        deserialize_u128 visit_u128 "u128";
        deserialize_i16 visit_i16 "i16";
        deserialize_i32 visit_i32 "i32";
        deserialize_i64 visit_i64 "i64";
        deserialize_i128 visit_i128 "i128";
        deserialize_f32 visit_f32 "f32";
        deserialize_f64 visit_f64 "f64";
    }

    fn deserialize_i8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        let tries = self.plain("i8")?;
        visitor.visit_i8(samples::number(tries) as i8)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        let tries = self.plain("bool")?;
        visitor.visit_bool(tries > 0)
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        let tries = self.plain("char")?;
        visitor.visit_char(samples::char(tries))
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        self.deserialize_string(visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        let tries = self.plain("string")?;
        visitor.visit_string(samples::text(tries))
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        self.deserialize_byte_buf(visitor)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        let tries = self.plain("bytes")?;
        visitor.visit_byte_buf(samples::bytes(tries))
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        self.plain("()")?;
        visitor.visit_unit()
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        let place = self.compound::<V>("option", &[], 1, |graph| Form::Option(graph.add()))?;
        let Form::Option(part) = place.graph.borrow().nodes[place.at].form else { return Err(Stop) };
        match place.size(&[part]) {
            0 => visitor.visit_none(),
            _ => place.part(part).read(|part| visitor.visit_some(part)),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Stop> {
        self.structure::<V>(name, None, 0)?;
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Stop> {
        let (place, parts) = self.structure::<V>(name, None, 1)?;
        place.part(parts[0]).read(|part| visitor.visit_newtype_struct(part))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        let place = self.compound::<V>("seq", &[], 1, |graph| Form::Seq(graph.add()))?;
        let Form::Seq(part) = place.graph.borrow().nodes[place.at].form else { return Err(Stop) };
        let parts = vec![part; place.size(&[part])];
        visitor.visit_seq(place.parts(parts))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Stop> {
        let place = self.compound::<V>(&format!("tuple {len}"), &[], len, |graph| Form::Tuple(graph.add_all(len)))?;
        let parts = match &place.graph.borrow().nodes[place.at].form {
            Form::Tuple(parts) => parts.clone(),
            _ => return Err(Stop),
        };
        place.visit(None, parts, visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Stop> {
        let (place, parts) = self.structure::<V>(name, None, len)?;
        place.visit(None, parts, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        let place = self.compound::<V>("map", &[], 2, |graph| {
            let (key, value) = (graph.add(), graph.add());
            Form::Map(key, value)
        })?;
        let Form::Map(key, value) = place.graph.borrow().nodes[place.at].form else { return Err(Stop) };
        let entries = [key, value].repeat(place.size(&[key, value]));
        visitor.visit_map(place.parts(entries))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Stop> {
        let (place, parts) = self.structure::<V>(name, Some(fields), fields.len())?;
        place.visit(Some(fields), parts, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Stop> {
        let variant = |&name: &&'static str| Variant { name, body: None, opaque: false, avoid: false };
        let place = self.compound::<V>(&format!("enum {name}"), variants, variants.len(), |_| {
            Form::Enum(name, variants.iter().map(variant).collect())
        })?;
        let chosen = {
            let mut graph = self.graph.borrow_mut();
            let unexplored = if place.fill { None } else { graph.unexplored(place.at) };
            unexplored.or_else(|| graph.smallest(place.at))
        };
        let Some(chosen) = chosen else { return self.stop() };
        self.graph.borrow_mut().touched.push((place.at, chosen));
        visitor.visit_enum(Chosen { tracer: place, variant: chosen })
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Stop> {
        self.self_describing::<V>(false)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Stop> {
        self.self_describing::<V>(true)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Stop> {
        self.self_describing::<V>(false)
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}
