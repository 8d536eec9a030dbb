//! The form of a type in a program, and the comparison of two forms: that of the program that wrote, and that of the reader.

use crate::schema::bytes::{SchemaReader, put_text};
use crate::schema::shape::{Shape, difference, rename_hint};

/// The two descriptions of a type.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TypeForm {
    /// The type in the source, for messages, and for comparison where the shape is incomplete.
    pub(crate) written: String,
    pub(crate) shape: Shape,
}

impl TypeForm {
    /// Returns the form of a type of which only the source is known.
    #[cfg(test)]
    pub(crate) fn opaque(written: &str) -> TypeForm {
        TypeForm { written: written.to_string(), shape: Shape::opaque() }
    }

    /// Returns whether an encoding of this type can be read as the type `now`. Incomplete shapes are compared by the source too.
    pub(crate) fn reads_as(&self, now: &TypeForm) -> bool {
        self.shape.reads_as(&now.shape) && (self.shape.is_complete() || self.written == now.written)
    }

    /// Returns both types for a message: in the source, if they differ there.
    pub(crate) fn beside(&self, other: &TypeForm) -> (String, String) {
        match self.written == other.written {
            true => difference(&self.shape.text(), &other.shape.text()),
            false => difference(&self.written, &other.written),
        }
    }

    /// Returns the end of a message: how `now` can keep the names of this type, if the two differ only by names.
    pub(crate) fn rename_hint(&self, now: &TypeForm) -> String {
        rename_hint(&self.shape.renames(&now.shape).unwrap_or_default())
    }

    /// Appends the form's encoding.
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        put_text(&self.written, out);
        self.shape.put(out);
    }

    pub(super) fn take(from: &mut SchemaReader<'_>) -> Option<TypeForm> {
        Some(TypeForm { written: from.text()?, shape: Shape::take(from)? })
    }
}
