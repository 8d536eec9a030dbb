//! The names in shapes: those that are written, and those that are only accepted.

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize};

use super::TypeTrace;

/// Returns the shape of a type as text.
fn shape<T: Serialize + DeserializeOwned>() -> String {
    let (trace, _) = TypeTrace::checked::<T>(|_| 0);
    trace.shape(false).text()
}

#[derive(Serialize, Deserialize)]
struct Renamed {
    #[serde(alias = "was", alias = "been", alias = "zero")]
    is: u8,
    b: u16,
    #[serde(alias = "a")]
    c: Option<u32>,
}

#[derive(Serialize, Deserialize)]
enum Door {
    #[serde(alias = "Ajar", alias = "Unlocked")]
    Open,
    Shut(u8),
    #[serde(alias = "A")]
    Broken {
        #[serde(alias = "from")]
        since: u64,
        by: String,
    },
    Moved(u8, u16),
}

#[test]
fn aliases_are_told_from_names() {
    assert_eq!(shape::<Renamed>(), "struct Renamed { is: u8, b: u16, c: option<u32> }");
    let door = "enum Door { Open, Shut(u8), Broken { since: u64, by: string }, Moved(u8, u16) }";
    assert_eq!(shape::<Door>(), door);
    assert_eq!(shape::<(Vec<Door>, Renamed)>(), format!("(seq<{door}>, {})", shape::<Renamed>()));
    // No sample tells the names of a type that is only read: each name is accepted then.
    let read = TypeTrace::of::<Door>().shape(false);
    let (trace, _) = TypeTrace::checked::<Door>(|_| 0);
    assert!(trace.shape(false).reads_as(&read), "{}", read.text());
}

#[derive(Serialize, Deserialize)]
enum Log {
    First {
        renamed: Renamed,
    },
    Second {
        #[serde(alias = "was")]
        is: u8,
    },
    Third {
        plain: u16,
    },
}

#[test]
fn aliases_of_a_field_hide_no_later_fields() {
    let variants = TypeTrace::of::<Log>().variants();
    let texts: Vec<Vec<String>> =
        variants.iter().map(|shapes| shapes.iter().map(crate::schema::shape::Shape::text).collect()).collect();
    assert_eq!(texts[1..], [["u8"], ["u16"]]);
    assert_eq!(variants[0].len(), 1);
}

#[derive(Serialize, Deserialize)]
enum Fallback {
    #[serde(alias = "Two")]
    One,
    #[serde(other)]
    Unknown,
}

#[test]
fn a_variant_for_other_names_has_one_name() {
    assert_eq!(shape::<Vec<Fallback>>(), "seq<enum Fallback { One, Unknown }>");
}

#[derive(Serialize, Deserialize)]
#[serde(rename(serialize = "Written", deserialize = "Read"))]
struct TwoNames {
    #[serde(rename(serialize = "out", deserialize = "in"))]
    a: u8,
    b: Choice,
}

#[derive(Serialize, Deserialize)]
enum Choice {
    #[serde(rename(serialize = "Yea", deserialize = "Yes"))]
    Yes,
    No(Inner),
}

#[derive(Serialize, Deserialize)]
struct Inner {
    #[serde(rename(serialize = "out", deserialize = "in"))]
    a: u8,
    b: u8,
}

#[test]
fn a_shape_has_the_names_that_are_written() {
    assert_eq!(shape::<Inner>(), "struct Inner { out: u8, b: u8 }");
    assert_eq!(shape::<Choice>(), "enum Choice { Yea, No(struct Inner { out: u8, b: u8 }) }");
    // The name of the struct itself tells which samples are its own.
    assert!(shape::<TwoNames>().starts_with("struct Read { in: u8, b: enum Choice { Yea,"));
}

/// Accepts no sample.
#[derive(Serialize)]
struct Secret(String);
impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Secret, D::Error> {
        let text = String::deserialize(from)?;
        if text == "open sesame" { Ok(Secret(text)) } else { Err(D::Error::custom("no")) }
    }
}

#[derive(Serialize, Deserialize)]
struct Vault {
    first: Secret,
    #[serde(alias = "door", alias = "exit")]
    way: Door,
    #[serde(alias = "a")]
    second: Option<Box<Vault>>,
    third: Secret,
    last: Renamed,
}

#[derive(Serialize, Deserialize)]
enum Safe {
    Locked { by: Secret, since: u64, until: Option<Door> },
    Open(Secret, u8),
    Empty,
}

#[test]
fn an_opaque_part_hides_no_later_fields() {
    assert_eq!(
        shape::<Vault>(),
        "struct Vault { first: opaque(string), door: enum Door { Ajar, Shut(u8), A { from: u64, by: string }, \
         Moved(u8, u16) }, a: option<Vault>, third: opaque(string), last: struct Renamed { been: u8, b: u16, a: \
         option<u32> } }"
    );
    let safe = shape::<Safe>();
    assert!(safe.contains("Locked { by: opaque(string), since: u64, until: option<enum Door {"), "{safe}");
    assert!(safe.contains("Open(opaque(string), opaque), Empty"), "{safe}");
    assert_eq!(shape::<Vec<Vault>>(), format!("seq<{}>", shape::<Vault>()));
}

/// Each level holds an opaque part first, and a field behind it.
macro_rules! nested {
    ($name:ident $inner:ty) => {
        #[derive(Serialize, Deserialize)]
        struct $name {
            before: u8,
            inner: $inner,
            after: Option<$inner>,
        }
    };
}
nested!(N1 Secret);
nested!(N2 N1);
nested!(N3 N2);
nested!(N4 N3);
nested!(N5 N4);
nested!(N6 N5);
nested!(N7 N6);
nested!(N8 N7);
nested!(N9 N8);

#[test]
fn opaque_parts_of_many_levels_end() {
    assert!(shape::<N9>().contains("struct N1 { before: u8, inner: opaque(string), after: option<opaque(string)> }"));
    assert!(shape::<N9>().contains("after: option<N8>"));
}
