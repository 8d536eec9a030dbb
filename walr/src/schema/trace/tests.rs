//! Shapes of all kinds of types.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use serde::de::{Error as _, Visitor};
use serde::{Deserialize, Deserializer};

use super::*;

fn shape<T: DeserializeOwned>() -> String {
    TypeTrace::of::<T>().shape(false).text()
}

#[derive(Deserialize)]
#[expect(dead_code)]
struct Entry {
    id: u64,
    tags: Vec<String>,
}

#[derive(Deserialize)]
#[expect(dead_code)]
struct Pair(u8, i16);

#[derive(Deserialize)]
#[expect(dead_code)]
struct Meters(f64);

#[derive(Deserialize)]
struct Unit;

#[derive(Deserialize)]
struct Empty {}

#[derive(Deserialize)]
#[expect(dead_code)]
enum Door {
    Closed,
    Open { since: u64 },
    Broken(String),
    Moved(u8, Option<u8>),
}

#[test]
fn types_of_every_kind() {
    assert_eq!(shape::<u8>(), "u8");
    assert_eq!(shape::<usize>(), "u64");
    assert_eq!(shape::<isize>(), "i64");
    assert_eq!(shape::<(bool, char, f32, u128, i128, ())>(), "(bool, char, f32, u128, i128, ())");
    assert_eq!(shape::<[u8; 32]>(), "[u8; 32]");
    assert_eq!(shape::<[u8; 0]>(), "[]");
    assert_eq!(shape::<(u8, u16, u16, u16)>(), "(u8, u16, u16, u16)");
    assert_eq!(shape::<[Pair; 4]>(), "[struct Pair(u8, i16); 4]");
    assert_eq!(shape::<Vec<Option<String>>>(), "seq<option<string>>");
    assert_eq!(shape::<HashMap<String, Vec<u8>>>(), "map<string, seq<u8>>");
    assert_eq!(shape::<HashSet<i8>>(), "seq<i8>");
    assert_eq!(shape::<Cow<'static, str>>(), "string");
    assert_eq!(shape::<Entry>(), "struct Entry { id: u64, tags: seq<string> }");
    assert_eq!(shape::<Pair>(), "struct Pair(u8, i16)");
    assert_eq!(shape::<Meters>(), "struct Meters(f64)");
    assert_eq!(shape::<Unit>(), "struct Unit");
    assert_eq!(shape::<Empty>(), "struct Empty {}");
    assert_eq!(shape::<Door>(), "enum Door { Closed, Open { since: u64 }, Broken(string), Moved(u8, option<u8>) }");
    assert_eq!(TypeTrace::of::<Entry>().shape(true).text(), "struct { id: u64, tags: seq<string> }");
}

#[test]
fn types_of_the_standard_library() {
    assert_eq!(shape::<PathBuf>(), "string");
    assert_eq!(shape::<NonZeroU32>(), "u32");
    assert_eq!(shape::<Duration>(), "struct Duration { secs: u64, nanos: u32 }");
    assert!(shape::<SystemTime>().starts_with("struct SystemTime { secs_since_epoch: u64"));
    assert_eq!(shape::<IpAddr>(), "enum IpAddr { V4([u8; 4]), V6([u8; 16]) }");
    assert_eq!(shape::<(Ipv4Addr, u8)>(), "([u8; 4], u8)");
    assert!(shape::<SocketAddr>().starts_with("enum SocketAddr { V4(([u8; 4], u16)), V6("));
    assert_eq!(shape::<Result<u8, String>>(), "enum Result { Ok(u8), Err(string) }");
    assert_eq!(shape::<std::ops::Range<u8>>(), "struct Range { start: u8, end: u8 }");
}

#[derive(Deserialize)]
#[expect(dead_code)]
enum Expr {
    Add(Box<Expr>, Box<Expr>),
    Call { name: String, with: Vec<Expr> },
    Block(Vec<Statement>),
    Literal(i64),
}

#[derive(Deserialize)]
#[expect(dead_code)]
enum Statement {
    Let(String, Expr),
    While(Expr, Box<Statement>),
    Done,
}

#[derive(Deserialize)]
#[expect(dead_code)]
struct List {
    value: u8,
    next: Option<Box<List>>,
    length: u64,
}

#[derive(Deserialize)]
#[expect(dead_code)]
struct Endless {
    before: u8,
    next: Box<Endless>,
    after: u8,
}

#[test]
fn types_that_contain_themselves() {
    assert_eq!(shape::<List>(), "struct List { value: u8, next: option<List>, length: u64 }");
    assert_eq!(TypeTrace::of::<List>().shape(true).text(), "struct { value: u8, next: option<Self>, length: u64 }");
    assert_eq!(
        shape::<Expr>(),
        "enum Expr { Add(Expr, Expr), Call { name: string, with: seq<Expr> }, Block(seq<enum Statement { \
         Let(string, Expr), While(Expr, Statement), Done }>), Literal(i64) }"
    );
    assert!(shape::<Statement>().contains("While(Expr, Statement), Done"), "{}", shape::<Statement>());
    assert_eq!(shape::<Endless>(), "struct Endless { before: u8, next: Endless, after: u8 }");
}

mod other {
    #[derive(serde::Deserialize)]
    #[expect(dead_code)]
    pub(super) struct Entry {
        id: u32,
        tags: Vec<String>,
    }
}

#[derive(Deserialize)]
#[expect(dead_code)]
struct Wrapper<T> {
    inner: T,
}

#[derive(Deserialize)]
#[expect(dead_code)]
struct Crowd {
    a: Entry,
    b: other::Entry,
    c: Wrapper<u32>,
    d: Wrapper<String>,
    e: Wrapper<Wrapper<u32>>,
    f: Wrapper<u32>,
}

#[test]
fn types_of_the_same_name_are_told_apart() {
    assert_eq!(
        shape::<Crowd>(),
        "struct Crowd { a: struct Entry { id: u64, tags: seq<string> }, b: struct Entry#2 { id: u32, tags: \
         seq<string> }, c: struct Wrapper { inner: u32 }, d: struct Wrapper#2 { inner: string }, e: struct \
         Wrapper#3 { inner: Wrapper }, f: Wrapper }"
    );
}

/// Accepts every second number.
struct Even;
impl<'de> Deserialize<'de> for Even {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Even, D::Error> {
        match u32::deserialize(from)? % 2 {
            0 => Ok(Even),
            _ => Err(D::Error::custom("odd")),
        }
    }
}

/// Accepts no sample.
struct Secret;
impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Secret, D::Error> {
        match &*String::deserialize(from)? {
            "open sesame" => Ok(Secret),
            _ => Err(D::Error::custom("no")),
        }
    }
}

