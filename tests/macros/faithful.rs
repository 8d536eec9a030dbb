//! Which mutations are checked by decoding what was encoded, and that an argument that doesn't come back is met wherever it hides.

use std::collections::BTreeMap;
use std::fmt::Debug;

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use walr::__private::Recorded;
use walr::{Durable, Error, Fate, WalState};

use crate::{Result, open};

/// Under a name that generated code could take for another's.
mod shadow {
    use super::{Deserialize, Deserializer, Serialize, Serializer};

    /// Is written as it is, and refuses to be read.
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
            Err(super::lie())
        }
    }

    /// Holds the same.
    #[derive(Clone, Debug, Default, Serialize, Deserialize)]
    pub struct Vec(pub String);
}

fn lie<E: serde::de::Error>() -> E {
    E::custom("a lie")
}

type Liar = shadow::String;
type Hidden = Option<Vec<(u8, Box<[Liar; 1]>)>>;

/// Comes back as another value.
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
struct Trusting {
    seen: u64,
}

#[walr::mutations]
impl Trusting {
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
    fn alone(&mut self, _value: Liar) {}

    #[mutation]
    fn borrowed(&mut self, _value: &Liar) {}

    #[mutation]
    fn last(&mut self, _a: String, _b: u8, _value: Liar) {}

    #[mutation]
    fn in_a_slice(&mut self, _values: &[Liar]) {}

    #[mutation]
    fn in_an_option(&mut self, _value: Option<Liar>) {}

    #[mutation]
    fn in_a_tuple(&mut self, _value: (u8, Liar)) {}

    #[mutation]
    fn in_a_map(&mut self, _values: BTreeMap<u8, Liar>) {}

    #[mutation]
    fn behind_an_alias(&mut self, _value: Hidden) {}

    #[mutation]
    fn rounded(&mut self, value: Rounded) -> u64 {
        self.seen = value.0;
        value.0
    }

    #[cfg(any())]
    #[mutation]
    fn never(&mut self, _value: Liar) {}

    #[cfg(test)]
    #[mutation]
    fn always(&mut self, _value: u8) {}
}

/// `String` and `Vec` are the user's own here.
mod shadowed {
    use super::shadow::{String, Vec};
    use serde::{Deserialize, Serialize};
    use walr::WalState;

    /// And these are words of walr's.
    #[derive(Clone, Debug, Serialize, Deserialize)]
    pub(super) struct Probe(pub(super) String);
    pub(super) type Doubtful = Probe;

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
        pub(super) fn probe(&mut self, _value: Probe, _other: Doubtful) {}

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

fn faithful<S: Recorded>() -> Vec<(&'static str, bool)> {
    S::MUTATIONS.iter().map(|mutation| (mutation.name, mutation.faithful)).collect()
}

#[test]
fn only_what_is_known_to_come_back_is_taken_as_it_is() {
    let known: Vec<_> = faithful::<Trusting>().into_iter().filter(|(_, faithful)| *faithful).collect();
    assert_eq!(known, [("nothing", true), ("plain", true), ("always", true)]);
    assert_eq!(faithful::<shadowed::Own>(), [("string", false), ("vec", false), ("probe", false), ("text", true)]);
    // What a parameter stands for isn't known where the block is compiled.
    assert_eq!(faithful::<Generic<u8, 1>>(), [("put", false), ("count", true)]);
}

async fn refused<T: Debug>(call: impl Future<Output = walr::Result<T>>) {
    let error = call.await.expect_err("it can't be read back");
    assert!(matches!(&error, Error::Codec { reason, .. } if reason.contains("a lie")), "{error:?}");
    assert_eq!(error.fate(), Fate::NotRecorded);
}

#[tokio::test]
async fn what_does_not_come_back_is_refused_wherever_it_hides() -> Result {
    let (_folder, state) = open::<Trusting>().await?;
    let liar = Liar::default;
    refused(state.alone(liar())).await;
    refused(state.borrowed(&liar())).await;
    refused(state.last("a".into(), 1, liar())).await;
    refused(state.in_a_slice(&[liar()])).await;
    refused(state.in_an_option(Some(liar()))).await;
    refused(state.in_a_tuple((1, liar()))).await;
    refused(state.in_a_map([(1, liar())].into())).await;
    refused(state.behind_an_alias(Some(vec![(1, Box::new([liar()]))]))).await;
    refused(state.apply_batch([TrustingLog::Nothing, TrustingLog::Alone { _value: liar() }])).await;
    assert_eq!(state.stats().records, 0);
    state
        .plain("a", &[None, Some(u128::MAX)], "b".as_ref(), (f64::NAN, [Box::new('c'), 'd'.into(), 'e'.into()]))
        .await?;
    state.recorded(1).await?;
    assert_eq!(state.nothing().await?, 1);

    let (_folder, own) = open::<shadowed::Own>().await?;
    refused(own.string(liar())).await;
    refused(own.vec(shadow::Vec(liar()))).await;
    refused(own.probe(shadowed::Probe(liar()), shadowed::Probe(liar()))).await;
    own.text("a").await?;
    Ok(())
}

#[tokio::test]
async fn what_comes_back_as_another_value_is_applied_as_that() -> Result {
    let (folder, state) = open::<Trusting>().await?;
    assert_eq!(state.rounded(Rounded(57)).await?, 50);
    drop(state);
    assert_eq!(Durable::<Trusting>::open(folder.path()).await?.read(|state| state.seen), 50);
    Ok(())
}

#[tokio::test]
async fn a_generic_state_checks_its_own_arguments() -> Result {
    async fn put<T>(value: T) -> Result<usize>
    where
        T: Clone + Debug + Default + Serialize + DeserializeOwned + Send + Sync + 'static,
    {
        let (_folder, state) = open::<Generic<T, 3>>().await?;
        assert_eq!(state.count(7).await?, 7);
        Ok(state.put(value.clone(), Some(vec![value])).await?)
    }
    assert_eq!(put("a".to_string()).await?, 1);
    let error = put(Liar::default()).await.expect_err("it can't be read back");
    assert!(error.to_string().contains("a lie"), "{error}");
    Ok(())
}
