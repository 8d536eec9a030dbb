//! The writing of a compound value's parts.

use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant,
};

use super::notes::Notes;
use super::refusal::{PathStep, Reason};
use super::write::{EncodeError, ValueWriter};

#[derive(Clone, Copy)]
pub(super) enum CompoundKind {
    Seq,
    Map,
    Tuple,
    /// A struct with its name.
    Struct(&'static str),
    /// A variant with the name of its enum.
    Variant {
        name: &'static str,
        variant: &'static str,
    },
}

/// Writes the parts of a sequence, a map, a tuple, a struct or a variant.
pub(super) struct CompoundWriter<'a, 'n> {
    pub(super) to: &'a mut ValueWriter<'n>,
    pub(super) is_root: bool,
    pub(super) kind: CompoundKind,
    /// The number of parts that the `Serialize` announced.
    pub(super) promised: usize,
    /// The number of parts so far. An entry of a map is one part.
    pub(super) written: usize,
}

impl CompoundWriter<'_, '_> {
    #[inline]
    fn part<T: Serialize + ?Sized>(&mut self, step: PathStep, value: &T) -> Result<(), EncodeError> {
        self.written += 1;
        self.to.part(step, value)
    }

    #[inline]
    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        self.part(PathStep::Item, value)
    }

    #[inline]
    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        self.part(PathStep::Index(self.written), value)
    }

    #[inline]
    fn unnamed_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        self.field(None, value)
    }

    #[inline]
    fn field<T: Serialize + ?Sized>(&mut self, name: Option<&'static str>, value: &T) -> Result<(), EncodeError> {
        let step = name.map_or(PathStep::Index(self.written), PathStep::Field);
        let in_variant = self.begin_field(name);
        let written = self.part(step, value);
        if in_variant && let Some(notes) = self.to.notes {
            notes.leave();
        }
        written
    }

    /// Notes the begin of a field. Returns true if that entered a variant.
    #[inline]
    fn begin_field(&self, name: Option<&'static str>) -> bool {
        let Some(notes) = self.to.notes else { return false };
        if let Some(names) = notes.sample() {
            names.add_field(self.written, name);
        }
        match self.kind {
            _ if self.is_root => notes.begin_field(name),
            CompoundKind::Variant { variant, .. } => return notes.enter(PathStep::Variant(variant), 0),
            _ => {}
        }
        false
    }

    /// Ends a struct. Keeps the names of a sample's fields.
    #[inline]
    fn end_fields(&self) {
        if let Some(names) = self.to.notes.and_then(Notes::sample) {
            match self.kind {
                CompoundKind::Variant { name, variant } => names.add_struct(name, Some(variant)),
                CompoundKind::Struct(name) => names.add_struct(name, None),
                _ => {}
            }
        }
    }

    /// Refuses a number of parts that isn't the promised one. The number of a struct's fields is only a hint.
    #[inline]
    fn check_count(&self) -> Result<(), EncodeError> {
        if self.promised == self.written {
            return Ok(());
        }
        let kind = match self.kind {
            CompoundKind::Seq => "a sequence",
            CompoundKind::Map => "a map",
            CompoundKind::Tuple => "a tuple",
            CompoundKind::Struct(_) | CompoundKind::Variant { .. } => return Ok(()),
        };
        self.to.refuse(Reason::Promised { kind, promised: self.promised, written: self.written })
    }

    #[cold]
    fn skipped(&self, field: &'static str) -> Result<(), EncodeError> {
        let owner = match self.kind {
            CompoundKind::Struct(name) => name.to_string(),
            CompoundKind::Variant { name, variant } => format!("{name}::{variant}"),
            _ => "a tuple".to_string(),
        };
        self.to.refuse(Reason::Skipped { owner, field })
    }
}

macro_rules! unnamed_parts {
    ($($trait:ident $method:ident $write:ident;)*) => {
        $(impl $trait for CompoundWriter<'_, '_> {
            type Ok = ();
            type Error = EncodeError;

            #[inline]
            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
                self.$write(value)
            }

            #[inline]
            fn end(self) -> Result<(), EncodeError> {
                self.check_count()
            }
        })*
    };
}

unnamed_parts! {
    SerializeSeq serialize_element item;
    SerializeTuple serialize_element element;
    SerializeTupleStruct serialize_field unnamed_field;
    SerializeTupleVariant serialize_field unnamed_field;
}

macro_rules! named_fields {
    ($($trait:ident)*) => {
        $(impl $trait for CompoundWriter<'_, '_> {
            type Ok = ();
            type Error = EncodeError;

            #[inline]
            fn serialize_field<T>(&mut self, name: &'static str, value: &T) -> Result<(), EncodeError>
            where
                T: Serialize + ?Sized,
            {
                self.field(Some(name), value)
            }

            fn skip_field(&mut self, name: &'static str) -> Result<(), EncodeError> {
                self.skipped(name)
            }

            #[inline]
            fn end(self) -> Result<(), EncodeError> {
                self.end_fields();
                Ok(())
            }
        })*
    };
}

named_fields!(SerializeStruct SerializeStructVariant);

impl SerializeMap for CompoundWriter<'_, '_> {
    type Ok = ();
    type Error = EncodeError;

    #[inline]
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), EncodeError> {
        self.part(PathStep::Key, key)
    }

    #[inline]
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        self.to.part(PathStep::Value, value)
    }

    #[inline]
    fn end(self) -> Result<(), EncodeError> {
        self.check_count()
    }
}
