//! In which order the fields of a struct are written, held to the order in which they are read.
//!
//! A `Serialize` of the user's own may write fields in any order, which every format with names reads back. A positional codec
//! swaps them, and where they are of one kind no token shows it.

use std::cell::RefCell;
use std::collections::BTreeSet;

use serde::ser::{Serialize, SerializeStruct, SerializeStructVariant};

use super::flaws::Misread;
use super::graph::{Form, Graph};
use super::trace::Stop;
use super::written::Written;

/// A struct's name, that of the variant if it is one of an enum, and its fields as they were written.
type Struct = (&'static str, Option<&'static str>, Vec<&'static str>);

/// The structs that were written.
#[derive(Default)]
pub(super) struct Orders(RefCell<BTreeSet<Struct>>);

impl Orders {
    /// Holds them to the structs of that name that `graph` knows. One that agrees is enough: two types may share a name.
    pub(super) fn misread(&self, graph: &Graph) -> Option<Misread> {
        self.0.borrow().iter().find_map(|(name, variant, written)| {
            let mut lists = graph.nodes.iter().filter_map(|node| match (&node.form, variant) {
                (Form::Struct(known, body), None) if known == name => body.fields,
                (Form::Enum(known, variants), Some(variant)) if known == name => {
                    variants.iter().find(|known| known.name == *variant)?.body.as_ref()?.fields
                }
                _ => None,
            });
            let read = lists.next()?;
            if is_in_order(written, read) || lists.any(|read| is_in_order(written, read)) {
                return None;
            }
            let name = variant.map_or_else(|| (*name).to_string(), |variant| format!("{name}::{variant}"));
            let (written, read) = (written.join("`, `"), read.join("`, `"));
            let how = format!(
                "its fields are written in the order `{written}` and read in the order `{read}`, so that they would be \
                 swapped; write them in the order in which they are read"
            );
            Some(Misread { name, how })
        })
    }
}

/// Whether the fields that both know are in one order. Other names of a field stand beside it, and are not written.
fn is_in_order(written: &[&str], read: &[&str]) -> bool {
    let places = written.iter().filter_map(|field| read.iter().position(|known| known == field));
    places.is_sorted()
}

/// The fields of a struct, while they are written.
pub(super) struct Fields<'a> {
    written: &'a Written,
    name: &'static str,
    variant: Option<&'static str>,
    fields: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    pub(super) fn new(written: &'a Written, name: &'static str, variant: Option<&'static str>) -> Fields<'a> {
        Fields { written, name, variant, fields: Vec::new() }
    }

    fn field<T: Serialize + ?Sized>(&mut self, field: &'static str, value: &T) -> Result<(), Stop> {
        self.fields.push(field);
        self.written.take(value)
    }

    fn end(self) {
        self.written.orders.0.borrow_mut().insert((self.name, self.variant, self.fields));
    }
}

impl SerializeStruct for Fields<'_> {
    type Ok = ();
    type Error = Stop;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, field: &'static str, value: &T) -> Result<(), Stop> {
        self.field(field, value)
    }

    fn end(self) -> Result<(), Stop> {
        Fields::end(self);
        Ok(())
    }
}

impl SerializeStructVariant for Fields<'_> {
    type Ok = ();
    type Error = Stop;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, field: &'static str, value: &T) -> Result<(), Stop> {
        self.field(field, value)
    }

    fn end(self) -> Result<(), Stop> {
        Fields::end(self);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde::de::DeserializeOwned;
    use serde::{Deserialize, Serialize, Serializer};

    use super::super::Shape;
    use super::*;

    fn misread<T: Serialize + DeserializeOwned>() -> Option<String> {
        Shape::both_ways::<T>(|_| 0).1.misread.map(|misread| format!("{}: {}", misread.name, misread.how))
    }

    /// Written by hand, as a format with names doesn't mind.
    #[derive(Deserialize)]
    struct Transfer {
        from: u32,
        to: u32,
        #[serde(alias = "sum")]
        amount: u32,
    }

    impl Serialize for Transfer {
        fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
            let mut fields = to.serialize_struct("Transfer", 3)?;
            SerializeStruct::serialize_field(&mut fields, "to", &self.to)?;
            SerializeStruct::serialize_field(&mut fields, "from", &self.from)?;
            SerializeStruct::serialize_field(&mut fields, "amount", &self.amount)?;
            SerializeStruct::end(fields)
        }
    }

    #[derive(Serialize, Deserialize)]
    enum Order {
        Plain {
            #[serde(alias = "b")]
            z: u8,
            a: u8,
            #[serde(skip)]
            m: u8,
            #[serde(rename = "c")]
            b: u8,
        },
    }

    #[test]
    fn fields_that_are_written_in_another_order_are_found() {
        let found = misread::<Vec<(u8, Transfer)>>().unwrap_or_default();
        assert!(found.starts_with("Transfer: its fields are written in the order `to`, `from`, `amount`"), "{found}");
        assert!(found.contains("read in the order `from`, `to`, `amount`, `sum`"), "{found}");
    }

    #[test]
    fn other_names_and_skipped_fields_change_no_order() {
        assert_eq!(misread::<Vec<Order>>(), None);
    }
}
