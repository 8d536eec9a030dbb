//! Types whose `Serialize` and `Deserialize` don't agree: under a positional codec their bytes can decode to another value
//! without an error. What a sample shows is refused at open, and what only a value shows is refused at its call, or at the
//! checkpoint that would hold it.

use std::fmt::Debug;

use crate::common::{Result, run};
use serde::ser::{SerializeMap, SerializeSeq, SerializeStruct, SerializeTuple};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use walr::{Durable, Error, Fate, Lsn, Recovery, WalState};

/// Leaves a field out when it is `None`: what follows moves to its place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Opt {
    #[serde(skip_serializing_if = "Option::is_none")]
    i: Option<u8>,
    b: u8,
    c: u16,
}

impl From<u8> for Opt {
    fn from(b: u8) -> Opt {
        Opt { i: None, b, c: 257 }
    }
}

/// The same behind a condition that no sample meets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Rare {
    Values {
        #[serde(skip_serializing_if = "is_77")]
        a: u8,
        b: u8,
        c: Option<u8>,
    },
}

fn is_77(number: &u8) -> bool {
    *number == 77
}

impl From<u8> for Rare {
    fn from(a: u8) -> Rare {
        Rare::Values { a, b: 1, c: Some(0) }
    }
}

/// Leaves a field out by hand, for a value that is no sample.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct ByHand {
    a: u8,
    b: u8,
    c: Option<u8>,
}

impl Serialize for ByHand {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut fields = to.serialize_struct("ByHand", 3)?;
        if self.a != 77 {
            fields.serialize_field("a", &self.a)?;
        }
        fields.serialize_field("b", &self.b)?;
        fields.serialize_field("c", &self.c)?;
        fields.end()
    }
}

impl From<u8> for ByHand {
    fn from(a: u8) -> ByHand {
        ByHand { a, b: 1, c: Some(0) }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct NeverWritten {
    #[serde(skip_serializing)]
    a: u8,
    b: u8,
    c: Option<u8>,
}

impl From<u8> for NeverWritten {
    fn from(a: u8) -> NeverWritten {
        NeverWritten { a, b: 1, c: Some(0) }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct NeverRead {
    #[serde(skip_deserializing)]
    a: u8,
    b: Option<u8>,
    c: u8,
}

impl From<u8> for NeverRead {
    fn from(a: u8) -> NeverRead {
        NeverRead { a, b: Some(0), c: 7 }
    }
}

/// Written as a signed integer, and read as an unsigned one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Signed {
    #[serde(serialize_with = "as_i64")]
    number: u64,
}

fn as_i64<S: Serializer>(number: &u64, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_i64(*number as i64)
}

impl From<u8> for Signed {
    fn from(number: u8) -> Signed {
        Signed { number: number.into() }
    }
}

/// Written as a signed byte, and read as an unsigned one.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct SignedByte(#[serde(deserialize_with = "from_u8")] i16);

impl Serialize for SignedByte {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_newtype_struct("SignedByte", &(self.0 as i8))
    }
}

fn from_u8<'de, D: Deserializer<'de>>(from: D) -> Result<i16, D::Error> {
    u8::deserialize(from).map(i16::from)
}

impl From<u8> for SignedByte {
    fn from(number: u8) -> SignedByte {
        SignedByte(-i16::from(number))
    }
}

/// Promises another number of parts than it writes, which take no bytes.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct Seq(Vec<()>);

impl Serialize for Seq {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let promised = self.0.len() + usize::from(self.0.len() == 77);
        let mut all = to.serialize_seq(Some(promised))?;
        self.0.iter().try_for_each(|one| all.serialize_element(one))?;
        all.end()
    }
}

impl From<u8> for Seq {
    fn from(len: u8) -> Seq {
        Seq(vec![(); len.into()])
    }
}

/// Writes fewer entries than it promises, before something that looks like one more.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct Map(std::collections::BTreeMap<u8, u8>, u8, u8, Option<()>);

impl Serialize for Map {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        struct Entries<'a>(&'a Map);
        impl Serialize for Entries<'_> {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                let mut entries = to.serialize_map(Some(self.0.0.len() + usize::from(self.0.1 == 77)))?;
                self.0.0.iter().try_for_each(|(key, value)| entries.serialize_entry(key, value))?;
                entries.end()
            }
        }
        (Entries(self), self.1, self.2, self.3).serialize(to)
    }
}

impl From<u8> for Map {
    fn from(number: u8) -> Map {
        Map(std::collections::BTreeMap::new(), number, 0, None)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tuple(u8, u8, u8);

impl Serialize for Tuple {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut parts = to.serialize_tuple(3)?;
        parts.serialize_element(&self.0)?;
        if self.0 != 77 {
            parts.serialize_element(&self.1)?;
        }
        parts.serialize_element(&u16::from(self.2))?;
        parts.end()
    }
}

impl<'de> Deserialize<'de> for Tuple {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Tuple, D::Error> {
        let (a, b, c): (u8, u8, u16) = Deserialize::deserialize(from)?;
        Ok(Tuple(a, b, c as u8))
    }
}

impl From<u8> for Tuple {
    fn from(number: u8) -> Tuple {
        Tuple(number, 251, 1)
    }
}

/// An `Option` that is read as a number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct OptionOfNothing {
    #[serde(serialize_with = "as_option")]
    number: u8,
}

