//! The reasons to refuse a value, and their messages.

use std::fmt::{self, Display};

use super::notes::{RootField, Token};
use super::self_describing::SelfDescribing;
use crate::error::Error;

/// A value that can't be encoded, or would be read as another one.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    /// The step that failed, for the message: "encoded", "decoded again" and the like.
    pub(crate) step: &'static str,
    /// The field in which it failed, if that is known.
    pub(crate) field: Option<RootField>,
    pub(crate) reason: Reason,
}

impl Refusal {
    pub(super) fn new(step: &'static str, reason: Reason) -> Refusal {
        Refusal { step, field: None, reason }
    }

    /// Returns the refusal of a value whose encoding failed with this text.
    pub(crate) fn encoding(text: String) -> Refusal {
        Refusal::new("encoded", Reason::Other(text))
    }

    /// Returns the error about `what`.
    pub(crate) fn of(self, what: String) -> Error {
        Error::Codec { what, step: self.step, reason: self.reason.to_string() }
    }

    /// Returns the error about the state `name`, or about its field.
    pub(crate) fn of_state(self, name: &str) -> Error {
        let what = match self.field {
            Some(RootField { name: Some(field), .. }) => format!("`{name}.{field}`"),
            Some(RootField { index, name: None }) => format!("`{name}.{index}`"),
            None => format!("`{name}`"),
        };
        self.of(what)
    }

    /// Returns the error about a call of `mutation`, or about its argument.
    pub(crate) fn of_call(self, mutation: &str, params: &[(&str, &str)]) -> Error {
        let param = self.field.and_then(|field| params.get(field.index));
        let what = match param {
            Some((param, _)) => format!("the argument `{param}` of `{mutation}`"),
            None => format!("`{mutation}`"),
        };
        self.of(what)
    }

    /// Returns whether this value is reason enough to refuse its type, because a sound type has no such value. A trace finds
    /// misread variants by itself, with a better message.
    pub(crate) fn is_of_the_type(&self) -> bool {
        !matches!(self.reason, Reason::Other(_) | Reason::Misread { .. })
    }
}

/// The reason to refuse a value.
#[derive(Clone, Debug)]
pub(crate) enum Reason {
    /// `skip_serializing_if` left a field out.
    Skipped { owner: String, field: &'static str },
    /// A sequence, a map or a tuple has another number of parts than its `Serialize` announced.
    Promised { kind: &'static str, promised: usize, written: usize },
    /// A sequence or a map was begun without its length.
    NoLength,
    /// A `Deserialize` asks for the type of the next value.
    SelfDescribing(SelfDescribing),
    /// From this part on, the tokens that were read differ from those that were written.
    Differs { path: Vec<PathStep>, written: Option<Token>, read: Option<Token> },
    /// The same, in an unknown part.
    Changed,
    /// A variant is read as another one.
    Misread { name: &'static str, number: u32, variant: &'static str },
    /// The error of the codec, or of the type itself.
    Other(String),
}

impl Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Skipped { owner, field } => write!(
                f,
                "the field `{field}` of `{owner}` was skipped, and the fields after it would be read in its place; remove \
                 `skip_serializing_if`: an empty field takes a byte"
            ),
            Reason::Promised { kind, promised, written } => write!(
                f,
                "the `Serialize` of {kind} promised {promised} parts and wrote {written}; pass the number of parts as its length"
            ),
            Reason::NoLength => f.write_str(
                "a sequence or a map is written without its length, as `flatten` does; pass its length, or collect the parts \
                 first",
            ),
            Reason::SelfDescribing(asked) => asked.fmt(f),
            Reason::Differs { path, written, read } => {
                let name = |token: &Option<Token>| token.map_or("nothing", Token::name);
                let path = match path_of(path) {
                    path if path.is_empty() => "it".to_string(),
                    path => format!("`{path}`"),
                };
                let (written, read) = (name(written), name(read));
                write!(
                    f,
                    "{path} is written as {written} and read as {read}, so another value would be read back; make its \
                     `Serialize` and its `Deserialize` agree"
                )
            }
            Reason::Changed => f.write_str(
                "it isn't read as it is written, so another value would be read back; make its `Serialize` and its \
                 `Deserialize` agree, or its `from` and `into`",
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

/// A step from a value to one of its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PathStep {
    Field(&'static str),
    Index(usize),
    Variant(&'static str),
    Newtype,
    Some,
    Item,
    Key,
    Value,
}

/// Returns the path of these steps: `jobs.value.payload`. A newtype has no name in it.
pub(crate) fn path_of(steps: &[PathStep]) -> String {
    let names = steps.iter().filter_map(|step| match step {
        PathStep::Field(name) | PathStep::Variant(name) => Some((*name).to_string()),
        PathStep::Index(index) => Some(index.to_string()),
        PathStep::Newtype => None,
        PathStep::Some => Some("some".to_string()),
        PathStep::Item => Some("item".to_string()),
        PathStep::Key => Some("key".to_string()),
        PathStep::Value => Some("value".to_string()),
    });
    names.collect::<Vec<_>>().join(".")
}
