//! How a sample is written again: whether its enums' variants have the numbers by which they are read.
//!
//! serde's derives count all variants when they write, and those that aren't skipped when they read. Behind a
//! `#[serde(skip)]` variant each one is so read back as the next, without an error. A deserializer knows its variants' names in the
//! order of their numbers, and a serializer is told name and number.

use std::cell::RefCell;

use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use super::Misread;
use super::graph::{Form, Graph};
use super::trace::Stop;

/// Takes a value, and keeps what it finds wrong with its enums.
pub(super) struct Written<'a> {
    graph: &'a Graph,
    pub(super) misread: RefCell<Option<Misread>>,
}

impl<'a> Written<'a> {
    /// By what `graph` knows of the enums' reading.
    pub(super) fn to(graph: &'a Graph) -> Self {
        Written { graph, misread: RefCell::new(None) }
    }

    /// Holds a variant's number to those of the enums of that name. One that agrees is enough: two types may share it.
    fn variant(&self, name: &str, number: u32, variant: &str) {
        let mut misread = None;
        for node in &self.graph.nodes {
            let Form::Enum(known, variants) = &node.form else { continue };
            if *known != name || !variants.iter().any(|known| known.name == variant) {
                continue;
            }
            let read = match variants.get(number as usize) {
                Some(read) if read.name == variant => return,
                Some(read) => format!("and that number is read as `{}`", read.name),
                None => "and nothing is read by that number".to_string(),
            };
            let how = format!(
                "its variant `{variant}` is written as number {number}, {read}, as happens behind a `#[serde(skip)]` \
                 variant: move the skipped variants to the end"
            );
            misread = Some(Misread { name: name.to_string(), how });
        }
        let mut found = self.misread.borrow_mut();
        if found.is_none() {
            *found = misread;
        }
    }
}

macro_rules! plain {
    ($($method:ident: $ty:ty;)*) => {
        $(fn $method(self, _: $ty) -> Result<(), Stop> {
            Ok(())
        })*
    };
}

impl Serializer for &Written<'_> {
    type Ok = ();
    type Error = Stop;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

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
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), Stop> {
        value.serialize(self)
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
        value.serialize(self)
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
    ) -> Result<Self, Stop> {
        self.variant(name, number, variant);
        Ok(self)
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

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, Stop> {
        Ok(self)
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

macro_rules! compound {
    ($($trait:ident: $method:ident $(($name:ty))?;)*) => {
        $(impl $trait for &Written<'_> {
            type Ok = ();
            type Error = Stop;

            fn $method<T: Serialize + ?Sized>(&mut self, $(_: $name,)? value: &T) -> Result<(), Stop> {
                value.serialize(&**self)
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
    SerializeStruct: serialize_field (&'static str);
    SerializeStructVariant: serialize_field (&'static str);
}

impl SerializeMap for &Written<'_> {
    type Ok = ();
    type Error = Stop;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Stop> {
        key.serialize(&**self)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Stop> {
        value.serialize(&**self)
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
        Shape::both_ways::<T>().misread.map(|misread| format!("{}: {}", misread.name, misread.how))
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
}