fn as_option<S: Serializer>(number: &u8, to: S) -> Result<S::Ok, S::Error> {
    if *number == 0 { to.serialize_none() } else { to.serialize_some(&()) }
}

impl From<u8> for OptionOfNothing {
    fn from(number: u8) -> OptionOfNothing {
        OptionOfNothing { number }
    }
}

/// Writes its fields in another order than that in which they are read, as formats with names don't mind.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct Transfer {
    from: u8,
    to: u8,
}

impl Serialize for Transfer {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut fields = to.serialize_struct("Transfer", 2)?;
        fields.serialize_field("to", &self.to)?;
        fields.serialize_field("from", &self.from)?;
        fields.end()
    }
}

impl From<u8> for Transfer {
    fn from(from: u8) -> Transfer {
        Transfer { from, to: 0 }
    }
}

/// A store that takes the type as an argument, and one that has it in its state.
macro_rules! stores {
    ($($name:ident: $ty:ty;)*) => {
        $(mod $name {
            use super::*;

            #[derive(Default, Serialize, Deserialize, WalState)]
            pub(super) struct Taken {
                shown: Vec<String>,
            }

            #[walr::mutations]
            impl Taken {
                #[mutation]
                pub(super) fn put(&mut self, value: $ty) {
                    self.shown.push(format!("{value:?}"));
                }

                #[query]
                pub(super) fn shown(&self) -> Vec<String> {
                    self.shown.clone()
                }
            }

            #[derive(Default, Serialize, Deserialize, WalState)]
            pub(super) struct Held {
                before: Option<u8>,
                values: Vec<$ty>,
                /// For what follows to be read as something.
                after: [u8; 2],
            }

            #[walr::mutations]
            impl Held {
                #[mutation]
                pub(super) fn put(&mut self, number: u8) {
                    self.values.push(number.into());
                }

                #[query]
                pub(super) fn shown(&self) -> Vec<String> {
                    self.values.iter().map(|value| format!("{value:?}")).collect()
                }
            }

            /// That an argument is applied as it was given, or refused by itself.
            pub(super) async fn is_applied_as_given_or_refused(numbers: &[u8]) -> Result<Vec<Error>> {
                let folder = tempfile::tempdir()?;
                let store = match Durable::<Taken>::open(folder.path()).await {
                    Ok(store) => store,
                    Err(error) => return refused_alike(error, Durable::<Taken>::options().dry_run(folder.path()).await?),
                };
                let (mut given, mut refused) = (Vec::new(), Vec::new());
                for &number in numbers {
                    let value = <$ty>::from(number);
                    let shown = format!("{value:?}");
                    match store.put(value).await {
                        Ok(()) => given.push(shown),
                        Err(error) => refused.push(error),
                    }
                    assert_eq!(store.shown(), given);
                }
                assert_eq!(store.stats().last, Lsn::new(given.len() as u64));
                drop(store);
                assert_eq!(Durable::<Taken>::open(folder.path()).await?.shown(), given);
                Ok(refused)
            }

            /// That a state is after a checkpoint and a reopen what it was before, or the checkpoint is refused.
            pub(super) async fn is_held_as_it_was_or_refused(numbers: &[u8]) -> Result<Vec<Error>> {
                let folder = tempfile::tempdir()?;
                let store = match Durable::<Held>::open(folder.path()).await {
                    Ok(store) => store,
                    Err(error) => return refused_alike(error, Durable::<Held>::options().dry_run(folder.path()).await?),
                };
                for &number in numbers {
                    store.put(number).await?;
                }
                let shown = store.shown();
                let refused: Vec<Error> = store.checkpoint().await.err().into_iter().collect();
                drop(store);
                assert_eq!(Durable::<Held>::open(folder.path()).await?.shown(), shown);
                Ok(refused)
            }
        })*
    };
}

stores! {
    opt: Opt;
    rare: Rare;
    by_hand: ByHand;
    never_written: NeverWritten;
    never_read: NeverRead;
    signed: Signed;
    signed_byte: SignedByte;
    seq: Seq;
    map: Map;
    tuple: Tuple;
    option_of_nothing: OptionOfNothing;
    transfer: Transfer;
}

fn refused_alike(error: Error, looked: walr::DryRun) -> Result<Vec<Error>> {
    assert_eq!(looked.refused.map(|error| error.to_string()), Some(error.to_string()), "a dry run says the same");
    assert_eq!(looked.recovery.records, Recovery::default().records);
    Ok(vec![error])
}

