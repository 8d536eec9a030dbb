//! The re-encode check: mutations whose arguments may not survive encoding are decoded again at each call. An undecodable
//! argument is refused wherever it is nested.

use std::collections::BTreeMap;
use std::fmt::Debug;

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use walr::__private::Recorded;
use walr::{Durable, Error, Fate, WalState};

use crate::{Result, open};

/// Types with the names of std types, which generated code must not take for them.
mod shadow {
    use super::{Deserialize, Deserializer, Serialize, Serializer};
    use serde::de::Error as _;

    /// A value that can be encoded and not decoded.
    #[derive(Clone, Debug, Default)]
    pub struct String(pub u8);

    impl Serialize for String {
        fn serialize<T: Serializer>(&self, to: T) -> Result<T::Ok, T::Error> {
            to.serialize_u8(self.0)
        }
    }

    impl<'de> Deserialize<'de> for String {
        fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
            u8::deserialize(from)?;
            Err(D::Error::custom("the type refuses"))
        }
    }

    /// A type that holds such a value.
    #[derive(Clone, Debug, Default, Serialize, Deserialize)]
    pub struct Vec(pub String);
}

type Undecodable = shadow::String;
type Nested = Option<Vec<(u8, Box<[Undecodable; 1]>)>>;

/// A number that is decoded as another number.
#[derive(Clone, Debug)]
struct Rounded(u64);

impl Serialize for Rounded {
    fn serialize<T: Serializer>(&self, to: T) -> Result<T::Ok, T::Error> {
        to.serialize_u64(self.0 / 10)
    }
}

impl<'de> Deserialize<'de> for Rounded {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let tens = u64::deserialize(from)?.checked_mul(10).ok_or_else(|| D::Error::custom("too large"))?;
        Ok(Rounded(tens))
    }
}

#[derive(Default, Serialize, Deserialize, WalState)]
struct Arguments {
    seen: u64,
}

#[walr::mutations]
impl Arguments {
    #[mutation]
    fn nothing(&mut self) -> u64 {
        self.seen += 1;
        self.seen
    }

    #[mutation]
    fn plain(&mut self, _a: &str, _b: &[Option<u128>], _c: &std::path::Path, _d: (f64, [Box<char>; 3])) {}

    #[mutation]
    fn recorded(
        &mut self,
        _a: u8,
        #[record(1)] _b: u64,
        #[record(std::time::SystemTime::now())] _c: std::time::SystemTime,
    ) {
    }

    #[mutation]
    fn alone(&mut self, _value: Undecodable) {}

    #[mutation]
    fn borrowed(&mut self, _value: &Undecodable) {}

    #[mutation]
    fn last(&mut self, _a: String, _b: u8, _value: Undecodable) {}

    #[mutation]
    fn in_a_slice(&mut self, _values: &[Undecodable]) {}

    #[mutation]
    fn in_an_option(&mut self, _value: Option<Undecodable>) {}

    #[mutation]
    fn in_a_tuple(&mut self, _value: (u8, Undecodable)) {}

    #[mutation]
    fn in_a_map(&mut self, _values: BTreeMap<u8, Undecodable>) {}

    #[mutation]
    fn behind_an_alias(&mut self, _value: Nested) {}

    #[mutation]
    fn rounded(&mut self, value: Rounded) -> u64 {
        self.seen = value.0;
        value.0
    }

    #[cfg(any())]
    #[mutation]
    fn never(&mut self, _value: Undecodable) {}

    #[cfg(test)]
    #[mutation]
    fn always(&mut self, _value: u8) {}
}

/// A state for which `String` and `Vec` are the user's own types.
mod shadowed {
    use super::shadow::{String, Vec};
    use serde::{Deserialize, Serialize};
    use walr::WalState;

    /// Types with names that walr uses.
    #[derive(Clone, Debug, Serialize, Deserialize)]
    pub(super) struct Probe(pub(super) String);
    pub(super) type Unlisted = Probe;

    #[derive(Default, Serialize, Deserialize, WalState)]
    pub(super) struct Own {
        seen: u64,
    }

    #[walr::mutations]
    impl Own {
        #[mutation]
        pub(super) fn string(&mut self, _value: String) {}

        #[mutation]
        pub(super) fn vec(&mut self, _value: Vec) {}

        #[mutation]
        pub(super) fn probe(&mut self, _value: Probe, _other: Unlisted) {}

        #[mutation]
        pub(super) fn text(&mut self, _value: &str) {}
    }
}

