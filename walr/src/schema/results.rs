//! The digests of mutations' results. A replay must return what the calls returned, and the log holds their digests as the proof.
//!
//! A result counts if its type is `Serialize`. Of a `Result` whose error isn't, the `Ok` value counts, and otherwise that it failed.
//! `()`, other types, and the results of mutations with `allow_nondeterminism` don't count. Where the type has a type parameter,
//! only the bounds of the impl block count: `Option<V>` without `V: Serialize` doesn't.

use serde::Serialize;

use crate::codec::{digest, mix};
use crate::lsn::Lsn;
use crate::panic;
use crate::schema::state::Recorded;

/// A mutation's result, by whose type the compiler selects an impl of [`DigestedResult`].
///
/// Generated code calls the method on a `&&&MutationResult`. The compiler looks for an impl for this type first, and then for one
/// with a reference less, so that the impl for the most references is selected.
#[derive(Debug)]
pub struct MutationResult<'a, T>(pub &'a T);

impl<T> Clone for MutationResult<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for MutationResult<'_, T> {}

/// The digest of a result. Generated code imports it among the user's traits, therefore the method's name.
pub trait DigestedResult {
    /// Returns the digest, or `None` if the result doesn't count.
    fn __walr_digest(self) -> Option<u64>;
}

impl DigestedResult for &&&MutationResult<'_, ()> {
    #[inline]
    fn __walr_digest(self) -> Option<u64> {
        None
    }
}

impl<T: Serialize> DigestedResult for &&MutationResult<'_, T> {
    #[inline]
    fn __walr_digest(self) -> Option<u64> {
        digest(self.0)
    }
}

impl<T: Serialize, E> DigestedResult for &MutationResult<'_, Result<T, E>> {
    #[inline]
    fn __walr_digest(self) -> Option<u64> {
        digest(&self.0.as_ref().map_err(|_| ()))
    }
}

impl<T> DigestedResult for MutationResult<'_, T> {
    #[inline]
    fn __walr_digest(self) -> Option<u64> {
        None
    }
}

/// Returns the digest of an outcome, or `None` if it doesn't count, or if its `Serialize` panics or fails.
pub(crate) fn digest_of<S: Recorded>(outcome: &S::Outcome) -> Option<u64> {
    panic::catch(|| S::digest(outcome)).ok().flatten()
}

/// The digest of the results of some records, whatever the order in which they are added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ResultDigest(u64);

impl ResultDigest {
    /// Returns the digest of one record's result, with the digest that [`digest_of`] returned.
    #[inline]
    pub(crate) fn of(lsn: Lsn, result: Option<u64>) -> ResultDigest {
        ResultDigest(result.map_or(0, |digest| mix(lsn.get(), digest)))
    }

    /// Adds the results of other records.
    #[inline]
    pub(crate) fn add(&mut self, other: ResultDigest) {
        self.0 = self.0.wrapping_add(other.0);
    }

    /// Returns the digest, or 0 if no result counted.
    pub(crate) fn get(self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::state::{Handle, Mutation, Mutations};

    fn running(results: impl IntoIterator<Item = (u64, Option<u64>)>) -> u64 {
        let mut running = ResultDigest::default();
        results.into_iter().for_each(|(lsn, result)| running.add(ResultDigest::of(Lsn::new(lsn), result)));
        running.get()
    }

    #[test]
    fn each_counted_result_and_its_place_change_the_running_digest() {
        let whole = running([(1, Some(7)), (2, Some(8)), (3, None)]);
        assert_eq!(whole, running([(1, Some(7)), (2, Some(8))]));
        let others = [
            running([(1, Some(7)), (2, Some(9))]),
            running([(1, Some(8)), (2, Some(7))]),
            running([(1, Some(7)), (3, Some(8))]),
            running([(2, Some(8))]),
            running([]),
        ];
        assert!(!others.contains(&whole), "{others:?}");
    }

    #[test]
    fn only_no_results_give_zero() {
        assert_eq!(running([]), 0);
        assert_eq!(running([(1, None), (2, None)]), 0);
        assert!((0..1000).all(|digest| running([(1, Some(digest))]) != 0));
    }

    #[test]
    fn a_digest_that_panics_does_not_count() {
        struct Refusing;
        impl Recorded for Refusing {
            type Log = ();
            type Outcome = bool;
            type Mutations = NoMethods;
            const MUTATIONS: &'static [Mutation] = &[];

            fn apply(&mut self, (): ()) -> bool {
                true
            }

            fn index((): &()) -> usize {
                0
            }

            fn digest(panics: &bool) -> Option<u64> {
                if *panics { std::panic::resume_unwind(Box::new("no digest")) } else { Some(7) }
            }
        }
        struct NoMethods;
        impl Mutations<Refusing> for NoMethods {
            fn new(_: Handle<Refusing>) -> Self {
                NoMethods
            }
        }
        assert_eq!(digest_of::<Refusing>(&false), Some(7));
        assert_eq!(digest_of::<Refusing>(&true), None);
    }

    /// The log holds this number, as it holds the digests.
    #[test]
    fn the_running_digest_never_changes() {
        assert_eq!(running([(1, Some(7)), (2, None), (3, Some(8))]), 0x3da2_f8ab_d0f0_369c);
    }
}
