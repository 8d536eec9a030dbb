//! The parts of a compound value, while they are written.

use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant,
};

use super::notes::Part;
use super::refusal::{Reason, Step};
use super::write::{Stop, Writer};

/// What a compound is.
#[derive(Clone, Copy)]
pub(super) enum Form {
    Seq,
    Map,
    Tuple,
    /// A struct of this name.
    Struct(&'static str),
    /// A variant, and its enum's name.
    Variant {
        name: &'static str,
        variant: &'static str,
    },
}

/// The parts of a sequence, a map, a tuple, a struct or a variant.
pub(super) struct Compound<'a, 'n> {
    pub(super) to: &'a mut Writer<'n>,
    pub(super) outermost: bool,
    pub(super) form: Form,
    /// How many parts there are, as the `Serialize` said.
    pub(super) promised: usize,
    /// How many parts were written; of a map, how many keys.
    pub(super) written: usize,
}

impl Compound<'_, '_> {
    #[inline]
    fn part<T: Serialize + ?Sized>(&mut self, step: Step, value: &T) -> Result<(), Stop> {
        self.written += 1;
        self.to.within(step, value)
    }

    #[inline]
    fn field<T: Serialize + ?Sized>(&mut self, key: Option<&'static str>, value: &T) -> Result<(), Stop> {
        let place = self.written;
        let step = key.map_or(Step::Place(place), Step::Field);
        if self.outermost {
            self.to.begin_part(Part { place, key });
            return self.part(step, value);
        }
        match self.form {
            Form::Variant { variant, .. } if let Some(notes) = self.to.notes => {
                notes.enter(Step::Variant(variant));
                let written = self.part(step, value);
                notes.leave();
                written
            }
            _ => self.part(step, value),
        }
    }

    /// Refuses a number of parts that isn't the promised one. A struct's number of fields is only a hint.
    #[inline]
    fn check_count(&self) -> Result<(), Stop> {
        if self.promised == self.written {
            return Ok(());
        }
        let kind = match self.form {
            Form::Seq => "a sequence",
            Form::Map => "a map",
            Form::Tuple => "a tuple",
            Form::Struct(_) | Form::Variant { .. } => return Ok(()),
        };
        self.to.refuse(Reason::Promised { kind, promised: self.promised, written: self.written })
    }

    #[cold]
    fn skipped(&self, field: &'static str) -> Result<(), Stop> {
        let owner = match self.form {
            Form::Struct(name) => name.to_string(),
            Form::Variant { name, variant } => format!("{name}::{variant}"),
            _ => "a tuple".to_string(),
        };
        self.to.refuse(Reason::Skipped { owner, field })
    }
}

macro_rules! elements {
    ($($trait:ident $step:expr;)*) => {
        $(impl $trait for Compound<'_, '_> {
            type Ok = ();
            type Error = Stop;

            #[inline]
            fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Stop> {
                self.part($step(self.written), value)
            }

            #[inline]
            fn end(self) -> Result<(), Stop> {
                self.check_count()
            }
        })*
    };
}

elements! {
    SerializeSeq |_| Step::Item;
    SerializeTuple Step::Place;
}

macro_rules! fields {
    ($($trait:ident;)*) => {
        $(impl $trait for Compound<'_, '_> {
            type Ok = ();
            type Error = Stop;

            #[inline]
            fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Stop> {
                self.field(None, value)
            }

            #[inline]
            fn end(self) -> Result<(), Stop> {
                Ok(())
            }
        })*
    };
}

fields! {
    SerializeTupleStruct;
    SerializeTupleVariant;
}

macro_rules! named_fields {
    ($($trait:ident;)*) => {
        $(impl $trait for Compound<'_, '_> {
            type Ok = ();
            type Error = Stop;

            #[inline]
            fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), Stop> {
                self.field(Some(key), value)
            }

            fn skip_field(&mut self, key: &'static str) -> Result<(), Stop> {
                self.skipped(key)
            }

            #[inline]
            fn end(self) -> Result<(), Stop> {
                Ok(())
            }
        })*
    };
}

named_fields! {
    SerializeStruct;
    SerializeStructVariant;
}

impl SerializeMap for Compound<'_, '_> {
    type Ok = ();
    type Error = Stop;

    #[inline]
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Stop> {
        self.part(Step::Key, key)
    }

    #[inline]
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Stop> {
        self.to.within(Step::Value, value)
    }

    #[inline]
    fn end(self) -> Result<(), Stop> {
        self.check_count()
    }
}