struct Any;
impl<'de> Deserialize<'de> for Any {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Any, D::Error> {
        struct Nothing;
        impl Visitor<'_> for Nothing {
            type Value = Any;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("anything")
            }
        }
        from.deserialize_any(Nothing)
    }
}

struct Panics;
impl<'de> Deserialize<'de> for Panics {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Panics, D::Error> {
        u8::deserialize(from)?;
        panic!("there is no such value");
    }
}

/// A sequence of itself.
struct Tree;
impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Tree, D::Error> {
        struct Children;
        impl<'de> Visitor<'de> for Children {
            type Value = Tree;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("children")
            }
            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut children: A) -> Result<Tree, A::Error> {
                while children.next_element::<Tree>()?.is_some() {}
                Ok(Tree)
            }
        }
        from.deserialize_seq(Children)
    }
}

/// Reads a number and a text by turns, at the same place.
struct Depends;
impl<'de> Deserialize<'de> for Depends {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Depends, D::Error> {
        static ASKED: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        match ASKED.fetch_add(1, std::sync::atomic::Ordering::Relaxed) % 2 {
            0 => u8::deserialize(from).map(drop)?,
            _ => String::deserialize(from).map(drop)?,
        }
        Ok(Depends)
    }
}

#[derive(Deserialize)]
#[expect(dead_code)]
struct Around<T> {
    before: u8,
    it: T,
    after: u8,
}

