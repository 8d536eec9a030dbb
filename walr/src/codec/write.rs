//! The codec's serializer: it writes bincode's standard encoding, notes what is written where that is to be compared with what is read
//! back, and refuses what a positional codec can't keep.

use std::fmt;
use std::io;
use std::mem::replace;

use serde::ser::{Serialize, Serializer};

use super::compound::{Compound, Form};
use super::notes::{Notes, Part, Token};
use super::refusal::{Reason, Step};
use super::varint;

/// The bytes that a stream is handed at once.
const PIECE: usize = 64 << 10;

/// Writes one value.
///
/// One type for buffers and streams, with notes and without: the code of each type of the user's is compiled once for it.
pub(super) struct Writer<'a> {
    bytes: &'a mut Vec<u8>,
    /// The stream that `bytes` go to, piece by piece.
    to: Option<&'a mut dyn io::Write>,
    /// `None` where nothing is compared.
    pub(super) notes: Option<&'a Notes>,
    /// The next value is the whole one, whose parts have names in messages.
    outermost: bool,
}

/// Why writing stopped, on the heap: it is passed through each level of the value.
#[derive(Debug)]
pub(super) struct Stop(pub(super) Box<Unwritten>);

#[derive(Debug)]
pub(super) enum Unwritten {
    Io(io::Error),
    Text(String),
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Unwritten::Io(error) => error.fmt(f),
            Unwritten::Text(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for Stop {}

impl serde::ser::Error for Stop {
    #[cold]
    fn custom<T: fmt::Display>(text: T) -> Stop {
        Stop(Box::new(Unwritten::Text(text.to_string())))
    }
}

impl<'a> Writer<'a> {
    /// Makes a writer that appends to `bytes`.
    pub(super) fn to_buffer(bytes: &'a mut Vec<u8>, notes: Option<&'a Notes>) -> Writer<'a> {
        Writer { bytes, to: None, notes, outermost: true }
    }

    /// Makes a writer to a stream, with `bytes` as the buffer before it.
    pub(super) fn to_stream(bytes: &'a mut Vec<u8>, to: &'a mut dyn io::Write, notes: Option<&'a Notes>) -> Writer<'a> {
        Writer { bytes, to: Some(to), notes, outermost: true }
    }

    /// Writes the value.
    pub(super) fn whole<T: Serialize + ?Sized>(mut self, value: &T) -> Result<(), Stop> {
        value.serialize(&mut self)?;
        self.hand_over(1)
    }

    #[inline]
    fn put(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        self.bytes.extend_from_slice(bytes);
        self.hand_over(PIECE)
    }

    #[inline]
    fn unsigned(&mut self, token: Token, value: u64) -> Result<(), Stop> {
        self.note(token);
        varint::put(value, self.bytes);
        self.hand_over(PIECE)
    }

    /// Hands the buffered bytes over to the stream, if there are so many and there is a stream.
    #[inline]
    fn hand_over(&mut self, least: usize) -> Result<(), Stop> {
        if self.bytes.len() >= least
            && let Some(to) = &mut self.to
        {
            to.write_all(self.bytes).map_err(|error| Stop(Box::new(Unwritten::Io(error))))?;
            self.bytes.clear();
        }
        Ok(())
    }

    #[inline]
    fn note(&self, token: Token) {
        if let Some(notes) = self.notes {
            notes.token(token);
        }
    }

    pub(super) fn begin_part(&self, part: Part) {
        if let Some(notes) = self.notes {
            notes.begin_part(part);
        }
    }

    /// Writes a value that is one step behind another one.
    #[inline]
    pub(super) fn within<T: Serialize + ?Sized>(&mut self, step: Step, value: &T) -> Result<(), Stop> {
        let Some(notes) = self.notes else { return value.serialize(self) };
        notes.enter(step);
        let written = value.serialize(&mut *self);
        notes.leave();
        written
    }

    #[cold]
    pub(super) fn refuse<T>(&self, reason: Reason) -> Result<T, Stop> {
        let error = serde::ser::Error::custom(&reason);
        if let Some(notes) = self.notes {
            notes.refuse(reason);
        }
        Err(error)
    }

    /// Writes a variant's number. That of the whole value is the log's or the state's own, which walr's macros check.
    #[inline]
    fn variant(&mut self, name: &'static str, number: u32, variant: &'static str) -> Result<(), Stop> {
        if !self.outermost
            && let Some(notes) = self.notes
        {
            notes.written.write(name, number, variant);
        }
        self.unsigned(Token::Variant, number.into())
    }

    #[inline]
    fn counted(&mut self, form: Form, len: Option<usize>) -> Result<Compound<'_, 'a>, Stop> {
        let Some(len) = len else { return self.refuse(Reason::NoLength) };
        self.unsigned(Token::Length, len as u64)?;
        Ok(self.compound(form, len))
    }

    #[inline]
    fn compound(&mut self, form: Form, promised: usize) -> Compound<'_, 'a> {
        let outermost = replace(&mut self.outermost, false);
        Compound { to: self, outermost, form, promised, written: 0 }
    }
}

macro_rules! integers {
    ($($method:ident $ty:ty => $token:ident $as_unsigned:expr;)*) => {
        $(#[inline]
        fn $method(self, value: $ty) -> Result<(), Stop> {
            self.unsigned(Token::$token, $as_unsigned(value))
        })*
    };
}

impl<'a, 'n> Serializer for &'a mut Writer<'n> {
    type Ok = ();
    type Error = Stop;
    type SerializeSeq = Compound<'a, 'n>;
    type SerializeTuple = Compound<'a, 'n>;
    type SerializeTupleStruct = Compound<'a, 'n>;
    type SerializeTupleVariant = Compound<'a, 'n>;
    type SerializeMap = Compound<'a, 'n>;
    type SerializeStruct = Compound<'a, 'n>;
    type SerializeStructVariant = Compound<'a, 'n>;

    integers! {
        serialize_u16 u16 => Unsigned u64::from;
        serialize_u32 u32 => Unsigned u64::from;
        serialize_u64 u64 => Unsigned u64::from;
        serialize_i16 i16 => Signed |value| varint::to_unsigned(i64::from(value));
        serialize_i32 i32 => Signed |value| varint::to_unsigned(i64::from(value));
        serialize_i64 i64 => Signed varint::to_unsigned;
    }

    fn serialize_u128(self, value: u128) -> Result<(), Stop> {
        self.note(Token::Unsigned);
        varint::put_128(value, self.bytes);
        self.hand_over(PIECE)
    }

    fn serialize_i128(self, value: i128) -> Result<(), Stop> {
        self.note(Token::Signed);
        varint::put_128(varint::to_unsigned_128(value), self.bytes);
        self.hand_over(PIECE)
    }

    #[inline]
    fn serialize_bool(self, value: bool) -> Result<(), Stop> {
        self.note(Token::Bool);
        self.put(&[value.into()])
    }

    #[inline]
    fn serialize_u8(self, value: u8) -> Result<(), Stop> {
        self.note(Token::Byte);
        self.put(&[value])
    }

    #[inline]
    fn serialize_i8(self, value: i8) -> Result<(), Stop> {
        if let Some(notes) = self.notes {
            notes.signed_byte(value);
        }
        self.put(&[value as u8])
    }

    #[inline]
    fn serialize_f32(self, value: f32) -> Result<(), Stop> {
        self.note(Token::F32);
        self.put(&value.to_le_bytes())
    }

    #[inline]
    fn serialize_f64(self, value: f64) -> Result<(), Stop> {
        self.note(Token::F64);
        self.put(&value.to_le_bytes())
    }

    fn serialize_char(self, value: char) -> Result<(), Stop> {
        self.note(Token::Char);
        self.put(value.encode_utf8(&mut [0; 4]).as_bytes())
    }

    #[inline]
    fn serialize_str(self, value: &str) -> Result<(), Stop> {
        self.serialize_bytes(value.as_bytes())
    }

    #[inline]
    fn serialize_bytes(self, value: &[u8]) -> Result<(), Stop> {
        self.unsigned(Token::Length, value.len() as u64)?;
        if let Some(notes) = self.notes {
            notes.bytes(value.len());
        }
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
        self.note(Token::Option);
        self.put(&[0])
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Stop> {
        self.note(Token::Option);
        self.put(&[1])?;
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
            self.begin_part(Part { place: 0, key: None });
        }
        self.within(Step::Variant(variant), value)
    }

    #[inline]
    fn serialize_seq(self, len: Option<usize>) -> Result<Compound<'a, 'n>, Stop> {
        self.counted(Form::Seq, len)
    }

    #[inline]
    fn serialize_map(self, len: Option<usize>) -> Result<Compound<'a, 'n>, Stop> {
        self.counted(Form::Map, len)
    }

    #[inline]
    fn serialize_tuple(self, len: usize) -> Result<Compound<'a, 'n>, Stop> {
        Ok(self.compound(Form::Tuple, len))
    }

    #[inline]
    fn serialize_tuple_struct(self, name: &'static str, len: usize) -> Result<Compound<'a, 'n>, Stop> {
        Ok(self.compound(Form::Struct(name), len))
    }

    #[inline]
    fn serialize_tuple_variant(
        self,
        name: &'static str,
        number: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Compound<'a, 'n>, Stop> {
        self.variant(name, number, variant)?;
        Ok(self.compound(Form::Variant { name, variant }, len))
    }

    #[inline]
    fn serialize_struct(self, name: &'static str, len: usize) -> Result<Compound<'a, 'n>, Stop> {
        Ok(self.compound(Form::Struct(name), len))
    }

    #[inline]
    fn serialize_struct_variant(
        self,
        name: &'static str,
        number: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Compound<'a, 'n>, Stop> {
        self.variant(name, number, variant)?;
        Ok(self.compound(Form::Variant { name, variant }, len))
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}
