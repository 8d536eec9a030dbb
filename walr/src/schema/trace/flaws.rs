//! The flaws that a trace finds in a state's types, as the error of an open.

use super::misread::Misread;
use super::self_describing::SelfDescribingPart;
use crate::codec::Refusal;
use crate::error::Error;
use crate::schema::state::Mutation;

/// The most flaws that a message names.
const MOST_SHOWN: usize = 5;

/// The flaws of a type: its values would be read back as other values, or not at all.
#[derive(Debug, Default)]
pub(crate) struct Flaws {
    pub(super) self_describing: Vec<SelfDescribingPart>,
    /// Samples that aren't read as they were written, each with the index of its variant. In a log that is its mutation's.
    pub(super) refused: Vec<(usize, Refusal)>,
    pub(super) misread: Option<Misread>,
}

impl Flaws {
    /// Returns the flaws of the state `name`.
    pub(crate) fn of_state(self, name: &str) -> Vec<Error> {
        self.errors(|part| format!("`{}`", part.of_state(name)), |_, refusal| refusal.of_state(name))
    }

    /// Returns the flaws of the log of these mutations.
    pub(crate) fn of_log(self, mutations: &[Mutation]) -> Vec<Error> {
        let named =
            |index: usize| mutations.get(index).map_or(("?", &[][..]), |mutation| (mutation.name, mutation.params));
        let part = |part: &SelfDescribingPart| {
            let (name, params) = part.variant.map_or(("?", &[][..]), named);
            format!("the argument `{}` of `{name}`", part.of_call(params))
        };
        self.errors(part, |index, refusal| {
            let (name, params) = named(index);
            refusal.of_call(name, params)
        })
    }

    fn errors(
        self,
        part: impl Fn(&SelfDescribingPart) -> String,
        refused: impl Fn(usize, Refusal) -> Error,
    ) -> Vec<Error> {
        let not_read = |what, reason| Error::Codec { what, step: "read back", reason };
        let parts = self.self_describing.iter().map(|found| not_read(part(found), found.asked.to_string()));
        let refused = self.refused.into_iter().map(|(index, refusal)| refused(index, refusal));
        let misread = self.misread.map(|misread| not_read(format!("`{}`", misread.type_name), misread.reason));
        parts.chain(refused).chain(misread).collect()
    }
}

/// Joins flaws into one error, which names the first flaw and has the others in its reason. A reason of several flaws is named
/// once.
pub(crate) fn joined(flaws: Vec<Error>) -> Option<Error> {
    let mut together: Vec<(String, &'static str, String)> = Vec::new();
    for flaw in flaws {
        let Error::Codec { what, step, reason } = flaw else { continue };
        match together.iter_mut().find(|known| known.1 == step && known.2 == reason) {
            Some((known, ..)) => *known += &format!(", {what}"),
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
