//! Why a value is refused, in words.

use std::fmt::{self, Display};

use super::notes::{Part, Token};
use super::self_describing::SelfDescribing;
use crate::error::Error;

/// A value that can't be encoded, or would not come back.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    /// "encoded", "decoded again" and the like.
    pub(crate) step: &'static str,
    /// The part of the outermost struct or variant at which it was found.
    pub(crate) part: Option<Part>,
    pub(crate) reason: Reason,
}

impl Refusal {
    pub(super) fn new(step: &'static str, reason: Reason) -> Refusal {
        Refusal { step, part: None, reason }
    }

    /// Of an encoding that failed with this text.
    pub(crate) fn encoding(text: String) -> Refusal {
        Refusal::new("encoded", Reason::Other(text))
    }

    /// The error about `what`.
    pub(crate) fn of(self, what: String) -> Error {
        Error::Codec { what, step: self.step, reason: self.reason.to_string() }
    }

    /// The error about the state `name`, or about its field that is to blame.
    pub(crate) fn of_state(self, name: &str) -> Error {
        let what = match self.part {
            Some(Part { key: Some(key), .. }) => format!("`{name}.{key}`"),
            Some(Part { place, key: None }) => format!("`{name}.{place}`"),
            None => format!("`{name}`"),
        };
        self.of(what)
    }

    /// The error about a call of `mutation`, or about its argument that is to blame.
    pub(crate) fn of_call(self, mutation: &str, params: &[(&str, &str)]) -> Error {
        let param = self.part.and_then(|part| params.get(part.place));
        let what = match param {
            Some((param, _)) => format!("the argument `{param}` of `{mutation}`"),
            None => format!("`{mutation}`"),
        };
        self.of(what)
    }

    /// Whether one value is enough to refuse its type, because a sound type has no such value. A trace looks for misread
    /// variants in its own way, which tells more of them.
    pub(crate) fn is_of_the_type(&self) -> bool {
        !matches!(self.reason, Reason::Other(_) | Reason::Misread { .. })
    }
}

/// What is wrong.
#[derive(Clone, Debug)]
pub(crate) enum Reason {
    /// `skip_serializing_if` left a field out.
    Skipped { owner: String, field: &'static str },
    /// A sequence, a map or a tuple has another number of parts than its `Serialize` announced.
    Promised { kind: &'static str, promised: usize, written: usize },
    /// A sequence or a map whose length isn't known when it begins.
    NoLength,
    /// A `Deserialize` that asks which kind of value comes next.
    SelfDescribing(SelfDescribing),
    /// What is written isn't what is read, from this place on.
    Parted { path: Vec<Step>, written: Option<Token>, read: Option<Token> },
    /// The same, where the place isn't known.
    Changed,
    /// A variant that is read as another one.
    Misread { name: &'static str, number: u32, variant: &'static str },
    /// What the codec says, or the type itself.
    Other(String),
}

impl Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Skipped { owner, field } => write!(
                f,
                "the field `{field}` of `{owner}` was skipped, and the fields behind it would be read in its place; remove \
                 `skip_serializing_if`: an empty field takes a byte"
            ),
            Reason::Promised { kind, promised, written } => write!(
                f,
                "the `Serialize` of {kind} promised {promised} parts and wrote {written}; make its length the number of parts"
            ),
            Reason::NoLength => f.write_str(
                "a sequence or a map is written without its length, as `flatten` does; write its length first, or collect \
                 the parts before",
            ),
            Reason::SelfDescribing(asked) => asked.fmt(f),
            Reason::Parted { path, written, read } => {
                let name = |token: &Option<Token>| token.map_or("nothing", Token::name);
                let path = match path_of(path) {
                    path if path.is_empty() => "it".to_string(),
                    path => format!("`{path}`"),
                };
                let (written, read) = (name(written), name(read));
                write!(
                    f,
                    "{path} is written as {written} and read as {read}, so that another value would come back; make its \
                     `Serialize` and its `Deserialize` agree"
                )
            }
            Reason::Changed => f.write_str(
                "it isn't read as it is written, so that another value would come back; make its `Serialize` and its \
                 `Deserialize` agree",
            ),
            Reason::Misread { name, number, variant } => write!(
                f,
                "the variant `{variant}` of `{name}` is written as number {number} and read as another one; move the variants \
                 with `#[serde(skip)]` to the end"
            ),
            Reason::Other(text) => write!(f, "{text}; only what can be written and read back can be stored"),
        }
    }
}

/// A step on the way from a value to one of its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Field(&'static str),
    Place(usize),
    Variant(&'static str),
    Some,
    Item,
    Key,
    Value,
}

impl Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Field(name) | Step::Variant(name) => f.write_str(name),
            Step::Place(place) => place.fmt(f),
            Step::Some => f.write_str("some"),
            Step::Item => f.write_str("item"),
            Step::Key => f.write_str("key"),
            Step::Value => f.write_str("value"),
        }
    }
}

/// The steps as a path: `jobs.value.payload`.
pub(crate) fn path_of(steps: &[Step]) -> String {
    steps.iter().map(Step::to_string).collect::<Vec<_>>().join(".")
}
