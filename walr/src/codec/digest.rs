//! Digests of values: 64 bits that differ if two runs of a program made different values.
//!
//! The log holds digests, and other processes, programs and machines compare them. So these rules never change, and a test holds them
//! to golden values:
//!
//! - `mix(a, b)` is the product of `a ^ LEFT` and `b ^ RIGHT` in 128 bits, its upper half XORed with its lower half.
//! - An integer of up to 64 bits (sign-extended), a `bool` as 0 or 1, a `char` as its number, and a float by its bits:
//!   `mix(WORD, bits)`. All NaNs are one value, because Rust doesn't promise their bits. 128 bits: `mix(mix(WORD, low), high)`.
//! - Text and bytes: `d = mix(d ^ first, second)` for each 16 bytes as two little-endian words, zeros after the last ones, beginning
//!   with `d = BYTES`; then `mix(d, length)`.
//! - `()` is `UNIT`, `None` is `NONE`, `Some(v)` is `mix(SOME, v)`. A newtype is its value.
//! - A tuple or a struct: `d = mix(d, part)` for each part in order, beginning with `d = PARTS`, and with `SKIPPED` for a skipped
//!   field. A variant begins with `d = mix(VARIANT, number)`.
//! - A sequence or a map: the sum of `mix(ELEMENT, element)`, and then `mix(sum, length)`. An element of a map is
//!   `mix(key, value)`. The order is left out, because each process iterates a `HashSet` in another order.
//!
//! Digests find mistakes, but not forgery.

mod bytes;

use std::fmt;

use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use self::bytes::ByteDigest;

const LEFT: u64 = 0x9e37_79b9_7f4a_7c15;
const RIGHT: u64 = 0xd1b5_4a32_d192_ed03;

const WORD: u64 = 1;
const BYTES: u64 = 2;
const UNIT: u64 = 3;
const NONE: u64 = 4;
const SOME: u64 = 5;
const PARTS: u64 = 6;
const VARIANT: u64 = 7;
const ELEMENT: u64 = 8;
const SKIPPED: u64 = 9;

const NAN_32: u32 = 0x7fc0_0000;
const NAN_64: u64 = 0x7ff8_0000_0000_0000;

/// The most values inside each other. A deeper value has no digest: a caller's stack may be too small for it.
const DEPTH_MAX: u32 = 256;

/// Returns the digest of `value`, or `None` if its `Serialize` returns an error, or it is too deep.
pub(crate) fn digest<T: Serialize + ?Sized>(value: &T) -> Option<u64> {
    value.serialize(DigestSerializer { depth: 0 }).ok()
}

/// Combines two digests. The order counts.
#[inline]
pub(crate) fn mix(first: u64, second: u64) -> u64 {
    let product = u128::from(first ^ LEFT) * u128::from(second ^ RIGHT);
    product as u64 ^ (product >> 64) as u64
}

/// The reason that a value has no digest.
#[derive(Debug)]
struct NoDigest;

impl fmt::Display for NoDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the value has no digest")
    }
}

impl std::error::Error for NoDigest {}

impl serde::ser::Error for NoDigest {
    fn custom<T: fmt::Display>(_: T) -> NoDigest {
        NoDigest
    }
}

/// A serializer that returns the digest of a value, and keeps nothing of the value.
#[derive(Clone, Copy)]
struct DigestSerializer {
    /// The number of values around this one.
    depth: u32,
}

impl DigestSerializer {
    /// Digests a value inside of this one.
    #[inline]
    fn inner<T: Serialize + ?Sized>(self, value: &T) -> Result<u64, NoDigest> {
        if self.depth == DEPTH_MAX {
            return Err(NoDigest);
        }
        value.serialize(DigestSerializer { depth: self.depth + 1 })
    }

    fn parts(self, digest: u64) -> Result<OrderedParts, NoDigest> {
        Ok(OrderedParts { whole: self, digest })
    }

    fn elements(self) -> Result<UnorderedParts, NoDigest> {
        Ok(UnorderedParts { whole: self, sum: 0, length: 0, key: 0 })
    }
}

/// The digest of the parts so far of a tuple, a struct or a variant.
struct OrderedParts {
    whole: DigestSerializer,
    digest: u64,
}

impl OrderedParts {
    #[inline]
    fn part<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), NoDigest> {
        self.digest = mix(self.digest, self.whole.inner(value)?);
        Ok(())
    }
}

/// The sum over the elements so far of a sequence or a map.
struct UnorderedParts {
    whole: DigestSerializer,
    sum: u64,
    length: u64,
    /// The digest of the key whose value comes next.
    key: u64,
}

impl UnorderedParts {
    #[inline]
    fn add(&mut self, element: u64) {
        // XOR would cancel equal elements.
        self.sum = self.sum.wrapping_add(mix(ELEMENT, element));
        self.length += 1;
    }
}

macro_rules! words {
    ($($method:ident $ty:ty => $bits:expr;)*) => {
        $(#[inline]
        fn $method(self, value: $ty) -> Result<u64, NoDigest> {
            let bits: fn($ty) -> u64 = $bits;
            Ok(mix(WORD, bits(value)))
        })*
    };
}

impl Serializer for DigestSerializer {
    type Ok = u64;
    type Error = NoDigest;
    type SerializeSeq = UnorderedParts;
    type SerializeTuple = OrderedParts;
    type SerializeTupleStruct = OrderedParts;
    type SerializeTupleVariant = OrderedParts;
    type SerializeMap = UnorderedParts;
    type SerializeStruct = OrderedParts;
    type SerializeStructVariant = OrderedParts;

