//! Migrations with `#[wal(version = …, migrate_from = …)]`.

use walr::{Durable, Error};

use crate::Expected::{Refused, Works};
use crate::common::{Result, run, snapshot};
use crate::{End, Outcome, changes, options, reopen, written};

pub(crate) mod v1 {
    use serde::{Deserialize, Serialize};
    use walr::WalState;

    #[derive(Default, Serialize, Deserialize, WalState)]
    pub(crate) struct Cache {
        text: String,
    }

    #[walr::mutations]
    impl Cache {
        #[mutation]
        fn add(&mut self, word: &str) {
            self.text += word;
            self.text.push(' ');
        }
    }
}

/// Defines a program whose version 2 holds words, with its type of version 1 and its conversion.
macro_rules! version_2 {
    ($name:ident, $old:item, $convert:expr) => {
        pub(crate) mod $name {
            use serde::{Deserialize, Serialize};
            use walr::WalState;

            #[derive(Deserialize)]
            $old

            #[derive(Default, Serialize, Deserialize, WalState)]
            #[wal(version = 2, migrate_from = CacheV1)]
            pub(crate) struct Cache {
                pub(crate) words: Vec<String>,
            }

            impl From<CacheV1> for Cache {
                fn from(old: CacheV1) -> Cache {
                    let convert: fn(CacheV1) -> Vec<String> = $convert;
                    Cache { words: convert(old) }
                }
            }

            #[walr::mutations]
            impl Cache {
                #[mutation]
                pub(crate) fn add(&mut self, word: &str) {
                    self.words.push(word.to_string());
                }
            }
        }
    };
}

version_2!(
    v2,
    struct CacheV1 {
        text: String,
    },
    |old| old.text.split_whitespace().map(str::to_string).collect()
);
version_2!(
    panics,
    struct CacheV1 {
        text: String,
    },
    |old| panic!("{} can't be split", old.text.len())
);
version_2!(
    wrong_type,
    struct CacheV1 {
        text: Vec<u8>,
    },
    |old| vec![format!("{:?}", old.text)]
);

version_2!(
    field_renamed,
    struct CacheV1 {
        joined: String,
    },
    |old| vec![old.joined]
);

pub(crate) mod v3 {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Serialize};
    use walr::WalState;

    #[derive(Deserialize)]
    struct CacheV1 {
        text: String,
    }

    #[derive(Deserialize)]
    struct CacheV2 {
        words: Vec<String>,
    }

    impl From<CacheV1> for CacheV2 {
        fn from(old: CacheV1) -> CacheV2 {
            CacheV2 { words: old.text.split_whitespace().map(str::to_string).collect() }
        }
    }

    #[derive(Default, Serialize, Deserialize, WalState)]
    #[wal(version = 3, migrate_from = [CacheV1, CacheV2])]
    pub(crate) struct Cache {
        pub(crate) counts: BTreeMap<String, u64>,
    }

    impl From<CacheV2> for Cache {
        fn from(old: CacheV2) -> Cache {
            let mut cache = Cache::default();
            old.words.iter().for_each(|word| cache.add(word));
            cache
        }
    }

    #[walr::mutations]
    impl Cache {
        #[mutation]
        fn add(&mut self, word: &str) {
            *self.counts.entry(word.to_string()).or_default() += 1;
        }
    }
}

fn add(words: &[&str]) -> Vec<v1::CacheLog> {
    words.iter().map(|word| v1::CacheLog::Add { word: word.to_string() }).collect()
}

/// Returns a folder of version 1 with a checkpoint and a record above it.
pub(crate) async fn folder_of_v1() -> Result<tempfile::TempDir> {
    let folder = written::<v1::Cache>(End::Closed, add(&["one", "two"])).await?;
    let state = options::<v1::Cache>().open(folder.path()).await?;
    state.apply_batch(add(&["two"])).await?;
    Ok(folder)
}

/// Opens a folder of version 1 with a later program.
macro_rules! migrated {
    ($later:ident, $check:expr) => {
        async { Ok(reopen(folder_of_v1().await?, options::<$later::Cache>()).await?.outcome($check)) }
    };
}

changes! {
    one_version_is_migrated, "the next version with `migrate_from`", Works
        => migrated!(v2, |state: &Durable<v2::Cache>| state.read(|cache| cache.words == ["one", "two", "two"]));
    two_versions_are_migrated, "two versions later with `migrate_from = [CacheV1, CacheV2]`", Works
        => migrated!(v3, |state: &Durable<v3::Cache>| state.read(|cache| cache.counts["one"] == 1 && cache.counts["two"] == 2));
    a_migration_panics, "a migration that panics",
        Refused(&["from version 1 to 2", "`impl From<CacheV1> for Cache`", "8 can't be split", "nothing was changed"])
        => migrated!(panics, |_| true);
    the_old_type_has_other_fields, "a migration from a type that isn't the old one",
        Refused(&["version 1 of the state, `struct { text: string }`", "`CacheV1`", "is `struct { text: seq<u8> }`"])
        => migrated!(wrong_type, |_| true);
    the_old_type_has_a_renamed_field, "a migration from the old type with a field renamed",
        Refused(&["restore `CacheV1` as it was in that version", "`#[serde(rename = \"text\")]` on `joined`"])
        => migrated!(field_renamed, |_| true);
    the_old_program_opens_newer_records, "the old program after a migration, and records of the new one", Refused(&["the log holds version 2 of `Cache`", "newer program"])
        => opened_by_the_old_program();
}

/// Lets version 2 open a folder of version 1 and add a record without a checkpoint, and opens the folder with version 1.
async fn opened_by_the_old_program() -> Result<Outcome> {
    let reopened = reopen(folder_of_v1().await?, options::<v2::Cache>()).await?;
    reopened.opened?.apply(v2::CacheLog::Add { word: "three".into() }).await?;
    Ok(reopen(reopened.folder, options::<v1::Cache>()).await?.outcome(|_| true))
}

#[test]
fn a_store_is_migrated_version_by_version() -> Result {
    run(async {
        let folder = folder_of_v1().await?;
        let state = Durable::<v2::Cache>::open(folder.path()).await?;
        state.add("three").await?;
        state.close().await?;
        drop(state);
        let state = Durable::<v3::Cache>::open(folder.path()).await?;
        assert_eq!(state.read(|cache| cache.counts.len()), 3);
        state.close().await?;
        Ok(())
    })
}

#[test]
fn a_panicking_migration_is_an_error_of_its_own_and_the_old_program_works() -> Result {
    run(async {
        let folder = folder_of_v1().await?;
        let before = snapshot(folder.path())?;
        for _ in 0..2 {
            let error = Durable::<panics::Cache>::open(folder.path()).await.expect_err("the panic was ignored");
            assert!(matches!(error, Error::Migration { from: 1, to: 2, .. }), "{error:?}");
            assert_eq!(snapshot(folder.path())?, before);
        }
        let state = Durable::<v1::Cache>::open(folder.path()).await?;
        assert_eq!(state.store().recovery().records, 1);
        Ok(())
    })
}
