//! Parameters that come, go and change, also deep inside.

use crate::Expected::{Refused, Works};
use crate::{End, changes, upgrade};

/// A program whose one mutation takes these parameters, with the types that they are made of.
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
program!(variant_skipped_at_the_end {
    #[mutation] fn put(door: Option<Door>);
    type #[derive(Clone, Debug, Serialize, Deserialize)]
    enum Door { Open, Closed { since: u64 }, #[serde(skip)] Imagined }
});
program!(variant_skipped_before_others {
    #[mutation] fn put(door: Option<Door>);
    type #[derive(Clone, Debug, Serialize, Deserialize)]
    enum Door { Open, #[serde(skip)] Imagined, Closed { since: u64 } }
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

macro_rules! seen {
    ($before:ident, $after:ident, $calls:expr, $found:literal) => {
        async {
            let seen = upgrade::<$before::Cache, $after::Cache>(End::Killed, $calls).await?;
            Ok(seen.outcome(|state| state.read(|cache| cache.calls == [$found])))
        }
    };
}

changes! {
    parameter_borrowed, "a parameter borrowed instead of owned", Works => seen!(v1, borrowed, put(), "(\"a\", 7)");
    parameter_added, "a parameter added",
        Refused(&["1 record of `put(key: String, count: u64)`", "`put(key: String, count: u64, force: bool)`", "replay_only"])
        => seen!(v1, added, put(), "");
    parameter_removed, "a parameter removed",
        Refused(&["`put(key: String, count: u64)`", "has `put(key: String)`"]) => seen!(v1, removed, put(), "");
    parameter_retyped, "a parameter retyped",
        Refused(&["`put(key: String, count: u64)`", "`put(key: String, count: u32)`"]) => seen!(v1, retyped, put(), "");
    parameters_swapped, "two parameters swapped",
        Refused(&["`put(key: String, count: u64)`", "`put(count: u64, key: String)`"]) => seen!(v1, swapped, put(), "");
    form_kept, "a parameter added, and the old form kept as `replay_only`", Works
        => seen!(v1, old_form_kept, put(), "(\"a\", 7)");
    field_is_added, "a field added inside an argument's own struct",
        Refused(&["struct Entry { id: u64, size: u64 }", "struct Entry { id: u64, size: u64, tags: seq<string> }"])
        => seen!(entries, field_added, put_entry(), "");
    old_struct_kept, "the same, with the old form kept, whose struct got another name",
        Refused(&["put(entry: Entry)", "put(entry: OldEntry)", "`#[serde(rename = \"Entry\")]` on `OldEntry`"])
        => seen!(entries, field_added_old_form, put_entry(), "");
    old_struct_named, "the same, with `#[serde(rename = \"Entry\")]` on it", Works
        => seen!(entries, field_added_old_name, put_entry(), "(OldEntry { id: 1, size: 2 },)");
    fields_are_swapped, "two fields of an argument's struct swapped",
        Refused(&["struct Entry { id: u64, size: u64 }", "struct Entry { size: u64, id: u64 }"])
        => seen!(entries, fields_swapped, put_entry(), "");
    type_of_a_field, "the type of a field of an argument's struct changed",
        Refused(&["id: struct Id { number: u64 }"]) => seen!(entries, deep_inside, put_entry(), "");
    alias, "a type alias that changed", Refused(&["put(amount: u64)", "put(amount: u32)"])
        => seen!(amounts, alias_changed, vec![amounts::CacheLog::Put { amount: 5 }], "");
    alias_gone, "a type alias spelt out", Works
        => seen!(amounts, alias_spelt_out, vec![amounts::CacheLog::Put { amount: 5 }], "(5,)");
    variant, "a variant put before others in an argument's enum", Refused(&["enum Door { Open,", "enum Door { Ajar,"])
        => seen!(doors, variant_inserted, put_door(), "");
    field_is_renamed, "a field of an argument's struct renamed",
        Refused(&["id: u64", "number: u64", "or, if only names were changed", "`#[serde(rename = \"id\")]` on `number`"])
        => seen!(entries, field_renamed, put_entry(), "");
    field_is_renamed_with, "a field of an argument's struct renamed, with `#[serde(rename = \"id\")]`", Works
        => seen!(entries, field_renamed_with_serde, put_entry(), "(Entry { number: 1, size: 2 },)");
    fields_are_in_capitals, "`#[serde(rename_all = \"UPPERCASE\")]` on an argument's struct", Refused(&["id: u64", "ID: u64"])
        => seen!(entries, fields_in_capitals, put_entry(), "");
    field_is_skipped, "`#[serde(skip)]` on a field of an argument's struct",
        Refused(&["struct Entry { id: u64, size: u64 }", "struct Entry { id: u64 }"])
        => seen!(entries, field_skipped, put_entry(), "");
    field_is_text, "`#[serde(with = \"…\")]` on a field of an argument's struct", Refused(&["size: u64", "size: string"])
        => seen!(entries, field_as_text, put_entry(), "");
    type_is_renamed, "an argument's struct renamed",
        Refused(&["put(entry: Entry)", "put(entry: Item)", "`#[serde(rename = \"Entry\")]` on `Item`"])
        => seen!(entries, struct_renamed, put_entry(), "");
    type_is_renamed_with, "an argument's struct renamed, with `#[serde(rename = \"Entry\")]`", Works
        => seen!(entries, struct_renamed_with_serde, put_entry(), "(Item { id: 1, size: 2 },)");
    variant_is_renamed, "a variant of an argument's enum renamed", Refused(&["Closed", "Shut", "`#[serde(rename = \"Closed\")]` on `Shut`"])
        => seen!(doors, variant_renamed, put_door(), "");
    variant_is_renamed_with, "a variant of an argument's enum renamed, with `#[serde(rename = \"Closed\")]`", Works
        => seen!(doors, variant_renamed_with_serde, put_door(), "(Some(Shut { since: 3 }),)");
    skipped_last, "a `#[serde(skip)]` variant put behind the others of an argument's enum", Works
        => seen!(doors, variant_skipped_at_the_end, put_door(), "(Some(Closed { since: 3 }),)");
    skipped_between, "a `#[serde(skip)]` variant put before others of an argument's enum",
        Refused(&["`Door`", "`Closed` is written as number 2", "to the end"])
        => seen!(doors, variant_skipped_before_others, put_door(), "");
}
