//! What a trace finds wrong with a state's types, as the error of the open.

use super::asking::Asking;
use crate::codec::Refusal;
use crate::error::Error;
use crate::state::Mutation;

/// A message names no more flaws than these.
const MOST_SHOWN: usize = 5;

/// What is wrong with a type: values of it would come back as others, or not at all.
#[derive(Debug, Default)]
pub(crate) struct Flaws {
    /// The parts that ask which kind of value comes next.
    pub(super) asking: Vec<Asking>,
    /// Samples that don't come back, each with its number: of a log's, the place of its mutation.
    pub(super) refused: Vec<(usize, Refusal)>,
    /// An enum of which a variant is written by the number of another, or a struct with two orders of its fields.
    pub(super) misread: Option<Misread>,
}

/// A type that would be read back as something else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Misread {
    /// The type's name.
    pub(super) name: String,
    /// What becomes of which part.
    pub(super) how: String,
}

impl Flaws {
    /// The flaws of the state `name`.
    pub(crate) fn of_state(self, name: &str) -> Vec<Error> {
        let asking = self.asking.iter().map(|asking| not_read(format!("`{}`", asking.of_state(name)), asking));
        let refused = self.refused.into_iter().map(|(_, refusal)| refusal.of_state(name));
        asking.chain(refused).chain(self.misread.map(Misread::error)).collect()
    }

    /// The flaws of the log of these mutations.
    pub(crate) fn of_log(self, mutations: &[Mutation]) -> Vec<Error> {
        let asking = self.asking.iter().map(|asking| {
            let mutation = asking.variant.and_then(|place| mutations.get(place));
            let (name, params) = mutation.map_or(("?", &[][..]), |mutation| (mutation.name, mutation.params));
            not_read(format!("the argument `{}` of `{name}`", asking.of_call(params)), asking)
        });
        let refused = self.refused.into_iter().map(|(place, refusal)| match mutations.get(place) {
            Some(mutation) => refusal.of_call(mutation.name, mutation.params),
            None => refusal.of_call("?", &[]),
        });
        asking.chain(refused).chain(self.misread.map(Misread::error)).collect()
    }
}

impl Misread {
    fn error(self) -> Error {
        Error::Codec { what: format!("`{}`", self.name), step: "read back", reason: self.how }
    }
}

fn not_read(what: String, asking: &Asking) -> Error {
    Error::Codec { what, step: "read back", reason: asking.asked.to_string() }
}

/// Several flaws as one error, if there are any: the first, and the others in its reason. Where one thing is wrong in several
/// places, it is said once.
pub(crate) fn joined(flaws: Vec<Error>) -> Option<Error> {
    let mut together: Vec<(String, &'static str, String)> = Vec::new();
    for flaw in flaws {
        let Error::Codec { what, step, reason } = flaw else { continue };
        match together.iter_mut().find(|known| known.1 == step && known.2 == reason) {
            Some((places, ..)) => *places += &format!(", {what}"),
            None => together.push((what, step, reason)),
        }
    }
    let more = together.len().saturating_sub(MOST_SHOWN);
    let mut together = together.into_iter();
    let (what, step, mut reason) = together.next()?;
    for (what, step, other) in together.take(MOST_SHOWN - 1) {
        reason += &format!("; and {what} can't be {step}: {other}");
    }
    if more > 0 {
        reason += &format!("; and {more} more");
    }
    Some(Error::Codec { what, step, reason })
}
