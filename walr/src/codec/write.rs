//! The codec's serializer for values that aren't known to come back: it writes what bincode's own writes, notes it, and refuses
//! what a positional codec can't keep.

use std::fmt;
use std::mem::replace;

use bincode::config::{self, Configuration};
use bincode::enc::write::Writer;
use bincode::enc::{Encode, EncoderImpl};
use bincode::error::EncodeError;
use serde::ser::{Serialize, Serializer};

use super::compound::{Compound, Form};
use super::notes::{Notes, Part, Token};
use super::refusal::{Reason, Step};

/// Writes one value.
pub(super) struct Noting<'n, W: Writer> {
    to: EncoderImpl<W, Configuration>,
    pub(super) notes: &'n Notes,
    /// The next value is the whole one, whose parts have names in messages.
    outermost: bool,
}

/// Why writing stopped, on the heap: it is passed through each level of the value.
#[derive(Debug)]
pub(super) struct Stop(pub(super) Box<EncodeError>);

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Stop {}

impl serde::ser::Error for Stop {
    #[cold]
    fn custom<T: fmt::Display>(text: T) -> Stop {
        Stop(Box::new(EncodeError::OtherString(text.to_string())))
    }
}

impl From<EncodeError> for Stop {
    #[cold]
    fn from(error: EncodeError) -> Stop {
        Stop(Box::new(error))
    }
}

impl<'n, W: Writer> Noting<'n, W> {
    pub(super) fn new(to: W, notes: &'n Notes) -> Noting<'n, W> {
        Noting { to: EncoderImpl::new(to, config::standard()), notes, outermost: true }
    }

    #[inline]
    fn put(&mut self, value: impl Encode) -> Result<(), Stop> {
        value.encode(&mut self.to).map_err(Stop::from)
    }

    #[inline]
    fn put_noted(&mut self, token: Token, value: impl Encode) -> Result<(), Stop> {
        self.notes.token(token);
        self.put(value)
    }

    /// Writes what is behind one step of the value's path.
    #[inline]
    pub(super) fn within<T: Serialize + ?Sized>(&mut self, step: Step, value: &T) -> Result<(), Stop> {
        self.notes.enter(step);
        let written = value.serialize(&mut *self);
        self.notes.leave();
        written
    }

    #[cold]
    pub(super) fn refuse<T>(&self, reason: Reason) -> Result<T, Stop> {
        let error = serde::ser::Error::custom(&reason);
        self.notes.refuse(reason);
        Err(error)
    }

    /// Writes a variant's number. That of the whole value is the log's or the state's own, which walr's macros check.
    #[inline]
    fn variant(&mut self, name: &'static str, number: u32, variant: &'static str) -> Result<(), Stop> {
        if !self.outermost {
            self.notes.written.write(name, number, variant);
        }
        self.put_noted(Token::Variant, number)
    }

    #[inline]
    fn counted(&mut self, form: Form, len: Option<usize>) -> Result<Compound<'_, 'n, W>, Stop> {
        let Some(len) = len else { return self.refuse(Reason::NoLength) };
        self.put_noted(Token::Length, len)?;
        Ok(self.compound(form, len))
    }

    #[inline]
    fn compound(&mut self, form: Form, promised: usize) -> Compound<'_, 'n, W> {
        let outermost = replace(&mut self.outermost, false);
        Compound { to: self, outermost, form, promised, written: 0 }
    }
}

macro_rules! plain {
    ($($method:ident $ty:ty => $token:ident;)*) => {
        $(#[inline]
        fn $method(self, value: $ty) -> Result<(), Stop> {
            self.put_noted(Token::$token, value)
        })*
    };
}

impl<'a, 'n, W: Writer> Serializer for &'a mut Noting<'n, W> {
    type Ok = ();
    type Error = Stop;
    type SerializeSeq = Compound<'a, 'n, W>;
    type SerializeTuple = Compound<'a, 'n, W>;
    type SerializeTupleStruct = Compound<'a, 'n, W>;
    type SerializeTupleVariant = Compound<'a, 'n, W>;
    type SerializeMap = Compound<'a, 'n, W>;
    type SerializeStruct = Compound<'a, 'n, W>;
    type SerializeStructVariant = Compound<'a, 'n, W>;

    plain! {
        serialize_bool bool => Bool;
        serialize_u8 u8 => Byte;
        serialize_u16 u16 => Unsigned;
        serialize_u32 u32 => Unsigned;
        serialize_u64 u64 => Unsigned;
        serialize_u128 u128 => Unsigned;
        serialize_i16 i16 => Signed;
        serialize_i32 i32 => Signed;
        serialize_i64 i64 => Signed;
        serialize_i128 i128 => Signed;
        serialize_f32 f32 => F32;
        serialize_f64 f64 => F64;
        serialize_char char => Char;
    }

    #[inline]
    fn serialize_i8(self, value: i8) -> Result<(), Stop> {
        self.notes.signed_byte(value);
        self.put(value)
    }

    #[inline]
    fn serialize_str(self, value: &str) -> Result<(), Stop> {
        self.serialize_bytes(value.as_bytes())
    }

    #[inline]
    fn serialize_bytes(self, value: &[u8]) -> Result<(), Stop> {
        self.notes.token(Token::Length);
        self.notes.bytes(value.len());
        self.put(value)
    }

    fn serialize_unit(self) -> Result<(), Stop> {
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Stop> {
        Ok(())
    }

    #[inline]
    fn serialize_none(self) -> Result<(), Stop> {
        self.put_noted(Token::Option, 0u8)
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Stop> {
        self.put_noted(Token::Option, 1u8)?;
        self.outermost = false;
        self.within(Step::Some, value)
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), Stop> {
        // It isn't written: what it holds is the whole value, where it is.
        value.serialize(self)
    }

    #[inline]
    fn serialize_unit_variant(self, name: &'static str, number: u32, variant: &'static str) -> Result<(), Stop> {
        self.variant(name, number, variant)
    }

    #[inline]
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        number: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Stop> {
        self.variant(name, number, variant)?;
        if replace(&mut self.outermost, false) {
            self.notes.begin_part(Part { place: 0, key: None });
        }
        self.within(Step::Variant(variant), value)
    }

    #[inline]
    fn serialize_seq(self, len: Option<usize>) -> Result<Compound<'a, 'n, W>, Stop> {
        self.counted(Form::Seq, len)
    }

    #[inline]
    fn serialize_map(self, len: Option<usize>) -> Result<Compound<'a, 'n, W>, Stop> {
        self.counted(Form::Map, len)
    }

    #[inline]
    fn serialize_tuple(self, len: usize) -> Result<Compound<'a, 'n, W>, Stop> {
        Ok(self.compound(Form::Tuple, len))
    }

    #[inline]
    fn serialize_tuple_struct(self, name: &'static str, len: usize) -> Result<Compound<'a, 'n, W>, Stop> {
        Ok(self.compound(Form::Struct(name), len))
    }

    #[inline]
    fn serialize_tuple_variant(
        self,
        name: &'static str,
        number: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Compound<'a, 'n, W>, Stop> {
        self.variant(name, number, variant)?;
        Ok(self.compound(Form::Variant { name, variant }, len))
    }

    #[inline]
    fn serialize_struct(self, name: &'static str, len: usize) -> Result<Compound<'a, 'n, W>, Stop> {
        Ok(self.compound(Form::Struct(name), len))
    }

    #[inline]
    fn serialize_struct_variant(
        self,
        name: &'static str,
        number: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Compound<'a, 'n, W>, Stop> {
        self.variant(name, number, variant)?;
        Ok(self.compound(Form::Variant { name, variant }, len))
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}
