//! Changes of the state's fields, name and version.

use crate::Expected::{Refused, Works};
use crate::common as other_program;
use crate::{End, changes, upgrade};

/// Defines a program with this state and a mutation that changes nothing.
macro_rules! state {
    ($name:ident { $(#[$option:meta])* struct $state:ident $fields:tt $(type $($types:tt)*)? }) => {
        pub(crate) mod $name {
            #![allow(dead_code, unused_imports)]
            use std::collections::{BTreeMap, HashMap};

            use serde::{Deserialize, Serialize};
            use walr::WalState;

            $($($types)*)?

            #[derive(Debug, Default, PartialEq, Serialize, Deserialize, WalState)]
            $(#[$option])*
            pub(crate) struct $state $fields

            #[walr::mutations]
            impl $state {
                #[mutation]
                pub(crate) fn touch(&mut self) {}
            }
        }
    };
}
state!(v1 { struct Cache { entries: Vec<String>, hits: u64 } });
state!(added { struct Cache { entries: Vec<String>, hits: u64, misses: u64 } });
state!(removed { struct Cache { entries: Vec<String> } });
state!(retyped { struct Cache { entries: Vec<String>, hits: u32 } });
state!(swapped { struct Cache { hits: u64, entries: Vec<String> } });
state!(index_added { struct Cache { entries: Vec<String>, hits: u64, #[serde(skip)] #[wal(not_rebuilt)] index: HashMap<String, u8> } });
state!(renamed { #[wal(name = "Cache")] struct Store { entries: Vec<String>, hits: u64 } });
state!(renamed_without { struct Store { entries: Vec<String>, hits: u64 } });
state!(alias { struct Cache { entries: List, hits: u64 } type type List = Vec<String>; });
state!(version_2 { #[wal(version = 2)] struct Cache { entries: Vec<String>, hits: u64 } });

state!(field_renamed { struct Cache { entries: Vec<String>, uses: u64 } });
state!(field_renamed_with { struct Cache { entries: Vec<String>, #[serde(rename = "hits", default)] uses: u64 } });
state!(field_renamed_with_an_alias { struct Cache { entries: Vec<String>, #[serde(alias = "hits")] uses: u64 } });
state!(in_capitals { #[serde(rename_all = "UPPERCASE")] struct Cache { entries: Vec<String>, hits: u64 } });
state!(now_skipped { struct Cache { entries: Vec<String>, #[serde(skip)] #[wal(not_rebuilt)] hits: u64 } });
state!(through_another { #[serde(from = "Hits", into = "Hits")] struct Cache { entries: Vec<String>, hits: u64 }
    type #[derive(Serialize, Deserialize)] struct Hits { hits: u64 }
    impl From<Hits> for Cache { fn from(from: Hits) -> Cache { Cache { entries: Vec::new(), hits: from.hits } } }
    impl From<Cache> for Hits { fn from(from: Cache) -> Hits { Hits { hits: from.hits } } }
    impl Clone for Cache { fn clone(&self) -> Cache { Cache { entries: self.entries.clone(), hits: self.hits } } } });

state!(nested { struct Cache { entries: Vec<Entry> }
    type #[derive(Debug, PartialEq, Serialize, Deserialize)] struct Entry { id: u64, name: String } });
state!(nested_swapped { struct Cache { entries: Vec<Entry> }
    type #[derive(Debug, PartialEq, Serialize, Deserialize)] struct Entry { name: String, id: u64 } });

state!(opaque { struct Cache { entries: Vec<Secret> }
    type #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(try_from = "String")]
    struct Secret(String);
    impl TryFrom<String> for Secret {
        type Error = &'static str;
        fn try_from(text: String) -> Result<Secret, &'static str> {
            if text.len() > 99 { Ok(Secret(text)) } else { Err("too short") }
        }
    } });

/// Makes three calls with one program, and opens the folder with another one.
macro_rules! upgraded {
    ($before:ident::$old:ident, $after:ident::$new:ident, $end:ident) => {
        async {
            let calls = vec![$before::CacheLog::Touch; 3];
            let reopened = upgrade::<$before::$old, $after::$new>(End::$end, calls).await?;
            Ok(reopened.outcome(|state| state.read(|state| *state == Default::default())))
        }
    };
}

changes! {
    field_is_added, "a field of the state added",
        Refused(&["`{ entries: Vec<String>, hits: u64 }`", "`{ entries: Vec<String>, hits: u64, misses: u64 }`", "version = 2"])
        => upgraded!(v1::Cache, added::Cache, Killed);
    field_is_removed, "a field of the state removed",
        Refused(&["`{ entries: Vec<String>, hits: u64 }`", "`{ entries: Vec<String> }`"]) => upgraded!(v1::Cache, removed::Cache, Closed);
    field_is_retyped, "a field of the state retyped", Refused(&["hits: u64", "hits: u32"]) => upgraded!(v1::Cache, retyped::Cache, Killed);
    fields_are_swapped, "two fields of the state swapped", Refused(&["`{ hits: u64, entries: Vec<String> }`"])
        => upgraded!(v1::Cache, swapped::Cache, Killed);
    fields_inside_are_swapped, "two fields swapped in a type inside the state",
        Refused(&["struct Entry { id: u64, name: string }", "struct Entry { name: string, id: u64 }"])
        => upgraded!(nested::Cache, nested_swapped::Cache, Killed);
    field_is_renamed, "a field of the state renamed", Refused(&["hits: u64", "uses: u64", "`#[serde(rename = \"hits\")]` on `uses`"])
        => upgraded!(v1::Cache, field_renamed::Cache, Killed);
    field_is_renamed_with_serde, "a field of the state renamed, with `#[serde(rename = \"hits\")]`", Works
        => upgraded!(v1::Cache, field_renamed_with::Cache, Killed);
    field_is_renamed_with_an_alias, "a field of the state renamed, with `#[serde(alias = \"hits\")]`", Works
        => upgraded!(v1::Cache, field_renamed_with_an_alias::Cache, Killed);
    alias_is_added, "an alias added to a field of the state", Works
        => upgraded!(field_renamed::Cache, field_renamed_with_an_alias::Cache, Closed);
    fields_are_in_capitals, "`#[serde(rename_all = \"UPPERCASE\")]` on the state", Refused(&["hits: u64", "HITS: u64"])
        => upgraded!(v1::Cache, in_capitals::Cache, Killed);
    field_is_skipped, "`#[serde(skip)]` added to a field of the state", Refused(&["`{ entries: Vec<String> }`"])
        => upgraded!(v1::Cache, now_skipped::Cache, Closed);
    state_is_written_as_another_type, "`#[serde(from = \"…\", into = \"…\")]` on the state", Refused(&["hits: u64"])
        => upgraded!(v1::Cache, through_another::Cache, Closed);
    field_type_gets_an_alias, "an alias for a field's type", Works => upgraded!(v1::Cache, alias::Cache, Killed);
    skipped_field_is_added, "a `#[serde(skip)]` field added", Works => upgraded!(v1::Cache, index_added::Cache, Closed);
    opaque_field_is_unchanged, "nothing, in a state with a type that can't be traced", Works => upgraded!(opaque::Cache, opaque::Cache, Killed);
    state_is_renamed_with_its_old_name_on_disk, "the type renamed, with `#[wal(name = \"Cache\")]`", Works => upgraded!(v1::Cache, renamed::Store, Killed);
    state_is_renamed, "the type renamed, without a name",
        Refused(&["holds a `Cache`, and was opened as a `Store`", "#[wal(name = \"Cache\")]"])
        => upgraded!(v1::Cache, renamed_without::Store, Killed);
    folder_holds_another_state, "the folder of another state", Refused(&["holds a `Cache`, and was opened as a `Words`", "open the right folder"])
        => upgraded!(v1::Cache, other_program::Words, Closed);
    version_is_raised_without_a_migration, "`version = 2` without a migration", Refused(&["version 1 of `Cache`", "version 2", "migrate_from"])
        => upgraded!(v1::Cache, version_2::Cache, Killed);
    version_is_newer_than_the_program, "an older program after a newer version", Refused(&["version 2 of `Cache`", "has version 1", "newer program"])
        => upgraded!(version_2::Cache, v1::Cache, Closed);
}