    words! {
        serialize_bool bool => u64::from;
        serialize_i8 i8 => |value| value as u64;
        serialize_i16 i16 => |value| value as u64;
        serialize_i32 i32 => |value| value as u64;
        serialize_i64 i64 => |value| value as u64;
        serialize_u8 u8 => u64::from;
        serialize_u16 u16 => u64::from;
        serialize_u32 u32 => u64::from;
        serialize_u64 u64 => u64::from;
        serialize_f32 f32 => |value| u64::from(if value.is_nan() { NAN_32 } else { value.to_bits() });
        serialize_f64 f64 => |value| if value.is_nan() { NAN_64 } else { value.to_bits() };
        serialize_char char => u64::from;
    }

    fn serialize_u128(self, value: u128) -> Result<u64, NoDigest> {
        Ok(mix(mix(WORD, value as u64), (value >> 64) as u64))
    }

    fn serialize_i128(self, value: i128) -> Result<u64, NoDigest> {
        self.serialize_u128(value as u128)
    }

    #[inline]
    fn serialize_str(self, value: &str) -> Result<u64, NoDigest> {
        self.serialize_bytes(value.as_bytes())
    }

    #[inline]
    fn serialize_bytes(self, value: &[u8]) -> Result<u64, NoDigest> {
        Ok(bytes::digest(value))
    }

    /// Digests the text in pieces. The default would allocate it.
    fn collect_str<T: fmt::Display + ?Sized>(self, value: &T) -> Result<u64, NoDigest> {
        let mut digest = ByteDigest::new();
        fmt::write(&mut digest, format_args!("{value}")).map_err(|_| NoDigest)?;
        Ok(digest.end())
    }

    fn serialize_unit(self) -> Result<u64, NoDigest> {
        Ok(UNIT)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<u64, NoDigest> {
        Ok(UNIT)
    }

    #[inline]
    fn serialize_none(self) -> Result<u64, NoDigest> {
        Ok(NONE)
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<u64, NoDigest> {
        Ok(mix(SOME, self.inner(value)?))
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<u64, NoDigest> {
        self.inner(value)
    }

    #[inline]
    fn serialize_unit_variant(self, _: &'static str, number: u32, _: &'static str) -> Result<u64, NoDigest> {
        Ok(mix(VARIANT, number.into()))
    }

    #[inline]
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        number: u32,
        _: &'static str,
        value: &T,
    ) -> Result<u64, NoDigest> {
        Ok(mix(mix(VARIANT, number.into()), self.inner(value)?))
    }

    #[inline]
    fn serialize_seq(self, _: Option<usize>) -> Result<UnorderedParts, NoDigest> {
        self.elements()
    }

    #[inline]
    fn serialize_map(self, _: Option<usize>) -> Result<UnorderedParts, NoDigest> {
        self.elements()
    }

    #[inline]
    fn serialize_tuple(self, _: usize) -> Result<OrderedParts, NoDigest> {
        self.parts(PARTS)
    }

    #[inline]
    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<OrderedParts, NoDigest> {
        self.parts(PARTS)
    }

    #[inline]
    fn serialize_struct(self, _: &'static str, _: usize) -> Result<OrderedParts, NoDigest> {
        self.parts(PARTS)
    }

    #[inline]
    fn serialize_tuple_variant(
        self,
        _: &'static str,
        number: u32,
        _: &'static str,
        _: usize,
    ) -> Result<OrderedParts, NoDigest> {
        self.parts(mix(VARIANT, number.into()))
    }

    #[inline]
    fn serialize_struct_variant(
        self,
        _: &'static str,
        number: u32,
        _: &'static str,
        _: usize,
    ) -> Result<OrderedParts, NoDigest> {
        self.parts(mix(VARIANT, number.into()))
    }

    /// Returns false, as the codec does: a type then writes the same parts as into the log.
    fn is_human_readable(&self) -> bool {
        false
    }
}

macro_rules! ordered_parts {
    ($($trait:ident $method:ident $(, $name:ident: $ty:ty)?;)*) => {
        $(impl $trait for OrderedParts {
            type Ok = u64;
            type Error = NoDigest;

            #[inline]
            fn $method<T: Serialize + ?Sized>(&mut self, $($name: $ty,)? value: &T) -> Result<(), NoDigest> {
                self.part(value)
            }

            $(fn skip_field(&mut self, $name: $ty) -> Result<(), NoDigest> {
                self.digest = mix(self.digest, SKIPPED);
                Ok(())
            })?

            #[inline]
            fn end(self) -> Result<u64, NoDigest> {
                Ok(self.digest)
            }
        })*
    };
}

ordered_parts! {
    SerializeTuple serialize_element;
    SerializeTupleStruct serialize_field;
    SerializeTupleVariant serialize_field;
    SerializeStruct serialize_field, _name: &'static str;
    SerializeStructVariant serialize_field, _name: &'static str;
}

impl SerializeSeq for UnorderedParts {
    type Ok = u64;
    type Error = NoDigest;

    #[inline]
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), NoDigest> {
        let element = self.whole.inner(value)?;
        self.add(element);
        Ok(())
    }

    #[inline]
    fn end(self) -> Result<u64, NoDigest> {
        Ok(mix(self.sum, self.length))
    }
}

impl SerializeMap for UnorderedParts {
    type Ok = u64;
    type Error = NoDigest;

    #[inline]
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), NoDigest> {
        self.key = self.whole.inner(key)?;
        Ok(())
    }

    #[inline]
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), NoDigest> {
        let value = self.whole.inner(value)?;
        self.add(mix(self.key, value));
        Ok(())
    }

    #[inline]
    fn end(self) -> Result<u64, NoDigest> {
        Ok(mix(self.sum, self.length))
    }
}

#[cfg(test)]
mod tests;