/// That there is one refusal, of these words.
#[track_caller]
fn told(refused: &[Error], parts: &[&str]) {
    let [error] = refused else { panic!("not one refusal: {refused:?}") };
    assert!(matches!(error, Error::Codec { .. }) && error.fate() == Fate::NotRecorded, "{error:?}");
    let told = error.to_string();
    for part in parts {
        assert!(told.contains(part), "no {part} in: {told}");
    }
}

#[test]
fn an_argument_with_a_skipped_field_is_refused_at_open() -> Result {
    run(async {
        let refused = opt::is_applied_as_given_or_refused(&[1]).await?;
        told(&refused, &["the argument `value` of `put`", "`i` of `Opt`", "`skip_serializing_if`"]);
        Ok(())
    })
}

#[test]
fn a_state_with_a_skipped_field_is_refused_at_open() -> Result {
    run(async {
        let refused = opt::is_held_as_it_was_or_refused(&[1]).await?;
        told(&refused, &["`Held.values`", "`i` of `Opt`", "`skip_serializing_if`"]);
        Ok(())
    })
}

#[test]
fn a_field_that_only_one_value_skips_is_refused_with_that_value() -> Result {
    run(async {
        let refused = rare::is_applied_as_given_or_refused(&[1, 77, 2]).await?;
        told(&refused, &["the argument `value` of `put`", "`a` of `Rare::Values`", "`skip_serializing_if`"]);
        let refused = rare::is_held_as_it_was_or_refused(&[1, 77, 2]).await?;
        told(&refused, &["`Held.values`", "`a` of `Rare::Values`"]);
        Ok(())
    })
}

#[test]
fn a_field_that_is_left_out_by_hand_is_refused_with_that_value() -> Result {
    run(async {
        let refused = by_hand::is_applied_as_given_or_refused(&[1, 77, 2]).await?;
        told(&refused, &["the argument `value` of `put`", "another value"]);
        let refused = by_hand::is_held_as_it_was_or_refused(&[1, 77, 2]).await?;
        told(&refused, &["`Held.values`", "another value"]);
        Ok(())
    })
}

#[test]
fn a_field_that_is_written_and_not_read_or_the_reverse_is_refused_at_open() -> Result {
    run(async {
        told(&never_written::is_applied_as_given_or_refused(&[1]).await?, &["the argument `value` of `put`"]);
        told(&never_written::is_held_as_it_was_or_refused(&[1]).await?, &["`Held.values`"]);
        told(&never_read::is_applied_as_given_or_refused(&[1]).await?, &["the argument `value` of `put`"]);
        told(&never_read::is_held_as_it_was_or_refused(&[1]).await?, &["`Held.values`"]);
        Ok(())
    })
}

#[test]
fn a_number_that_is_read_with_another_sign_is_refused() -> Result {
    run(async {
        let words = "is written as a signed integer and read as an unsigned integer";
        told(&signed::is_applied_as_given_or_refused(&[1]).await?, &["`value.number`", words]);
        told(&signed::is_held_as_it_was_or_refused(&[1]).await?, &["`values.item.number`", words]);
        told(&signed_byte::is_applied_as_given_or_refused(&[0, 1]).await?, &["the argument `value` of `put`"]);
        told(&signed_byte::is_held_as_it_was_or_refused(&[0, 1]).await?, &["`Held.values`"]);
        Ok(())
    })
}

#[test]
fn a_length_that_is_not_the_number_of_parts_is_refused() -> Result {
    run(async {
        let words = ["promised 78", "wrote 77"];
        told(&seq::is_applied_as_given_or_refused(&[0, 77, 3]).await?, &words);
        told(&seq::is_held_as_it_was_or_refused(&[0, 77, 3]).await?, &words);
        let words = ["promised 1", "wrote 0"];
        told(&map::is_applied_as_given_or_refused(&[0, 77, 3]).await?, &words);
        told(&map::is_held_as_it_was_or_refused(&[0, 77, 3]).await?, &words);
        let words = ["promised 3", "wrote 2"];
        told(&tuple::is_applied_as_given_or_refused(&[0, 77, 3]).await?, &words);
        told(&tuple::is_held_as_it_was_or_refused(&[0, 77, 3]).await?, &words);
        Ok(())
    })
}

#[test]
fn an_option_that_is_read_as_a_number_is_refused() -> Result {
    run(async {
        let words = "is written as an option and read as a byte";
        told(&option_of_nothing::is_applied_as_given_or_refused(&[2]).await?, &["`value.number`", words]);
        told(&option_of_nothing::is_held_as_it_was_or_refused(&[2]).await?, &["`values.item.number`", words]);
        Ok(())
    })
}

#[test]
fn fields_that_are_written_in_another_order_are_refused_at_open() -> Result {
    run(async {
        let words = ["`Transfer`", "in the order `to`, `from` and read in the order `from`, `to`"];
        told(&transfer::is_applied_as_given_or_refused(&[2]).await?, &words);
        told(&transfer::is_held_as_it_was_or_refused(&[2]).await?, &words);
        Ok(())
    })
}
