//! Logs and outcomes are compared where all that they hold can be.

use std::marker::PhantomData;

use serde::{Deserialize, Serialize};
use walr::WalState;

/// Whether a type is `PartialEq`: an inherent constant is found before one of a trait.
struct Compared<T>(PhantomData<T>);

trait Otherwise {
    const IS_COMPARED: bool = false;
}

impl<T> Otherwise for Compared<T> {}

impl<T: PartialEq> Compared<T> {
    const IS_COMPARED: bool = true;
}

/// With no more than an argument needs.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Bare(u8);

/// With nothing at all.
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
fn what_can_not_be_compared_compiles_and_is_not() {
    let tally = (Compared::<TallyLog>::IS_COMPARED, Compared::<TallyOutcome>::IS_COMPARED);
    assert_eq!(tally, (true, true));
    let bare_argument = (Compared::<BareArgumentLog>::IS_COMPARED, Compared::<BareArgumentOutcome>::IS_COMPARED);
    assert_eq!(bare_argument, (false, true));
    let bare_result = (Compared::<BareResultLog>::IS_COMPARED, Compared::<BareResultOutcome>::IS_COMPARED);
    assert_eq!(bare_result, (true, false));
    let table = (Compared::<TableLog<u8, f32>>::IS_COMPARED, Compared::<TableOutcome<u8, f32>>::IS_COMPARED);
    assert_eq!(table, (true, true));
    let bare_key = (Compared::<TableLog<Bare, u8>>::IS_COMPARED, Compared::<TableOutcome<Bare, u8>>::IS_COMPARED);
    assert_eq!(bare_key, (false, false));
    assert_eq!([Compared::<TableOutcome<u8, Bare>>::IS_COMPARED], [false]);
}

#[test]
fn an_outcome_under_a_condition_is_shown_in_full() {
    assert_eq!(format!("{:?}", TallyOutcome::Always(Some(1))), "Always(Some(1))");
}
