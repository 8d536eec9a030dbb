//! How a sample is written again: whether its enums' variants have the numbers by which they are read.
//!
//! serde's derives count all variants when they write, and those that aren't skipped when they read. Behind a
//! `#[serde(skip)]` variant each one is so read back as the next, without an error. A deserializer knows its variants' names in the
//! order of their numbers, and a serializer is told name and number.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeTuple, SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use super::flaws::Misread;
use super::graph::{Form, Graph, Variant};
use super::order::{Fields, Orders};
use super::trace::Stop;
use crate::panic;

/// No more than so many parts of samples are looked at, nor deeper ones: what a `Serialize` of the user's own makes of a sample
/// may have no end.
const MOST_PARTS: usize = 1 << 20;
const MOST_DEPTH: usize = 256;

/// Takes values, and keeps by which numbers their enums' variants were written.
#[derive(Default)]
pub(super) struct Written {
    /// The enum's name, the variant's number, and its name.
    variants: RefCell<BTreeSet<(&'static str, u32, &'static str)>>,
    /// The structs, with their fields in order.
    pub(super) orders: Orders,
    parts: Cell<usize>,
    depth: Cell<usize>,
}

impl Written {
    /// Takes a value, and returns whether it took all of it. A value that can't be written is refused where it is written.
    pub(super) fn look_at<T: Serialize>(&self, value: &T) -> bool {
        // A panic leaves it as deep as it was.
        self.depth.set(0);
        panic::catch(|| self.take(value).is_ok()).unwrap_or(false)
    }

    /// Takes a value, or a part of one.
    pub(super) fn take<T: Serialize + ?Sized>(&self, value: &T) -> Result<(), Stop> {
        if self.parts.get() == MOST_PARTS || self.depth.get() == MOST_DEPTH {
            return Err(Stop);
        }
        self.parts.set(self.parts.get() + 1);
        let depth = self.depth.replace(self.depth.get() + 1);
        let taken = value.serialize(self);
        self.depth.set(depth);
        taken
    }

    fn variant(&self, name: &'static str, number: u32, variant: &'static str) {
        self.variants.borrow_mut().insert((name, number, variant));
    }

    /// Holds the variants' numbers to those of the enums of that name that `graph` knows. One that agrees is enough: two types
    /// may share a name.
    pub(super) fn misread(&self, graph: &Graph) -> Option<Misread> {
        self.misread_variant(graph).or_else(|| self.orders.misread(graph))
    }

    fn misread_variant(&self, graph: &Graph) -> Option<Misread> {
        let variants = self.variants.borrow();
        variants.iter().find_map(|&(name, number, variant)| {
            let mut misread = None;
            for node in &graph.nodes {
                let Form::Enum(known, variants) = &node.form else { continue };
                let Some(place) = variants.iter().position(|known| known.name == variant) else { continue };
                if *known != name {
                    continue;
                }
                if agrees(variants, place, number as usize) {
                    return None;
                }
                let read = match variants.get(number as usize) {
                    Some(read) if read.body.is_some() => format!("and that number is read as `{}`", read.name),
                    _ => "and nothing is read by that number".to_string(),
                };
                let how = format!(
                    "its variant `{variant}` is written as number {number}, {read}, as happens behind a `#[serde(skip)]` \
                     variant: move the skipped variants to the end"
                );
                misread = Some(Misread { name: name.to_string(), how });
            }
            misread
        })
    }
}

/// Whether the variant whose name is at `place` may be read by this number. Each other name that serde is told of a variant is
/// a name too, and only the numbers show how many variants there are; which of them has several names isn't known.
fn agrees(variants: &[Variant], place: usize, number: usize) -> bool {
    let rejected = |variant: &&Variant| variant.opaque;
    let most = variants.len() - variants.iter().rev().take_while(rejected).count();
    let others = variants.iter().filter(|variant| variant.body.is_none()).count();
    number < most && place.saturating_sub(others) <= number && number <= place
}

macro_rules! plain {
    ($($method:ident: $ty:ty;)*) => {
        $(fn $method(self, _: $ty) -> Result<(), Stop> {
            Ok(())
        })*
    };
}

impl<'a> Serializer for &'a Written {
    type Ok = ();
    type Error = Stop;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Fields<'a>;
    type SerializeStructVariant = Fields<'a>;

    plain! {
        serialize_bool: bool;
        serialize_i8: i8;
        serialize_i16: i16;
        serialize_i32: i32;
        serialize_i64: i64;
        serialize_i128: i128;
        serialize_u8: u8;
        serialize_u16: u16;
        serialize_u32: u32;
        serialize_u64: u64;
        serialize_u128: u128;
        serialize_f32: f32;
        serialize_f64: f64;
        serialize_char: char;
        serialize_str: &str;
        serialize_bytes: &[u8];
        serialize_unit_struct: &'static str;
    }

    fn serialize_unit(self) -> Result<(), Stop> {
        Ok(())
    }