#[test]
fn types_that_accept_no_sample_are_opaque() {
    assert_eq!(shape::<Around<Even>>(), "struct Around { before: u8, it: u32, after: u8 }");
    assert_eq!(shape::<Around<Secret>>(), "struct Around { before: u8, it: opaque(string), after: u8 }");
    assert_eq!(shape::<(Option<Secret>, Vec<Secret>, u8)>(), "(option<opaque(string)>, seq<opaque(string)>, u8)");
    assert_eq!(shape::<Around<Any>>(), "struct Around { before: u8, it: opaque, after: u8 }");
    assert_eq!(shape::<Around<Option<Panics>>>(), "struct Around { before: u8, it: option<opaque(u8)>, after: u8 }");
    assert_eq!(shape::<Around<Tree>>(), "struct Around { before: u8, it: seq<itself>, after: u8 }");
    assert!(shape::<Vec<(Depends, Depends, Door)>>().contains("seq<("));
}

#[derive(Deserialize)]
#[expect(dead_code)]
#[serde(try_from = "u8")]
struct Checked(u8);

impl TryFrom<u8> for Checked {
    type Error = &'static str;
    fn try_from(number: u8) -> Result<Checked, &'static str> {
        if number == 16 { Ok(Checked(number)) } else { Err("it isn't 16") }
    }
}

#[derive(Deserialize)]
#[expect(dead_code)]
struct Skipping {
    #[serde(skip)]
    index: HashMap<u8, u8>,
    kept: Checked,
}

#[test]
fn skipped_fields_are_left_out() {
    assert_eq!(shape::<Skipping>(), "struct Skipping { kept: u8 }");
}

#[derive(Deserialize)]
#[expect(dead_code)]
enum Colour {
    Red,
    Green,
    Mixed(Box<[u8; 3]>),
}

#[test]
fn traces_of_large_types_end() {
    type Three<T> = (T, T, T);
    let wide = shape::<Three<Three<Three<Three<Three<Three<Colour>>>>>>>();
    assert!(wide.len() < 1 << 15 && wide.contains("enum Colour { Red, Green, Mixed"), "{wide}");
    type Deep<T> = Option<Option<Option<Option<Option<Option<Option<Option<Option<Option<T>>>>>>>>>>;
    let deep = shape::<Deep<Deep<Deep<Deep<Deep<Deep<Deep<Deep<u8>>>>>>>>>();
    assert!(deep.starts_with("option<option<") && deep.contains("opaque"), "{deep}");
    let many = shape::<BTreeMap<[[[u16; 32]; 32]; 32], u8>>();
    assert!(many.starts_with("map<[[") || many.contains("opaque"), "{many}");
}

/// A large log: 400 variants of six fields.
struct Large;
impl<'de> Deserialize<'de> for Large {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Large, D::Error> {
        struct Variants;
        impl<'de> Visitor<'de> for Variants {
            type Value = Large;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a variant")
            }
            fn visit_enum<A: serde::de::EnumAccess<'de>>(self, data: A) -> Result<Large, A::Error> {
                let (_, access) = data.variant::<u32>()?;
                serde::de::VariantAccess::struct_variant(access, &["a", "b", "c", "d", "e", "f"], Fields)
            }
        }
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Large;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("fields")
            }
            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut fields: A) -> Result<Large, A::Error> {
                fields.next_element::<(Expr, Crowd)>()?;
                fields.next_element::<Door>()?;
                fields.next_element::<IpAddr>()?;
                fields.next_element::<Vec<Option<Colour>>>()?;
                fields.next_element::<BTreeMap<Vec<u8>, (String, Checked)>>()?;
                fields.next_element::<u8>()?;
                Ok(Large)
            }
        }
        from.deserialize_enum("Large", &["a"; 400], Variants)
    }
}

#[test]
fn a_large_log_is_traced_whole() {
    let variants = TypeTrace::of::<Large>().variants();
    assert_eq!(variants.len(), 400);
    for shapes in &variants {
        assert!(shapes.len() == 6 && shapes[5].text() == "u8" && *shapes == variants[0], "{shapes:?}");
        assert!(shapes.iter().all(Shape::is_complete), "{shapes:?}");
    }
}
