//! The tracer as serde's deserializer. It asks and answers as the codec does.

use std::any::type_name;

use serde::de::{Deserializer, Visitor};

use super::access::TracedVariant;
use super::graph::FieldStyle;
use super::samples;
use super::tracer::{PassEnd, Tracer, VisitorNames};
use crate::schema::shape::Scalar;

macro_rules! numbers {
    ($($method:ident $visit:ident $kind:ident;)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PassEnd> {
            let sample = self.scalar(Scalar::$kind)?;
            visitor.$visit(samples::number(sample).into())
        })*
    };
}

macro_rules! others {
    ($($method:ident $visit:ident $kind:ident $value:expr;)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PassEnd> {
            let sample = self.scalar(Scalar::$kind)?;
            visitor.$visit($value(sample))
        })*
    };
}

impl<'de> Deserializer<'de> for Tracer<'_> {
    type Error = PassEnd;

    numbers! {
        deserialize_u8 visit_u8 U8;
        deserialize_u16 visit_u16 U16;
        deserialize_u32 visit_u32 U32;
        deserialize_u64 visit_u64 U64;
        deserialize_u128 visit_u128 U128;
        deserialize_i16 visit_i16 I16;
        deserialize_i32 visit_i32 I32;
        deserialize_i64 visit_i64 I64;
        deserialize_i128 visit_i128 I128;
        deserialize_f32 visit_f32 F32;
        deserialize_f64 visit_f64 F64;
    }

    others! {
        deserialize_i8 visit_i8 I8 samples::signed_byte;
        deserialize_bool visit_bool Bool samples::bool;
        deserialize_char visit_char Char samples::char;
        deserialize_str visit_string Text samples::text;
        deserialize_string visit_string Text samples::text;
        deserialize_bytes visit_byte_buf Bytes samples::bytes;
        deserialize_byte_buf visit_byte_buf Bytes samples::bytes;
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PassEnd> {
        self.scalar(Scalar::Unit)?;
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, PassEnd> {
        self.structure(VisitorNames::of::<V>(), name, FieldStyle::Unit, 0)?;
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, PassEnd> {
        let (tracer, fields) = self.structure(VisitorNames::of::<V>(), name, FieldStyle::Newtype, 1)?;
        tracer.part(fields.nodes[0]).read(|part| visitor.visit_newtype_struct(part))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PassEnd> {
        match self.option(VisitorNames::of::<V>())? {
            None => visitor.visit_none(),
            Some(part) => part.read(|part| visitor.visit_some(part)),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PassEnd> {
        let (tracer, items) = self.sequence(VisitorNames::of::<V>())?;
        tracer.visit_items(items, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PassEnd> {
        let (tracer, entries) = self.map(VisitorNames::of::<V>())?;
        tracer.visit_entries(entries, visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, PassEnd> {
        let (tracer, fields) = self.tuple(VisitorNames::of::<V>(), len)?;
        tracer.visit_fields(fields, visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, PassEnd> {
        let (tracer, fields) = self.structure(VisitorNames::of::<V>(), name, FieldStyle::Tuple, len)?;
        tracer.visit_fields(fields, visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, PassEnd> {
        let (tracer, fields) = self.structure(VisitorNames::of::<V>(), name, FieldStyle::Named(names), names.len())?;
        tracer.visit_fields(fields, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, PassEnd> {
        let (tracer, variant, asked) = self.enumeration(VisitorNames::of::<V>(), name, variants)?;
        visitor.visit_enum(TracedVariant { tracer, variant, asked })
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, PassEnd> {
        Err(self.self_describing(type_name::<V::Value>(), false))
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, _: V) -> Result<V::Value, PassEnd> {
        Err(self.self_describing(type_name::<V::Value>(), true))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, PassEnd> {
        Err(self.self_describing(type_name::<V::Value>(), false))
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}