#[derive(Default, Serialize, Deserialize, WalState)]
struct Generic<T, const N: usize> {
    values: Vec<T>,
}

#[walr::mutations]
impl<T: Clone + Debug, const N: usize> Generic<T, N> {
    #[mutation]
    fn put(&mut self, value: T, _more: Option<Vec<T>>) -> usize {
        self.values.push(value);
        self.values.len()
    }

    #[mutation]
    fn count(&mut self, by: u64) -> u64 {
        by
    }
}

/// Returns the mutations, each with whether it is taken without a re-encode check.
fn unchecked<S: Recorded>() -> Vec<(&'static str, bool)> {
    S::MUTATIONS.iter().map(|mutation| (mutation.name, mutation.reads_back)).collect()
}

#[test]
fn only_arguments_of_known_types_are_not_checked() {
    let known: Vec<_> = unchecked::<Arguments>().into_iter().filter(|(_, unchecked)| *unchecked).collect();
    assert_eq!(known, [("nothing", true), ("plain", true), ("always", true)]);
    assert_eq!(unchecked::<shadowed::Own>(), [("string", false), ("vec", false), ("probe", false), ("text", true)]);
    // The type of a type parameter isn't known when the block is compiled.
    assert_eq!(unchecked::<Generic<u8, 1>>(), [("put", false), ("count", true)]);
}

async fn assert_refused<T: Debug>(call: impl Future<Output = walr::Result<T>>) {
    let error = call.await.expect_err("an undecodable argument was accepted");
    assert!(matches!(&error, Error::Codec { reason, .. } if reason.contains("the type refuses")), "{error:?}");
    assert_eq!(error.fate(), Fate::NotRecorded);
}

#[tokio::test]
async fn an_undecodable_argument_is_refused_wherever_it_is_nested() -> Result {
    let (_folder, state) = open::<Arguments>().await?;
    let undecodable = Undecodable::default;
    assert_refused(state.alone(undecodable())).await;
    assert_refused(state.borrowed(&undecodable())).await;
    assert_refused(state.last("a".into(), 1, undecodable())).await;
    assert_refused(state.in_a_slice(&[undecodable()])).await;
    assert_refused(state.in_an_option(Some(undecodable()))).await;
    assert_refused(state.in_a_tuple((1, undecodable()))).await;
    assert_refused(state.in_a_map([(1, undecodable())].into())).await;
    assert_refused(state.behind_an_alias(Some(vec![(1, Box::new([undecodable()]))]))).await;
    assert_refused(state.apply_batch([ArgumentsLog::Nothing, ArgumentsLog::Alone { _value: undecodable() }])).await;
    assert_eq!(state.stats().records, 0);
    state
        .plain("a", &[None, Some(u128::MAX)], "b".as_ref(), (f64::NAN, [Box::new('c'), 'd'.into(), 'e'.into()]))
        .await?;
    state.recorded(1).await?;
    assert_eq!(state.nothing().await?, 1);

    let (_folder, own) = open::<shadowed::Own>().await?;
    assert_refused(own.string(undecodable())).await;
    assert_refused(own.vec(shadow::Vec(undecodable()))).await;
    assert_refused(own.probe(shadowed::Probe(undecodable()), shadowed::Probe(undecodable()))).await;
    own.text("a").await?;
    Ok(())
}

#[tokio::test]
async fn an_argument_is_applied_as_the_value_that_is_decoded() -> Result {
    let (folder, state) = open::<Arguments>().await?;
    assert_eq!(state.rounded(Rounded(57)).await?, 50);
    drop(state);
    assert_eq!(Durable::<Arguments>::open(folder.path()).await?.read(|state| state.seen), 50);
    Ok(())
}

#[tokio::test]
async fn arguments_of_a_generic_state_are_checked() -> Result {
    async fn put<T>(value: T) -> Result<usize>
    where
        T: Clone + Debug + Default + Serialize + DeserializeOwned + Send + Sync + 'static,
    {
        let (_folder, state) = open::<Generic<T, 3>>().await?;
        assert_eq!(state.count(7).await?, 7);
        Ok(state.put(value.clone(), Some(vec![value])).await?)
    }
    assert_eq!(put("a".to_string()).await?, 1);
    let error = put(Undecodable::default()).await.expect_err("an undecodable argument was accepted");
    assert!(error.to_string().contains("the type refuses"), "{error}");
    Ok(())
}
