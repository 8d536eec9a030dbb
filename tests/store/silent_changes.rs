//! Types whose `Serialize` and `Deserialize` don't agree: under a positional codec their bytes can decode to another value
//! without an error. What a sample shows is refused at open, and what only a value shows is refused at its call, or at the
//! checkpoint that would hold it.

mod types;

use crate::common::{Result, run};
use serde::{Deserialize, Serialize};
use types::{
    ByHand, Map, NeverRead, NeverWritten, Opt, OptionOfNothing, Rare, Seq, Signed, SignedByte, Transfer, Tuple,
};
use walr::{Durable, Error, Fate, Lsn, Recovery, WalState};

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
