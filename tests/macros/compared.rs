//! Logs and outcomes implement `PartialEq` if everything that they hold does.

use std::marker::PhantomData;

use serde::{Deserialize, Serialize};
use walr::WalState;

/// Says by `IS_PARTIAL_EQ` whether `T: PartialEq`: an inherent constant hides one of a trait.
struct Check<T>(PhantomData<T>);

trait Fallback {
    const IS_PARTIAL_EQ: bool = false;
}

impl<T> Fallback for Check<T> {}

impl<T: PartialEq> Check<T> {
    const IS_PARTIAL_EQ: bool = true;
}

/// A type that implements only what an argument needs.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Bare(u8);

/// A type that implements no trait.
struct Nothing;

#[derive(Default, Serialize, Deserialize, WalState)]
struct Tally {
    total: f64,
}

#[walr::mutations]
impl Tally {
    #[mutation]
    fn add(&mut self, amount: f64, note: &str, places: &[u8]) -> Result<f64, String> {
        self.total += amount + (note.len() + places.len()) as f64;
        Ok(self.total)
    }

    #[mutation]
    fn reset(&mut self) {
        self.total = 0.0;
    }

    #[cfg(any())]
    #[mutation]
    fn never(&mut self, _value: DoesNotExist) -> DoesNotExist {}

    #[cfg(test)]
    #[cfg(not(any()))]
    #[mutation]
    fn always(&mut self, value: Option<u8>) -> Option<u8> {
        value
    }
}

#[derive(Default, Serialize, Deserialize, WalState)]
struct BareArgument(u8);

#[walr::mutations]
impl BareArgument {
    #[mutation]
    fn set(&mut self, value: Bare) -> u8 {
        self.0 = value.0;
        self.0
    }

    #[mutation]
    fn reset(&mut self) {
        self.0 = 0;
    }
}

#[derive(Default, Serialize, Deserialize, WalState)]
struct BareResult(u8);

#[walr::mutations]
impl BareResult {
    #[mutation]
    fn set(&mut self, value: u8) {
        self.0 = value;
    }

    #[cfg(not(any()))]
    #[mutation]
    fn touch(&mut self) -> Option<Nothing> {
        None
    }
}

#[derive(Default, Serialize, Deserialize, WalState)]
struct Table<K, V> {
    rows: Vec<(K, V)>,
}

#[walr::mutations]
impl<K: Clone, V> Table<K, V> {
    #[mutation]
    fn put(&mut self, key: &K, values: Vec<V>) -> Option<V> {
        self.rows.extend(values.into_iter().map(|value| (key.clone(), value)));
        self.rows.pop().map(|(_, value)| value)
    }

    #[cfg(not(any()))]
    #[mutation]
    fn remove(&mut self, place: usize) -> K {
        self.rows.remove(place).0
    }

    #[cfg(any())]
    #[mutation]
    fn remove(&mut self, place: V) -> V {}
}

#[test]
fn logs_and_outcomes_are_compared_by_what_they_hold() {
    let add = |amount, note: &str, place| TallyLog::Add { amount, note: note.into(), places: vec![place] };
    assert_eq!(add(1.0, "a", 2), add(1.0, "a", 2));
    for other in [add(2.0, "a", 2), add(1.0, "b", 2), add(1.0, "a", 3), TallyLog::Reset] {
        assert_ne!(add(1.0, "a", 2), other);
    }
    assert_eq!(TallyLog::Reset, TallyLog::Reset);
    assert_eq!(TallyLog::Always { value: Some(1) }, TallyLog::Always { value: Some(1) });
    assert_ne!(TallyLog::Always { value: Some(1) }, TallyLog::Always { value: None });

    assert_eq!(TallyOutcome::Add(Ok(1.0)), TallyOutcome::Add(Ok(1.0)));
    assert_ne!(TallyOutcome::Add(Ok(f64::NAN)), TallyOutcome::Add(Ok(f64::NAN)));
    assert_ne!(TallyOutcome::Always(None), TallyOutcome::Always(Some(1)));
    assert_ne!(TallyOutcome::Always(None), TallyOutcome::Reset(()));
}

#[test]
fn logs_and_outcomes_of_types_without_partial_eq_compile_and_have_none() {
    let tally = (Check::<TallyLog>::IS_PARTIAL_EQ, Check::<TallyOutcome>::IS_PARTIAL_EQ);
    assert_eq!(tally, (true, true));
    let bare_argument = (Check::<BareArgumentLog>::IS_PARTIAL_EQ, Check::<BareArgumentOutcome>::IS_PARTIAL_EQ);
    assert_eq!(bare_argument, (false, true));
    let bare_result = (Check::<BareResultLog>::IS_PARTIAL_EQ, Check::<BareResultOutcome>::IS_PARTIAL_EQ);
    assert_eq!(bare_result, (true, false));
    let table = (Check::<TableLog<u8, f32>>::IS_PARTIAL_EQ, Check::<TableOutcome<u8, f32>>::IS_PARTIAL_EQ);
    assert_eq!(table, (true, true));
    let bare_key = (Check::<TableLog<Bare, u8>>::IS_PARTIAL_EQ, Check::<TableOutcome<Bare, u8>>::IS_PARTIAL_EQ);
    assert_eq!(bare_key, (false, false));
    assert_eq!([Check::<TableOutcome<u8, Bare>>::IS_PARTIAL_EQ], [false]);
}

#[test]
fn debug_shows_a_conditional_outcome_in_full() {
    assert_eq!(format!("{:?}", TallyOutcome::Always(Some(1))), "Always(Some(1))");
}