    fn serialize_none(self) -> Result<(), Stop> {
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Stop> {
        self.take(value)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), Stop> {
        self.take(value)
    }

    fn serialize_unit_variant(self, name: &'static str, number: u32, variant: &'static str) -> Result<(), Stop> {
        self.variant(name, number, variant);
        Ok(())
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        number: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Stop> {
        self.variant(name, number, variant);
        self.take(value)
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        number: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Self, Stop> {
        self.variant(name, number, variant);
        Ok(self)
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        number: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Fields<'a>, Stop> {
        self.variant(name, number, variant);
        Ok(Fields::new(self, name, Some(variant)))
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self, Stop> {
        Ok(self)
    }

    fn serialize_tuple(self, _: usize) -> Result<Self, Stop> {
        Ok(self)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self, Stop> {
        Ok(self)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self, Stop> {
        Ok(self)
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Fields<'a>, Stop> {
        Ok(Fields::new(self, name, None))
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

macro_rules! compound {
    ($($trait:ident: $method:ident;)*) => {
        $(impl $trait for &Written {
            type Ok = ();
            type Error = Stop;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Stop> {
                self.take(value)
            }

            fn end(self) -> Result<(), Stop> {
                Ok(())
            }
        })*
    };
}

compound! {
    SerializeSeq: serialize_element;
    SerializeTuple: serialize_element;
    SerializeTupleStruct: serialize_field;
    SerializeTupleVariant: serialize_field;
}

impl SerializeMap for &Written {
    type Ok = ();
    type Error = Stop;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Stop> {
        self.take(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Stop> {
        self.take(value)
    }

    fn end(self) -> Result<(), Stop> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::net::IpAddr;
    use std::ops::Bound;

    use serde::de::DeserializeOwned;
    use serde::{Deserialize, Serialize};

    use super::super::Shape;

    fn misread<T: Serialize + DeserializeOwned>() -> Option<String> {
        Shape::both_ways::<T>(|_| 0).1.misread.map(|misread| format!("{}: {}", misread.name, misread.how))
    }

    #[derive(Serialize, Deserialize)]
    #[expect(dead_code)]
    enum Door {
        Open,
        #[serde(skip)]
        Imagined,
        Shut {
            by: Option<String>,
        },
        Broken(u8),
    }

    /// One that is only named alike, and right.
    mod other {
        use serde::{Deserialize, Serialize};

        #[derive(Serialize, Deserialize)]
        pub(super) enum Door {
            Open,
            Imagined,
            Shut { by: u8 },
            Broken(Box<Door>),
        }
    }

    #[derive(Serialize, Deserialize)]
    #[expect(dead_code)]
    enum Last {
        Open,
        Broken(u8),
        #[serde(skip)]
        Imagined,
    }

    #[test]
    fn what_is_written_as_it_is_read_is_fine() {
        assert_eq!(misread::<other::Door>(), None);
        assert_eq!(misread::<(Last, BTreeMap<String, Option<Last>>)>(), None);
        assert_eq!(misread::<(IpAddr, Bound<u8>, Result<u8, String>)>(), None);
    }

    #[test]
    fn a_variant_behind_a_skipped_one_is_found_wherever_it_is() {
        let found = misread::<Door>().unwrap_or_default();
        assert!(found.starts_with("Door: its variant `Shut` is written as number 2"), "{found}");
        assert!(found.contains("read as `Broken`"), "{found}");
        for found in [misread::<(u8, Vec<Door>)>(), misread::<BTreeMap<u8, (Last, Option<Door>)>>()] {
            assert!(found.is_some());
        }
    }

    #[derive(Serialize, Deserialize)]
    enum Renamed {
        #[serde(alias = "Closed", alias = "Locked")]
        Shut,
        #[serde(alias = "Ajar")]
        Open(u8),
        Broken,
    }

    #[derive(Serialize, Deserialize)]
    #[expect(dead_code)]
    enum RenamedAndSkipped {
        Shut,
        #[serde(skip)]
        Imagined,
        #[serde(alias = "Ajar")]
        Open(u8),
    }

    #[test]
    fn other_names_of_a_variant_are_no_variants() {
        assert_eq!(misread::<Renamed>(), None);
        assert_eq!(misread::<Vec<(u8, Option<Renamed>)>>(), None);
        assert!(misread::<RenamedAndSkipped>().is_some());
    }

    /// One that never comes to an end, for a sample.
    #[derive(Deserialize)]
    struct Endless(u8);

    impl Serialize for Endless {
        fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
            let mut all = serde::Serializer::serialize_seq(to, None)?;
            loop {
                serde::ser::SerializeSeq::serialize_element(&mut all, &self.0)?;
            }
        }
    }

    /// One that has itself in it, for a sample.
    #[derive(Deserialize)]
    struct Bottomless(u8);

    impl Serialize for Bottomless {
        fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
            to.serialize_some(&Bottomless(self.0))
        }
    }

    #[test]
    fn what_has_no_end_when_it_is_written_is_left() {
        assert_eq!(misread::<Endless>(), None);
        assert!(misread::<(Door, Bottomless)>().is_some());
    }
}
