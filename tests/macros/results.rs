//! The digests of results: which types count, and on what a digest depends.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Debug;

use serde::{Deserialize, Serialize};
use walr::__private::Recorded;
use walr::WalState;

/// A result without serde.
#[derive(Debug, Default)]
struct Opaque;

#[derive(Debug, Serialize)]
enum Placed {
    Nowhere,
    At { shelf: u8, place: u16 },
}

type Nothing = ();

#[derive(Default, Serialize, Deserialize, WalState)]
struct Results {
    calls: u64,
}

#[walr::mutations]
impl Results {
    #[mutation]
    fn number(&mut self) -> u64 {
        self.calls += 1;
        self.calls
    }

    #[mutation]
    fn text(&mut self) -> Option<String> {
        None
    }

    #[mutation]
    fn reference(&mut self) -> &'static str {
        "text"
    }

    #[mutation]
    fn placed(&mut self) -> Placed {
        Placed::Nowhere
    }

    #[mutation]
    fn set(&mut self) -> HashSet<String> {
        HashSet::new()
    }

    #[mutation]
    fn map(&mut self) -> (u8, Option<HashMap<String, u32>>) {
        (0, None)
    }

    #[mutation]
    fn whole_result(&mut self) -> Result<u64, String> {
        Ok(1)
    }

    #[mutation]
    fn half_result(&mut self) -> Result<u64, Opaque> {
        Ok(1)
    }

    #[mutation]
    fn success(&mut self) -> Result<(), Opaque> {
        Ok(())
    }

    #[mutation]
    fn boxed_error(&mut self) -> Result<u8, Box<dyn std::error::Error + Send + Sync>> {
        Ok(1)
    }

    #[mutation]
    fn none(&mut self) {}

    #[mutation]
    fn unit(&mut self) -> Nothing {}

    #[mutation]
    fn opaque(&mut self) -> Opaque {
        Opaque
    }

    #[mutation]
    fn opaque_result(&mut self) -> Result<Opaque, u8> {
        Ok(Opaque)
    }

    #[mutation]
    fn inner_opaque(&mut self) -> Option<Opaque> {
        None
    }

    #[mutation(allow_nondeterminism)]
    fn measured(&mut self) -> u64 {
        self.calls
    }

    #[cfg(any())]
    #[mutation]
    fn never(&mut self) -> Missing {
        Missing
    }
}

use ResultsOutcome as Outcome;

/// Returns the digest of an outcome.
fn of(outcome: &Outcome) -> Option<u64> {
    <Results as Recorded>::digest(outcome)
}

#[test]
fn results_count_by_their_types() {
    let counted = [
        Outcome::Number(7),
        Outcome::Text(None),
        Outcome::Reference("text"),
        Outcome::Placed(Placed::Nowhere),
        Outcome::Set(HashSet::new()),
        Outcome::Map((0, None)),
        Outcome::WholeResult(Err("text".into())),
        Outcome::HalfResult(Ok(7)),
        Outcome::HalfResult(Err(Opaque)),
        Outcome::Success(Ok(())),
        Outcome::Success(Err(Opaque)),
        Outcome::BoxedError(Err("text".into())),
    ];
    for outcome in counted {
        assert!(of(&outcome).is_some(), "{outcome:?} doesn't count");
    }
    let not_counted = [
        Outcome::None(()),
        Outcome::Unit(()),
        Outcome::Opaque(Opaque),
        Outcome::OpaqueResult(Err(7)),
        Outcome::InnerOpaque(None),
        Outcome::Measured(7),
    ];
    for outcome in not_counted {
        assert_eq!(of(&outcome), None, "{outcome:?} counts");
    }
}

#[test]
fn a_digest_depends_on_the_value() {
    let different = [
        (Outcome::Number(7), Outcome::Number(8)),
        (Outcome::Text(None), Outcome::Text(Some(String::new()))),
        (Outcome::Reference("a"), Outcome::Reference("b")),
        (Outcome::Placed(Placed::At { shelf: 1, place: 2 }), Outcome::Placed(Placed::At { shelf: 2, place: 1 })),
        (Outcome::WholeResult(Err("a".into())), Outcome::WholeResult(Err("b".into()))),
        (Outcome::HalfResult(Ok(7)), Outcome::HalfResult(Ok(8))),
        (Outcome::HalfResult(Ok(7)), Outcome::HalfResult(Err(Opaque))),
        (Outcome::Success(Ok(())), Outcome::Success(Err(Opaque))),
    ];
    for (one, other) in different {
        assert_ne!(of(&one), of(&other), "{one:?} and {other:?}");
    }
    assert_eq!(of(&Outcome::BoxedError(Err("a".into()))), of(&Outcome::BoxedError(Err("b".into()))));
}

#[test]
fn the_order_of_a_set_or_a_map_does_not_count() {
    let words = || (0..50u32).map(|number| (number.to_string(), number));
    // Each `HashMap` has another order.
    let map = || words().collect::<HashMap<_, _>>();
    let set = || map().into_keys().collect::<HashSet<_>>();
    assert_eq!(of(&Outcome::Set(set())), of(&Outcome::Set(set())));
    assert_eq!(of(&Outcome::Map((1, Some(map())))), of(&Outcome::Map((1, Some(map())))));
    let mut other = map();
    other.insert("7".into(), 8);
    assert_ne!(of(&Outcome::Map((1, Some(map())))), of(&Outcome::Map((1, Some(other)))));
}

#[derive(Default, Serialize, Deserialize, WalState)]
#[serde(bound(deserialize = "K: Ord + Deserialize<'de>, V: Deserialize<'de>"))]
struct Shelf<K: Ord, V> {
    rows: BTreeMap<K, V>,
}

#[walr::mutations]
impl<K: Ord + Clone + Serialize, V: Clone> Shelf<K, V> {
    #[mutation]
    fn first_key(&mut self) -> Option<K> {
        self.rows.keys().next().cloned()
    }

    #[mutation]
    fn put(&mut self, key: K, value: V) -> Option<V> {
        self.rows.insert(key, value)
    }

    #[mutation]
    fn count(&mut self) -> usize {
        self.rows.len()
    }

    #[mutation]
    fn try_count(&mut self) -> Result<usize, V> {
        Ok(self.rows.len())
    }
}

#[test]
fn results_of_a_generic_state_count_by_the_bounds_of_its_block() {
    type Numbered = Shelf<u8, u8>;
    let of = <Numbered as Recorded>::digest;
    assert!(of(&ShelfOutcome::Count(7)).is_some());
    assert!(of(&ShelfOutcome::FirstKey(Some(7))).is_some(), "`K: Serialize` is a bound of the block");
    assert_eq!(of(&ShelfOutcome::Put(Some(7))), None);
    assert!(of(&ShelfOutcome::TryCount(Err(7))).is_some());
    assert_eq!(of(&ShelfOutcome::TryCount(Err(7))), of(&ShelfOutcome::TryCount(Err(8))));
}
