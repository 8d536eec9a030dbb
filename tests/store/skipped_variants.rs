//! Enums that serde's derives write with one variant number and read with another: `Shut` would be stored, and applied, as
//! `Broken` without an error. A store of such a type doesn't open.

use crate::common::{Result, assert_contains, run, snapshot};
use serde::{Deserialize, Serialize};
use walr::{Durable, Error, Fate, WalState};

/// serde numbers all variants when it writes, and skips `Skipped` when it reads.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) enum Door {
    #[default]
    Open,
    #[serde(skip)]
    #[expect(dead_code)]
    Skipped,
    Shut,
    Broken,
}

/// An enum whose skipped variant comes last, so that both numberings agree.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) enum Gate {
    #[default]
    Open,
    Shut {
        by: String,
    },
    #[serde(skip)]
    Skipped,
}

macro_rules! house {
    ($name:ident { $field:ty, $argument:ty }) => {
        mod $name {
            use super::*;

            #[derive(Default, Serialize, Deserialize, WalState)]
            #[wal(name = "House")]
            pub(super) struct House {
                pub(super) parts: Vec<$field>,
                pub(super) calls: u64,
            }

            #[walr::mutations]
            impl House {
                #[mutation]
                pub(super) fn set(&mut self, _part: $argument) -> u64 {
                    self.calls += 1;
                    self.calls
                }
            }
        }
    };
}
house!(accepted { Gate, Gate });
house!(in_an_argument { Gate, Option<Vec<(u8, Door)>> });
house!(in_the_state { Door, Gate });
house!(after_a_key { (Key, Door), (Key, Door) });

/// A text that accepts one value only, so that no sample is made of it, nor of the fields after it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Key(String);

impl TryFrom<String> for Key {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Key, &'static str> {
        if text == "it fits" { Ok(Key(text)) } else { Err("it doesn't fit") }
    }
}

/// Asserts that a new and an existing store of `S` are refused by name, and that nothing changes.
async fn assert_refused<S: WalState + Default>() -> Result {
    let folder = tempfile::tempdir()?;
    let missing = folder.path().join("missing");
    let dry = Durable::<S>::options().dry_run(&missing).await?;
    assert!(matches!(dry.refused, Some(Error::Codec { .. })), "{dry:?}");
    let error = Durable::<S>::open(&missing).await.expect_err("a store that would be misread was created");
    assert!(matches!(error, Error::Codec { .. }) && error.fate() == Fate::NotRecorded, "{error:?}");
    assert_contains(&error.to_string(), &["`Door`", "`Shut` is written as number 2", "`Broken`", "to the end"]);
    assert!(!missing.exists(), "the refusal created the folder");

    let path = folder.path().join("existing");
    let house = Durable::<accepted::House>::open(&path).await?;
    house.set(Gate::Shut { by: "me".into() }).await?;
    drop(house);
    let before = snapshot(&path)?;
    assert!(matches!(Durable::<S>::options().dry_run(&path).await?.refused, Some(Error::Codec { .. })));
    assert!(matches!(Durable::<S>::open(&path).await, Err(Error::Codec { .. })));
    assert_eq!(snapshot(&path)?, before);
    Ok(())
}

#[test]
fn an_argument_that_would_be_read_as_another_value_is_refused() -> Result {
    run(assert_refused::<in_an_argument::House>())
}

#[test]
fn a_field_that_would_be_read_as_another_value_is_refused() -> Result {
    run(assert_refused::<in_the_state::House>())
}

#[test]
fn a_variant_that_no_sample_reaches_is_refused_with_its_value() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let house = Durable::<after_a_key::House>::open(folder.path()).await?;
        let fits = || Key("it fits".into());
        assert_eq!(house.set((fits(), Door::Open)).await?, 1);
        let error = house.set((fits(), Door::Shut)).await.expect_err("`Shut` was applied as `Broken`");
        let parts = ["the variant `Shut` of `Door` is written as number 2", "to the end"];
        assert_contains(&error.to_string(), &parts);
        assert_eq!(house.stats().last, walr::Lsn::new(1));
        drop(house);

        let folder = tempfile::tempdir()?;
        let first = || after_a_key::House { parts: vec![(fits(), Door::Shut)], calls: 0 };
        let error = Durable::options().open_with(folder.path(), first).await.expect_err("`Shut` was read as `Broken`");
        assert_contains(&error.to_string(), &parts);
        Ok(())
    })
}

#[test]
fn skipped_variants_at_the_end_are_accepted() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let house = Durable::<accepted::House>::open(folder.path()).await?;
        house.set(Gate::Shut { by: "me".into() }).await?;
        assert!(
            matches!(house.set(Gate::Skipped).await, Err(Error::Codec { .. })),
            "a skipped variant has no encoding"
        );
        assert_eq!(house.set(Gate::Open).await?, 2);
        Ok(())
    })
}
