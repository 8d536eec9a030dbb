//! How generated code writes and reads a log value: its arguments one by one, so that an argument that can't be recorded
//! is one error, at its own type.

use std::fmt::{self, Debug};
use std::marker::PhantomData;

use serde::de::{
    DeserializeOwned, DeserializeSeed, EnumAccess, Error as _, IgnoredAny, MapAccess, SeqAccess, VariantAccess, Visitor,
};
use serde::ser::SerializeStructVariant;
use serde::{Deserialize, Deserializer, Serialize};

/// What a mutation's parameter must be, in its owned form.
///
/// Generated code calls it as `<T as Argument>::…` with the span of the parameter's type: every failing call is then the
/// same error, which rustc shows once.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be recorded as a mutation's argument",
    label = "is not `Serialize + DeserializeOwned + Clone + Debug + Send`",
    note = "derive `Serialize`, `Deserialize`, `Clone` and `Debug` for it, or take the parts that can be recorded"
)]
pub trait Argument: Sized {
    /// Writes the argument under its name.
    fn put<T: SerializeStructVariant>(&self, name: &'static str, to: &mut T) -> Result<(), T::Error>;
    /// Reads it.
    fn take<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error>;
    /// A clone.
    fn copy(&self) -> Self;
    /// Its `Debug` form.
    fn debug(&self) -> &dyn Debug;

    // Of a slice: what it holds is asked, and not the `Vec`, so that what can't be recorded is one error.

    /// Writes a slice of arguments under its name.
    fn put_all<T: SerializeStructVariant>(all: &[Self], name: &'static str, to: &mut T) -> Result<(), T::Error>;
    /// Reads it.
    fn take_all<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Self>, D::Error>;
    /// Clones of all.
    fn copy_all(all: &[Self]) -> Vec<Self>;
    /// Their `Debug` form.
    #[expect(clippy::ptr_arg, reason = "a slice has no size, and can't be a `dyn Debug`")]
    fn debug_all(all: &Vec<Self>) -> &dyn Debug;
}

// Not recommended, so that the message is ours and not that of the first missing trait.
#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned + Clone + Debug + Send + 'static> Argument for T {
    fn put<S: SerializeStructVariant>(&self, name: &'static str, to: &mut S) -> Result<(), S::Error> {
        to.serialize_field(name, self)
    }

    fn take<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        T::deserialize(from)
    }

    fn copy(&self) -> Self {
        self.clone()
    }

    fn debug(&self) -> &dyn Debug {
        self
    }

    fn put_all<S: SerializeStructVariant>(all: &[Self], name: &'static str, to: &mut S) -> Result<(), S::Error> {
        to.serialize_field(name, all)
    }

    fn take_all<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Self>, D::Error> {
        <Vec<T> as Deserialize>::deserialize(from)
    }

    fn copy_all(all: &[Self]) -> Vec<Self> {
        all.to_vec()
    }

    fn debug_all(all: &Vec<Self>) -> &dyn Debug {
        all
    }
}

/// The variants of a generated log.
pub trait Variants: Sized {
    /// The log's own name.
    const NAME: &'static str;
    /// The variants' names, in order.
    const NAMES: &'static [&'static str];

    /// Reads the variant at `place`.
    fn take<'de, A: VariantAccess<'de>>(place: usize, access: A) -> Result<Self, A::Error>;
}

/// The arguments of one variant while they are read: a slot for each.
pub trait Arguments: Sized {
    /// The log that they make.
    type Log;
    /// The arguments' names, in order.
    const NAMES: &'static [&'static str];

    /// No slot filled.
    fn empty() -> Self;
    /// Reads the argument at `place` into its slot.
    fn fill<'de, D: Deserializer<'de>>(&mut self, place: usize, from: D) -> Result<(), D::Error>;
    /// The log value, or the name of the argument that is missing.
    fn log(self) -> Result<Self::Log, &'static str>;
}

/// Reads a log value.
pub fn log<'de, L: Variants, D: Deserializer<'de>>(from: D) -> Result<L, D::Error> {
    from.deserialize_enum(L::NAME, L::NAMES, LogVisitor(PhantomData))
}

/// Reads the arguments of a variant.
pub fn arguments<'de, F: Arguments, A: VariantAccess<'de>>(access: A) -> Result<F::Log, A::Error> {
    access.struct_variant(F::NAMES, ArgumentsVisitor::<F>(PhantomData))
}

/// The error of a place that no variant and no argument has.
pub fn unknown<E: serde::de::Error>(place: usize) -> E {
    E::custom(format_args!("there is nothing at place {place}"))
}

struct LogVisitor<L>(PhantomData<L>);

impl<'de, L: Variants> Visitor<'de> for LogVisitor<L> {
    type Value = L;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "enum {}", L::NAME)
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<L, A::Error> {
        match data.variant_seed(Place(L::NAMES))? {
            (Some(place), access) => L::take(place, access),
            (None, _) => Err(A::Error::custom(format_args!("no such variant; expected one of {:?}", L::NAMES))),
        }
    }
}

struct ArgumentsVisitor<F>(PhantomData<F>);

impl<'de, F: Arguments> Visitor<'de> for ArgumentsVisitor<F> {
    type Value = F::Log;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the arguments {}", F::NAMES.join(", "))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<F::Log, A::Error> {
        let mut slots = F::empty();
        for place in 0..F::NAMES.len() {
            if seq.next_element_seed(Fill { slots: &mut slots, place })?.is_none() {
                return Err(A::Error::invalid_length(place, &self));
            }
        }
        slots.log().map_err(A::Error::missing_field)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<F::Log, A::Error> {
        let mut slots = F::empty();
        while let Some(place) = map.next_key_seed(Place(F::NAMES))? {
            match place {
                Some(place) => map.next_value_seed(Fill { slots: &mut slots, place })?,
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        slots.log().map_err(A::Error::missing_field)
    }
}

struct Fill<'a, F> {
    slots: &'a mut F,
    place: usize,
}

impl<'de, F: Arguments> DeserializeSeed<'de> for Fill<'_, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        self.slots.fill(self.place, from)
    }
}

/// Which of the names an identifier means, by itself or by its place.
struct Place(&'static [&'static str]);

impl<'de> DeserializeSeed<'de> for Place {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Option<usize>, D::Error> {
        from.deserialize_identifier(self)
    }
}

impl Visitor<'_> for Place {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name or a place")
    }

    fn visit_u64<E>(self, place: u64) -> Result<Option<usize>, E> {
        Ok(usize::try_from(place).ok().filter(|&place| place < self.0.len()))
    }

    fn visit_str<E>(self, name: &str) -> Result<Option<usize>, E> {
        Ok(self.0.iter().position(|&known| known == name))
    }

    fn visit_bytes<E>(self, name: &[u8]) -> Result<Option<usize>, E> {
        Ok(self.0.iter().position(|known| known.as_bytes() == name))
    }
}
