//! The comparison of an old and a new shape, the renames between them, and their texts.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::difference;
use crate::schema::trace::TypeTrace;

/// Returns whether `Old` can be read as `New`.
fn reads_as<Old: DeserializeOwned, New: DeserializeOwned>() -> bool {
    TypeTrace::of::<Old>().shape(true).reads_as(&TypeTrace::of::<New>().shape(true))
}

/// Returns the renames from `Old` to `New`: `Item to Thing, last to newest`.
fn renames<Old: DeserializeOwned, New: DeserializeOwned>() -> Option<String> {
    let (old, new) = (TypeTrace::of::<Old>().shape(true), TypeTrace::of::<New>().shape(true));
    let mut renames: Vec<_> = old.renames(&new)?.iter().map(|(was, is)| format!("{was} to {is}")).collect();
    renames.sort();
    Some(renames.join(", "))
}

macro_rules! types {
    ($($name:ident { $($items:item)* })*) => {
        $(mod $name {
            #![allow(dead_code)]
            use serde::Deserialize;
            $(#[derive(Deserialize)] $items)*
        })*
    };
}

types! {
    old {
        pub(super) struct State { items: Vec<Item>, last: Option<Item>, by: Door }
        pub(super) struct Item { n: u64, next: Option<Box<Item>> }
        pub(super) enum Door { Open, Closed(u8) }
    }
    renamed {
        pub(super) struct Renamed { items: Vec<Thing>, newest: Option<Thing>, by: Door }
        pub(super) struct Thing { n: u64, next: Option<Box<Thing>> }
        pub(super) enum Door { Open, Shut(u8) }
    }
    with_aliases {
        pub(super) struct State { items: Vec<Item>, #[serde(alias = "last")] newest: Option<Item>, by: Door }
        pub(super) struct Item { n: u64, next: Option<Box<Item>> }
        pub(super) enum Door { #[serde(alias = "Ajar")] Open, #[serde(alias = "Closed")] Shut(u8) }
    }
    moved {
        pub(super) struct State { last: Option<Item>, items: Vec<Item>, by: Door }
        pub(super) struct Item { n: u64, next: Option<Box<Item>> }
        pub(super) enum Door { Open, Closed(u8) }
    }
    split {
        pub(super) struct State { items: Vec<Item>, last: Option<Second>, by: Door }
        pub(super) struct Item { n: u64, next: Option<Box<Item>> }
        #[serde(rename = "Item")]
        pub(super) struct Second { n: u64, next: Option<Box<Item>> }
        pub(super) enum Door { Open, Closed(u8) }
    }
    deeper {
        pub(super) struct State { items: Vec<Item>, last: Option<Item>, by: Door }
        pub(super) struct Item { n: u64, next: Option<Box<Other>> }
        #[serde(rename = "Item")]
        pub(super) struct Other { n: u32, next: Option<Box<Other>> }
        pub(super) enum Door { Open, Closed(u8) }
    }
}

#[test]
fn types_that_contain_themselves_are_compared() {
    assert!(reads_as::<old::State, old::State>());
    assert!(!reads_as::<old::State, deeper::State>());
    assert!(!reads_as::<deeper::State, old::State>());
}

#[test]
fn two_types_of_one_name_are_told_apart() {
    // The same parts under the same names, in two types instead of one.
    assert!(reads_as::<old::State, split::State>() && reads_as::<split::State, old::State>());
    assert!(!reads_as::<(old::Item, deeper::Item), (old::Item, old::Item)>());
    let text = TypeTrace::of::<(old::Item, deeper::Item)>().shape(false).text();
    assert!(text.contains("struct Item#2 {") && text.contains("struct Item#3 { n: u32"), "{text}");
}

#[test]
fn names_and_their_order_count() {
    assert!(!reads_as::<old::State, renamed::Renamed>());
    assert!(!reads_as::<old::State, moved::State>());
}

#[test]
fn a_type_reads_the_names_of_its_aliases() {
    assert!(reads_as::<old::State, with_aliases::State>());
    assert!(!reads_as::<with_aliases::State, renamed::Renamed>());
    assert_eq!(renames::<old::State, with_aliases::State>().as_deref(), Some(""));
}

#[test]
fn shapes_that_differ_only_by_names_give_the_renames() {
    let expected = "Closed to Shut, Item to Thing, last to newest";
    assert_eq!(renames::<old::State, renamed::Renamed>().as_deref(), Some(expected));
    assert_eq!(renames::<old::State, old::State>().as_deref(), Some(""));
}

#[derive(Deserialize)]
#[expect(dead_code)]
#[serde(rename = "My Type {")]
struct Odd {
    #[serde(rename = "a: u8, b")]
    a: u8,
    #[serde(rename = "itself")]
    b: Option<u8>,
}

#[derive(Deserialize)]
#[expect(dead_code)]
#[serde(rename = "My Type }")]
struct Even {
    #[serde(rename = "a-b")]
    a: u8,
    #[serde(rename = "option<u8>")]
    b: Option<u8>,
}

#[test]
fn names_may_be_any_text() {
    let expected = "My Type { to My Type }, a: u8, b to a-b, itself to option<u8>";
    assert_eq!(renames::<(Odd, Odd), (Even, Even)>().as_deref(), Some(expected));
}

#[derive(Deserialize)]
#[expect(dead_code)]
struct Xy {
    x: u64,
    y: u64,
}

#[derive(Deserialize)]
#[expect(dead_code)]
struct Yx {
    y: u64,
    x: u64,
}

#[derive(Deserialize)]
#[expect(dead_code)]
struct Yz {
    y: u64,
    z: u64,
}

#[derive(Deserialize)]
#[expect(dead_code)]
struct Xyz {
    x: u64,
    y: u64,
    z: u64,
}

#[test]
fn other_differences_give_no_renames() {
    assert_eq!(renames::<Xy, Yx>(), None, "moved");
    assert_eq!(renames::<Xy, Yz>(), None, "moved and renamed");
    assert_eq!(renames::<Xy, Xyz>(), None, "added");
    assert_eq!(renames::<(Xy, Xy), (Yx, Yz)>(), None, "one type is two");
    assert_eq!(renames::<[u8; 4], [u8; 5]>(), None, "longer");
    assert_eq!(renames::<u8, String>(), None, "another type");
}

#[test]
fn a_message_shows_the_difference_of_two_shapes() {
    assert_eq!(difference("(u8)", "(u16)"), ("(u8)".into(), "(u16)".into()));
    let long = |field: &str| format!("struct {{ {}last: {field}, {} }}", "a: u8, ".repeat(40), "b: u8".repeat(40));
    let (old, new) = difference(&long("u32"), &long("string"));
    assert!(old.contains("last: u32") && old.starts_with('…') && old.ends_with('…') && old.len() < 140, "{old}");
    assert!(new.contains("last: string"), "{new}");
}
