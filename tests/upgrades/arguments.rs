//! Changes of parameters and of the types inside them.

use crate::Expected::{Refused, Works};
use crate::{End, changes, upgrade};

/// Defines a program with one mutation of these parameters, and the types of the parameters.
macro_rules! program {
    ($name:ident { $(#[mutation $($options:tt)?] fn $method:ident($($param:ident: $ty:ty),*);)* $(type $($types:tt)*)? }) => {
        mod $name {
            #![allow(dead_code, unused_variables, unused_imports)]
            use std::collections::HashMap;

            use serde::{Deserialize, Serialize};
            use walr::WalState;

            $($($types)*)?

            #[derive(Default, Serialize, Deserialize, WalState)]
            pub(crate) struct Cache {
                pub(crate) calls: Vec<String>,
            }

            #[walr::mutations]
            impl Cache {
                $(#[mutation $($options)?]
                fn $method(&mut self, $($param: $ty),*) {
                    let call = format!("{:?}", ($($param,)*));
                    self.calls.push(call);
                })*
            }
        }
    };
}

program!(v1 { #[mutation] fn put(key: String, count: u64); });
program!(added { #[mutation] fn put(key: String, count: u64, force: bool); });
program!(removed { #[mutation] fn put(key: String); });
program!(retyped { #[mutation] fn put(key: String, count: u32); });
program!(swapped { #[mutation] fn put(count: u64, key: String); });
program!(borrowed { #[mutation] fn put(key: &str, count: u64); });
program!(old_form_kept {
    #[mutation] fn put_all(key: String, count: u64, force: bool);
    #[mutation(name = "put", replay_only)] fn put_old(key: String, count: u64);
});

program!(entries {
    #[mutation] fn put(entry: Entry);
    type #[derive(Clone, Debug, Serialize, Deserialize)]
    pub(crate) struct Entry { pub(crate) id: u64, pub(crate) size: u64 }
});
program!(field_added {
    #[mutation] fn put(entry: Entry);
    type #[derive(Clone, Debug, Serialize, Deserialize)]
    struct Entry { id: u64, size: u64, tags: Vec<String> }
});
program!(field_added_old_form {
    #[mutation(name = "put_more")] fn put(entry: Entry);
    #[mutation(name = "put", replay_only)] fn put_old(entry: OldEntry);
    type #[derive(Clone, Debug, Serialize, Deserialize)]
    struct Entry { id: u64, size: u64, tags: Vec<String> }
    #[derive(Clone, Debug, Serialize, Deserialize)]
    struct OldEntry { id: u64, size: u64 }
});
program!(field_added_old_name {
    #[mutation(name = "put_more")] fn put(entry: Entry);
    #[mutation(name = "put", replay_only)] fn put_old(entry: OldEntry);
    type #[derive(Clone, Debug, Serialize, Deserialize)]
    struct Entry { id: u64, size: u64, tags: Vec<String> }
    #[derive(Clone, Debug, Serialize, Deserialize)]
    #[serde(rename = "Entry")]
    struct OldEntry { id: u64, size: u64 }
});
program!(fields_swapped {
    #[mutation] fn put(entry: Entry);
    type #[derive(Clone, Debug, Serialize, Deserialize)]
    struct Entry { size: u64, id: u64 }
});
program!(deep_inside {
    #[mutation] fn put(entry: Entry);
    type #[derive(Clone, Debug, Serialize, Deserialize)]
    struct Entry { id: Id, size: u64 }
    #[derive(Clone, Debug, Serialize, Deserialize)]
    struct Id { number: u64 }
});

program!(field_renamed {
    #[mutation] fn put(entry: Entry);
    type #[derive(Clone, Debug, Serialize, Deserialize)]
    struct Entry { number: u64, size: u64 }
});
program!(field_renamed_with_serde {
    #[mutation] fn put(entry: Entry);
    type #[derive(Clone, Debug, Serialize, Deserialize)]
    struct Entry { #[serde(rename = "id")] number: u64, #[serde(default)] size: u64 }
});
program!(field_renamed_with_an_alias {
    #[mutation] fn put(entry: Entry);
    type #[derive(Clone, Debug, Serialize, Deserialize)]
    struct Entry { #[serde(alias = "id")] number: u64, size: u64 }
});
program!(fields_in_capitals {
    #[mutation] fn put(entry: Entry);
    type #[derive(Clone, Debug, Serialize, Deserialize)]
    #[serde(rename_all = "UPPERCASE")]
    struct Entry { id: u64, size: u64 }
});
program!(field_skipped {
    #[mutation] fn put(entry: Entry);
    type #[derive(Clone, Debug, Serialize, Deserialize)]
    struct Entry { id: u64, #[serde(skip)] size: u64 }
});
program!(field_as_text {
    #[mutation] fn put(entry: Entry);
    type #[derive(Clone, Debug, Serialize, Deserialize)]
    struct Entry { id: u64, #[serde(with = "text")] size: u64 }
    mod text {
        use serde::{Deserialize, Deserializer, Serializer};
        pub(super) fn serialize<S: Serializer>(size: &u64, to: S) -> Result<S::Ok, S::Error> {
            to.collect_str(size)
        }
        pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
            String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
        }
    }
});
program!(struct_renamed {
    #[mutation] fn put(entry: Item);
    type #[derive(Clone, Debug, Serialize, Deserialize)]
    struct Item { id: u64, size: u64 }
});
program!(struct_renamed_with_serde {
    #[mutation] fn put(entry: Item);
    type #[derive(Clone, Debug, Serialize, Deserialize)]
    #[serde(rename = "Entry")]
    struct Item { id: u64, size: u64 }
});

program!(amounts {
    #[mutation] fn put(amount: Amount);
    type pub(crate) type Amount = u64;
});
program!(alias_changed {
    #[mutation] fn put(amount: Amount);
    type type Amount = u32;
});
program!(alias_spelt_out { #[mutation] fn put(amount: u64); });

program!(doors {
    #[mutation] fn put(door: Option<Door>);
    type #[derive(Clone, Debug, Serialize, Deserialize)]
    pub(crate) enum Door { Open, Closed { since: u64 } }
});
program!(variant_inserted {
    #[mutation] fn put(door: Option<Door>);
    type #[derive(Clone, Debug, Serialize, Deserialize)]
    enum Door { Ajar, Open, Closed { since: u64 } }
});

program!(variant_renamed {
    #[mutation] fn put(door: Option<Door>);
    type #[derive(Clone, Debug, Serialize, Deserialize)]
    enum Door { Open, Shut { since: u64 } }
});
program!(variant_renamed_with_serde {
    #[mutation] fn put(door: Option<Door>);
    type #[derive(Clone, Debug, Serialize, Deserialize)]
    enum Door { Open, #[serde(rename = "Closed")] Shut { since: u64 } }
});
program!(variant_renamed_with_an_alias {
    #[mutation] fn put(door: Option<Door>);
    type #[derive(Clone, Debug, Serialize, Deserialize)]
    enum Door { #[serde(alias = "Ajar")] Open, #[serde(alias = "Closed")] Shut { since: u64 } }
});
program!(variant_skipped_at_the_end {
    #[mutation] fn put(door: Option<Door>);
    type #[derive(Clone, Debug, Serialize, Deserialize)]
    enum Door { Open, Closed { since: u64 }, #[serde(skip)] Skipped }
});
program!(variant_skipped_before_others {
    #[mutation] fn put(door: Option<Door>);
    type #[derive(Clone, Debug, Serialize, Deserialize)]
    enum Door { Open, #[serde(skip)] Skipped, Closed { since: u64 } }
});

fn put() -> Vec<v1::CacheLog> {
    vec![v1::CacheLog::Put { key: "a".into(), count: 7 }]
}

fn put_entry() -> Vec<entries::CacheLog> {
    vec![entries::CacheLog::Put { entry: entries::Entry { id: 1, size: 2 } }]
}

fn put_door() -> Vec<doors::CacheLog> {
    vec![doors::CacheLog::Put { door: Some(doors::Door::Closed { since: 3 }) }]
}

/// Makes the calls with one program, opens the folder with another one, and compares the calls that it replays.
macro_rules! upgraded {
    ($before:ident, $after:ident, $calls:expr, $found:literal) => {
        async {
            let reopened = upgrade::<$before::Cache, $after::Cache>(End::Killed, $calls).await?;
            Ok(reopened.outcome(|state| state.read(|cache| cache.calls == [$found])))
        }
    };
}

changes! {
    parameter_is_borrowed, "a parameter borrowed instead of owned", Works => upgraded!(v1, borrowed, put(), "(\"a\", 7)");
    parameter_is_added, "a parameter added",
        Refused(&["1 record of `put(key: String, count: u64)`", "`put(key: String, count: u64, force: bool)`", "replay_only"])
        => upgraded!(v1, added, put(), "");
    parameter_is_removed, "a parameter removed",
        Refused(&["`put(key: String, count: u64)`", "has `put(key: String)`"]) => upgraded!(v1, removed, put(), "");
    parameter_is_retyped, "a parameter retyped",
        Refused(&["`put(key: String, count: u64)`", "`put(key: String, count: u32)`"]) => upgraded!(v1, retyped, put(), "");
    parameters_are_swapped, "two parameters swapped",
        Refused(&["`put(key: String, count: u64)`", "`put(count: u64, key: String)`"]) => upgraded!(v1, swapped, put(), "");
    old_form_is_kept, "a parameter added, and the old form kept as `replay_only`", Works
        => upgraded!(v1, old_form_kept, put(), "(\"a\", 7)");
    field_is_added, "a field added inside an argument's own struct",
        Refused(&["struct Entry { id: u64, size: u64 }", "struct Entry { id: u64, size: u64, tags: seq<string> }"])
        => upgraded!(entries, field_added, put_entry(), "");
    old_struct_is_renamed, "a field added inside an argument's own struct, and the old form kept with a renamed struct",
        Refused(&["put(entry: Entry)", "put(entry: OldEntry)", "`#[serde(rename = \"Entry\")]` on `OldEntry`"])
        => upgraded!(entries, field_added_old_form, put_entry(), "");
    old_struct_has_its_old_name, "a field added inside an argument's own struct, and the old form kept with `#[serde(rename = \"Entry\")]`", Works
        => upgraded!(entries, field_added_old_name, put_entry(), "(OldEntry { id: 1, size: 2 },)");
    fields_are_swapped, "two fields of an argument's struct swapped",
        Refused(&["struct Entry { id: u64, size: u64 }", "struct Entry { size: u64, id: u64 }"])
        => upgraded!(entries, fields_swapped, put_entry(), "");
    field_is_retyped, "the type of a field of an argument's struct changed",
        Refused(&["id: struct Id { number: u64 }"]) => upgraded!(entries, deep_inside, put_entry(), "");
    alias_is_changed, "a type alias changed", Refused(&["put(amount: u64)", "put(amount: u32)"])
        => upgraded!(amounts, alias_changed, vec![amounts::CacheLog::Put { amount: 5 }], "");
    alias_is_replaced, "a type alias replaced by its type", Works
        => upgraded!(amounts, alias_spelt_out, vec![amounts::CacheLog::Put { amount: 5 }], "(5,)");
    variant_is_inserted, "a variant added before the others of an argument's enum", Refused(&["enum Door { Open,", "enum Door { Ajar,"])
        => upgraded!(doors, variant_inserted, put_door(), "");
    field_is_renamed, "a field of an argument's struct renamed",
        Refused(&["id: u64", "number: u64", "or, if you only changed names", "`#[serde(rename = \"id\")]` on `number`"])
        => upgraded!(entries, field_renamed, put_entry(), "");
    field_is_renamed_with_serde, "a field of an argument's struct renamed, with `#[serde(rename = \"id\")]`", Works
        => upgraded!(entries, field_renamed_with_serde, put_entry(), "(Entry { number: 1, size: 2 },)");
    field_is_renamed_with_an_alias, "a field of an argument's struct renamed, with `#[serde(alias = \"id\")]`", Works
        => upgraded!(entries, field_renamed_with_an_alias, put_entry(), "(Entry { number: 1, size: 2 },)");
    fields_are_in_capitals, "`#[serde(rename_all = \"UPPERCASE\")]` on an argument's struct", Refused(&["id: u64", "ID: u64"])
        => upgraded!(entries, fields_in_capitals, put_entry(), "");
    field_is_skipped, "`#[serde(skip)]` on a field of an argument's struct",
        Refused(&["struct Entry { id: u64, size: u64 }", "struct Entry { id: u64 }"])
        => upgraded!(entries, field_skipped, put_entry(), "");
    field_is_written_as_text, "`#[serde(with = \"…\")]` on a field of an argument's struct", Refused(&["size: u64", "size: string"])
        => upgraded!(entries, field_as_text, put_entry(), "");
    type_is_renamed, "an argument's struct renamed",
        Refused(&["put(entry: Entry)", "put(entry: Item)", "`#[serde(rename = \"Entry\")]` on `Item`"])
        => upgraded!(entries, struct_renamed, put_entry(), "");
    type_is_renamed_with_serde, "an argument's struct renamed, with `#[serde(rename = \"Entry\")]`", Works
        => upgraded!(entries, struct_renamed_with_serde, put_entry(), "(Item { id: 1, size: 2 },)");
    variant_is_renamed, "a variant of an argument's enum renamed", Refused(&["Closed", "Shut", "`#[serde(rename = \"Closed\")]` on `Shut`"])
        => upgraded!(doors, variant_renamed, put_door(), "");
    variant_is_renamed_with_serde, "a variant of an argument's enum renamed, with `#[serde(rename = \"Closed\")]`", Works
        => upgraded!(doors, variant_renamed_with_serde, put_door(), "(Some(Shut { since: 3 }),)");
    variant_is_renamed_with_an_alias, "a variant of an argument's enum renamed, with `#[serde(alias = \"Closed\")]`", Works
        => upgraded!(doors, variant_renamed_with_an_alias, put_door(), "(Some(Shut { since: 3 }),)");
    skipped_variant_is_added_last, "a `#[serde(skip)]` variant added after the others of an argument's enum", Works
        => upgraded!(doors, variant_skipped_at_the_end, put_door(), "(Some(Closed { since: 3 }),)");
    skipped_variant_is_inserted, "a `#[serde(skip)]` variant added before the others of an argument's enum",
        Refused(&["`Door`", "`Closed` is written as number 2", "to the end"])
        => upgraded!(doors, variant_skipped_before_others, put_door(), "");
}
