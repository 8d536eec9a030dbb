//! A self-describing type asks the format for the kind of the next value, which a positional codec doesn't know: no value of it
//! can be decoded. A store of such a type is refused at open, with the path of the type and a replacement.

use std::collections::BTreeMap;
use std::fmt;

use crate::common::{Result, assert_contains, run, snapshot};
use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use walr::{Durable, Error, Fate, Lsn, WalState};

/// Defines states with this field, and with a mutation of this parameter.
macro_rules! jobs {
    ($($name:ident { $field:ident: $held:ty, $param:ident: $taken:ty })*) => {
        $(mod $name {
            use super::*;

            #[derive(Default, Serialize, Deserialize, WalState)]
            pub(super) struct Jobs {
                pub(super) calls: u64,
                pub(super) $field: $held,
            }

            #[walr::mutations]
            impl Jobs {
                #[mutation]
                pub(super) fn submit(&mut self, _at: u64, $param: $taken) -> u64 {
                    let _ = $param;
                    self.calls += 1;
                    self.calls
                }
            }
        })*
    };
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Job {
    name: String,
    payload: Value,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Untagged {
    Number(u64),
    Text(String),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind")]
pub(crate) enum Tagged {
    Number { number: u64 },
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", content = "of")]
pub(crate) enum AdjacentlyTagged {
    Number(u64),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Flat {
    #[serde(flatten)]
    more: BTreeMap<String, u64>,
}

/// A text that accepts one value only, so that no sample of it can be made.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Password(String);

impl TryFrom<String> for Password {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Password, &'static str> {
        if text == "open sesame" { Ok(Password(text)) } else { Err("the text is another one") }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct AfterAPassword {
    password: Password,
    inner: Inner,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Inner {
    password: Option<Password>,
    payload: Vec<Value>,
}

/// A number that is written as text in formats for people, as some crates do.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct TwoForms(u32);

impl Serialize for TwoForms {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if to.is_human_readable() { to.collect_str(&self.0) } else { to.serialize_u32(self.0) }
    }
}

impl<'de> Deserialize<'de> for TwoForms {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<TwoForms, D::Error> {
        if from.is_human_readable() {
            let text = String::deserialize(from)?;
            return text.parse().map(TwoForms).map_err(D::Error::custom);
        }
        u32::deserialize(from).map(TwoForms)
    }
}

/// A struct that decodes its fields by name in another way than by position.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct TwoWays {
    key: Password2,
    number: u8,
}

impl<'de> Deserialize<'de> for TwoWays {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<TwoWays, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = TwoWays;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key and a number")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut fields: A) -> Result<TwoWays, A::Error> {
                // The key rejects a sample, and comes before the number.
                let key = fields.next_element()?.unwrap_or_default();
                let number = fields.next_element()?.unwrap_or_default();
                Ok(TwoWays { key, number })
            }

            fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<TwoWays, A::Error> {
                let mut number = 0;
                while let Some(name) = fields.next_key::<String>()? {
                    let value = fields.next_value::<Value>()?;
                    if name == "number" {
                        number = value.as_u64().unwrap_or_default() as u8;
                    }
                }
                Ok(TwoWays { key: Password2::default(), number })
            }
        }
        from.deserialize_struct("TwoWays", &["key", "number"], Fields)
    }
}

/// A pair that asks for the kind of its second value only if the first one is 77, which is no sample.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Late(u8, u8);

impl<'de> Deserialize<'de> for Late {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Late, D::Error> {
        struct Parts;
        impl<'de> Visitor<'de> for Parts {
            type Value = Late;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("two numbers")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Late, A::Error> {
                let first = parts.next_element()?.unwrap_or_default();
                let second = match first {
                    77 => parts.next_element_seed(Any)?.unwrap_or_default(),
                    _ => parts.next_element()?.unwrap_or_default(),
                };
                Ok(Late(first, second))
            }
        }
        struct Any;
        impl<'de> DeserializeSeed<'de> for Any {
            type Value = u8;

            fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<u8, D::Error> {
                Value::deserialize(from).map(|value| value.as_u64().unwrap_or_default() as u8)
            }
        }
        from.deserialize_tuple(2, Parts)
    }
}

jobs! {
    deep_in_the_state { jobs: BTreeMap<u64, Job>, at_all: u8 }
    in_two_places { last: Option<Value>, job: (u8, Vec<Job>) }
    in_an_argument { jobs: Vec<String>, payload: &Value }
    inside_an_argument { jobs: Vec<String>, job: Job }
    untagged { jobs: Vec<Untagged>, payload: Option<Untagged> }
    tagged { jobs: Vec<Tagged>, payload: Tagged }
    adjacently_tagged { jobs: Vec<AdjacentlyTagged>, payload: AdjacentlyTagged }
    flat { jobs: Vec<Flat>, payload: Option<Flat> }
    after_a_password { jobs: Vec<AfterAPassword>, password: Password }
    after_an_argument { jobs: (Password2, u8), first: AfterAPassword }
    two_forms { last: TwoForms, payload: TwoForms }
    two_ways { last: Vec<TwoWays>, payload: u8 }
    late { last: Vec<Late>, payload: Late }
}

/// A [`Password`] with a default, for a state.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Password2(Password);

impl Default for Password2 {
    fn default() -> Password2 {
        Password2(Password("open sesame".into()))
    }
}

/// Asserts that a new store of `S` is refused with these parts in the message, that a dry run reports the same, and that no file
/// is created.
async fn assert_refused<S: WalState + Default>(parts: &[&str]) -> Result {
    let folder = tempfile::tempdir()?;
    let missing = folder.path().join("missing");
    let error = Durable::<S>::open(&missing).await.expect_err("a store of an undecodable type was created");
    assert!(matches!(error, Error::Codec { .. }) && error.fate() == Fate::NotRecorded, "{error:?}");
    let message = error.to_string();
    assert_contains(&message, parts);
    assert!(!missing.exists(), "the refusal created the folder");
    let dry = Durable::<S>::options().dry_run(&missing).await?;
    assert_eq!(dry.refused.map(|error| error.to_string()), Some(message));
    Ok(())
}

const DERIVED: &str = "`untagged`, `tag` and `flatten` ask for types and names";
const TEXT: &str = "keep its text, `value.to_string()`";

#[test]
fn a_json_value_deep_in_the_state_is_refused_by_its_path() -> Result {
    run(assert_refused::<deep_in_the_state::Jobs>(&["`Jobs.jobs.value.payload: serde_json::Value`", TEXT]))
}

#[test]
fn a_refusal_names_all_places() -> Result {
    run(assert_refused::<in_two_places::Jobs>(&[
        "`Jobs.last.some: serde_json::Value`",
        "the argument `job.1.item.payload: serde_json::Value` of `submit`",
        TEXT,
    ]))
}

#[test]
fn a_json_value_in_an_argument_is_refused_by_mutation_and_parameter() -> Result {
    run(async {
        assert_refused::<in_an_argument::Jobs>(&["the argument `payload: serde_json::Value` of `submit`", TEXT])
            .await?;
        assert_refused::<inside_an_argument::Jobs>(&["the argument `job.payload: serde_json::Value` of `submit`", TEXT])
            .await
    })
}

#[test]
fn self_describing_derives_of_serde_are_refused_by_the_types_name() -> Result {
    run(async {
        let parts = ["`Jobs.jobs.item: store::Untagged`, the argument `payload.some: store::Untagged`", DERIVED];
        assert_refused::<untagged::Jobs>(&parts).await?;
        let parts = ["`Jobs.jobs.item: store::Tagged`, the argument `payload: store::Tagged`", DERIVED];
        assert_refused::<tagged::Jobs>(&parts).await?;
        let parts =
            ["`Jobs.jobs.item: store::AdjacentlyTagged`, the argument `payload: store::AdjacentlyTagged`", DERIVED];
        assert_refused::<adjacently_tagged::Jobs>(&parts).await?;
        let parts = ["`Jobs.jobs.item: store::Flat`, the argument `payload.some: store::Flat`", DERIVED];
        assert_refused::<flat::Jobs>(&parts).await
    })
}

#[test]
fn a_field_after_one_that_accepts_no_sample_is_found() -> Result {
    run(async {
        assert_refused::<after_a_password::Jobs>(&["`Jobs.jobs.item.inner.payload.item: serde_json::Value`"]).await?;
        assert_refused::<after_an_argument::Jobs>(&["the argument `first.inner.payload.item: serde_json::Value`"]).await
    })
}

#[test]
fn the_refusal_of_an_existing_store_changes_no_file() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let jobs = Durable::<two_forms::Jobs>::open(folder.path()).await?;
        jobs.submit(1, TwoForms(7)).await?;
        drop(jobs);
        let before = snapshot(folder.path())?;
        let dry = Durable::<deep_in_the_state::Jobs>::options().dry_run(folder.path()).await?;
        assert!(matches!(dry.refused, Some(Error::Codec { .. })), "{dry:?}");
        assert!(matches!(Durable::<deep_in_the_state::Jobs>::open(folder.path()).await, Err(Error::Codec { .. })));
        assert_eq!(snapshot(folder.path())?, before);
        Ok(())
    })
}

