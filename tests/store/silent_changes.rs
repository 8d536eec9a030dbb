//! Types whose `Serialize` and `Deserialize` don't match: with a positional codec their bytes can decode to another value without
//! an error. A type that a sample shows to be wrong is refused at open. A value that no sample shows is refused at its call, or by
//! the checkpoint that would hold it.

mod types;

use crate::common::{Result, assert_contains, run};
use serde::{Deserialize, Serialize};
use types::{
    ByHand, Empties, Map, NeverRead, NeverWritten, Opt, OptionOfNothing, Rare, Seq, Signed, SignedByte, Transfer, Tuple,
};
use walr::{Durable, Error, Fate, Lsn, Recovery, WalState};

/// Defines, for each type, a state `Taken` with an argument of the type, and a state `Held` with fields of it.
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

                /// A mutation behind the one that is looked at, whose samples come last.
                #[mutation]
                pub(super) fn clear(&mut self) {
                    self.shown.clear();
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
                /// Bytes that would be decoded as a part of the values.
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

            /// Asserts that each value is applied as it was given, or refused. Returns the refusals.
            #[allow(dead_code, reason = "a type that an open refuses takes no calls")]
            pub(super) async fn refused_as_arguments(numbers: &[u8]) -> Result<Vec<Error>> {
                let folder = tempfile::tempdir()?;
                let store = match Durable::<Taken>::open(folder.path()).await {
                    Ok(store) => store,
                    Err(error) => return same_refusal(error, Durable::<Taken>::options().dry_run(folder.path()).await?),
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

            /// Asserts that a checkpoint keeps the values, or is refused. Returns the refusal.
            #[allow(dead_code, reason = "a type that an open refuses takes no calls")]
            pub(super) async fn refused_in_states(numbers: &[u8]) -> Result<Vec<Error>> {
                let folder = tempfile::tempdir()?;
                let store = match Durable::<Held>::open(folder.path()).await {
                    Ok(store) => store,
                    Err(error) => return same_refusal(error, Durable::<Held>::options().dry_run(folder.path()).await?),
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
    empties: Empties;
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

/// Asserts that an open refuses the state with these parts in the message, and that a dry run reports the same.
async fn assert_refused_at_open<S: WalState + Default>(parts: &[&str]) -> Result {
    let folder = tempfile::tempdir()?;
    let Err(error) = Durable::<S>::open(folder.path()).await else { return Err("the open accepted the state".into()) };
    let refused = same_refusal(error, Durable::<S>::options().dry_run(folder.path()).await?)?;
    assert_one(&refused, parts);
    Ok(())
}

/// Asserts that a dry run reports the refusal of the open, and returns it.
fn same_refusal(error: Error, dry: walr::DryRun) -> Result<Vec<Error>> {
    assert_eq!(dry.refused.map(|error| error.to_string()), Some(error.to_string()));
    assert_eq!(dry.recovery.records, Recovery::default().records);
    Ok(vec![error])
}

/// Asserts that there is one refusal, with these parts in its message.
#[track_caller]
fn assert_one(refused: &[Error], parts: &[&str]) {
    let [error] = refused else { panic!("there is not one refusal: {refused:?}") };
    assert!(matches!(error, Error::Codec { .. }) && error.fate() == Fate::NotRecorded, "{error:?}");
    assert_contains(&error.to_string(), parts);
}

#[test]
fn an_argument_with_a_skipped_field_is_refused_at_open() -> Result {
    run(async {
        assert_refused_at_open::<opt::Taken>(&[
            "the argument `value` of `put`",
            "`i` of `Opt`",
            "`skip_serializing_if`",
        ])
        .await?;
        Ok(())
    })
}

#[test]
fn a_state_with_a_skipped_field_is_refused_at_open() -> Result {
    run(async {
        assert_refused_at_open::<opt::Held>(&["`Held.values`", "`i` of `Opt`", "`skip_serializing_if`"]).await?;
        Ok(())
    })
}

#[test]
fn a_field_that_is_skipped_where_it_is_empty_is_refused_at_open() -> Result {
    run(async {
        let parts = ["`text` of `Empties::Note`", "`skip_serializing_if`"];
        assert_refused_at_open::<empties::Taken>(&parts).await?;
        assert_refused_at_open::<empties::Held>(&parts).await
    })
}

#[test]
fn a_value_that_skips_a_field_is_refused() -> Result {
    run(async {
        let refused = rare::refused_as_arguments(&[1, 77, 2]).await?;
        assert_one(&refused, &["the argument `value` of `put`", "`a` of `Rare::Values`", "`skip_serializing_if`"]);
        let refused = rare::refused_in_states(&[1, 77, 2]).await?;
        assert_one(&refused, &["`Held.values`", "`a` of `Rare::Values`"]);
        Ok(())
    })
}

#[test]
fn a_value_whose_implementation_leaves_a_field_out_is_refused() -> Result {
    run(async {
        let refused = by_hand::refused_as_arguments(&[1, 77, 2]).await?;
        assert_one(&refused, &["the argument `value` of `put`", "another value"]);
        let refused = by_hand::refused_in_states(&[1, 77, 2]).await?;
        assert_one(&refused, &["`Held.values`", "another value"]);
        Ok(())
    })
}

#[test]
fn a_field_that_is_written_only_or_read_only_is_refused_at_open() -> Result {
    run(async {
        assert_refused_at_open::<never_written::Taken>(&["the argument `value` of `put`"]).await?;
        assert_refused_at_open::<never_written::Held>(&["`Held.values`"]).await?;
        assert_refused_at_open::<never_read::Taken>(&["the argument `value` of `put`"]).await?;
        assert_refused_at_open::<never_read::Held>(&["`Held.values`"]).await?;
        Ok(())
    })
}

#[test]
fn a_signed_number_that_is_read_as_unsigned_is_refused() -> Result {
    run(async {
        let part = "is written as a signed integer and read as an unsigned integer";
        assert_one(&signed::refused_as_arguments(&[1]).await?, &["`value.number`", part]);
        assert_one(&signed::refused_in_states(&[1]).await?, &["`values.item.number`", part]);
        assert_one(&signed_byte::refused_as_arguments(&[0, 1]).await?, &["the argument `value` of `put`"]);
        assert_one(&signed_byte::refused_in_states(&[0, 1]).await?, &["`Held.values`"]);
        Ok(())
    })
}

#[test]
fn a_length_that_differs_from_the_number_of_elements_is_refused() -> Result {
    run(async {
        let parts = ["promised 78", "wrote 77"];
        assert_one(&seq::refused_as_arguments(&[0, 77, 3]).await?, &parts);
        assert_one(&seq::refused_in_states(&[0, 77, 3]).await?, &parts);
        let parts = ["promised 1", "wrote 0"];
        assert_one(&map::refused_as_arguments(&[0, 77, 3]).await?, &parts);
        assert_one(&map::refused_in_states(&[0, 77, 3]).await?, &parts);
        let parts = ["promised 3", "wrote 2"];
        assert_one(&tuple::refused_as_arguments(&[0, 77, 3]).await?, &parts);
        assert_one(&tuple::refused_in_states(&[0, 77, 3]).await?, &parts);
        Ok(())
    })
}

#[test]
fn an_option_that_is_read_as_a_number_is_refused() -> Result {
    run(async {
        let part = "is written as an option and read as a byte";
        assert_one(&option_of_nothing::refused_as_arguments(&[2]).await?, &["`value.number`", part]);
        assert_one(&option_of_nothing::refused_in_states(&[2]).await?, &["`values.item.number`", part]);
        Ok(())
    })
}

#[test]
fn fields_that_are_read_in_another_order_are_refused_at_open() -> Result {
    run(async {
        let parts = ["`Transfer`", "in the order `to`, `from` and read in the order `from`, `to`"];
        assert_refused_at_open::<transfer::Taken>(&parts).await?;
        assert_refused_at_open::<transfer::Held>(&parts).await?;
        Ok(())
    })
}