#[test]
fn types_with_two_forms_are_accepted() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let first = || two_forms::Jobs { last: TwoForms(5), ..Default::default() };
        let jobs = Durable::options().open_with(folder.path(), first).await?;
        assert_eq!(jobs.submit(1, TwoForms(7)).await?, 1);
        jobs.close().await?;
        drop(jobs);
        let jobs = Durable::<two_forms::Jobs>::open(folder.path()).await?;
        assert_eq!(jobs.read(|jobs| jobs.last.clone()), TwoForms(5));
        Ok(())
    })
}

#[test]
fn a_type_that_only_decodes_names_in_another_way_is_accepted() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let first = || two_ways::Jobs { calls: 0, last: vec![TwoWays::default()] };
        let jobs = Durable::options().open_with(folder.path(), first).await?;
        assert_eq!(jobs.submit(1, 7).await?, 1);
        jobs.close().await?;
        Ok(())
    })
}

#[test]
fn an_undecodable_value_that_no_sample_shows_is_refused_at_its_call() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let jobs = Durable::<late::Jobs>::open(folder.path()).await?;
        assert_eq!(jobs.submit(1, Late(1, 2)).await?, 1);
        let error = jobs.submit(2, Late(77, 2)).await.expect_err("an undecodable value was accepted");
        assert!(matches!(error, Error::Codec { .. }) && error.fate() == Fate::NotRecorded, "{error:?}");
        assert_contains(&error.to_string(), &["the argument `payload` of `submit`", "`serde_json::Value` asks", TEXT]);
        assert_eq!(jobs.stats().last, Lsn::new(1));
        assert_eq!(jobs.submit(3, Late(2, 77)).await?, 2);
        Ok(())
    })
}

#[test]
fn an_undecodable_value_that_no_sample_shows_is_refused_in_a_first_state() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let first = || late::Jobs { last: vec![Late(1, 1), Late(77, 1)], ..Default::default() };
        let error =
            Durable::options().open_with(folder.path(), first).await.expect_err("an undecodable value was accepted");
        assert_contains(&error.to_string(), &["`Jobs.last`", "`serde_json::Value` asks", TEXT]);
        Ok(())
    })
}
