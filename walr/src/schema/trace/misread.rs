//! The variants and the structs of samples, as they are written, compared with the names that their types read.
//!
//! serde's derives number all variants when they write, and only those that aren't skipped when they read: after a
//! `#[serde(skip)]` variant each variant is read back as the next one, without an error. A hand-written `Serialize` may write the
//! fields of a struct in another order than they are read in. Formats with names accept that. A positional codec swaps the
//! fields, and no token shows it if they are of the same type.

use super::WrittenNames;
use super::graph::{FieldStyle, Fields, Graph, NodeKind, VariantNode};
use super::names::variant_names;
use crate::codec::{WrittenStruct, WrittenVariant};

/// A type that would be read back as another value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Misread {
    pub(super) type_name: String,
    pub(super) reason: String,
}

/// Returns the first type whose samples are written by other names than it reads.
pub(super) fn misread(names: &WrittenNames, graph: &Graph) -> Option<Misread> {
    let variant = names.variants.iter().find_map(|variant| misread_variant(*variant, graph));
    variant.or_else(|| names.structs.iter().find_map(|fields| misread_fields(fields, graph)))
}

/// Compares a variant's number with the enums of that name. One enum that agrees is enough, because two may have the same name.
fn misread_variant(written: WrittenVariant, graph: &Graph) -> Option<Misread> {
    let WrittenVariant { name, number, variant } = written;
    let mut misread = None;
    for node in &graph.nodes {
        let NodeKind::Enum(known, variants) = &node.kind else { continue };
        let Some(index) = variants.iter().position(|known| known.name == variant) else { continue };
        if *known != name {
            continue;
        }
        let (number, read) = (number as usize, variant_names(variants));
        let is_read_alike = match read.len() < variants.len() {
            true => read.get(number).is_some_and(|(_, names)| names.contains(&variant)),
            false => may_have_number(variants, index, number),
        };
        if is_read_alike {
            return None;
        }
        let read = match read.get(number) {
            Some((read, names)) if read.fields.is_some() => format!("read as `{}`", names[0]),
            _ => "never read".to_string(),
        };
        let reason = format!(
            "its variant `{variant}` is written as number {number}, which is {read}; move the variants with `#[serde(skip)]` \
             to the end"
        );
        misread = Some(Misread { type_name: name.to_string(), reason });
    }
    misread
}

/// Returns whether the variant whose name has this index may be read by this number, if the list's aliases can't be told from names.
/// Each alias of a variant has an index too, so the index may be greater than the number by as many. Numbers above those that are
/// read belong to no variant.
fn may_have_number(variants: &[VariantNode], index: usize, number: usize) -> bool {
    let count = variants.len() - variants.iter().rev().take_while(|variant| variant.opaque).count();
    let aliases = variants.iter().filter(|variant| variant.fields.is_none()).count();
    number < count && index.saturating_sub(aliases) <= number && number <= index
}

/// Compares the order of a struct's fields with the structs of that name. One struct that agrees is enough.
fn misread_fields(written: &WrittenStruct, graph: &Graph) -> Option<Misread> {
    let WrittenStruct { name, variant, fields: written } = written;
    let named = |fields: &Fields| if let FieldStyle::Named(names) = fields.style { Some(names) } else { None };
    let mut lists = graph.nodes.iter().filter_map(|node| match (&node.kind, variant) {
        (NodeKind::Struct(known, fields), None) if known == name => named(fields),
        (NodeKind::Enum(known, variants), Some(variant)) if known == name => {
            named(variants.iter().find(|known| known.name == *variant)?.fields.as_ref()?)
        }
        _ => None,
    });
    let read = lists.next()?;
    if is_in_order(written, read) || lists.any(|read| is_in_order(written, read)) {
        return None;
    }
    let type_name = variant.map_or_else(|| (*name).to_string(), |variant| format!("{name}::{variant}"));
    let (written, read) = (written.join("`, `"), read.join("`, `"));
    let reason = format!(
        "its fields are written in the order `{written}` and read in the order `{read}`, so they would be \
         swapped; write them in the order in which they are read"
    );
    Some(Misread { type_name, reason })
}

/// Returns whether the fields that are in both lists have the same order. Aliases are only in the list that is read.
fn is_in_order(written: &[&str], read: &[&str]) -> bool {
    written.iter().filter_map(|field| read.iter().position(|known| known == field)).is_sorted()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::net::IpAddr;
    use std::ops::Bound;

    use serde::de::DeserializeOwned;
    use serde::ser::{SerializeSeq, SerializeStruct};
    use serde::{Deserialize, Serialize, Serializer};

    use super::super::TypeTrace;

    fn misread<T: Serialize + DeserializeOwned>() -> Option<String> {
        let (_, flaws) = TypeTrace::checked::<T>(|_| 0);
        flaws.misread.map(|misread| format!("{}: {}", misread.type_name, misread.reason))
    }

    #[derive(Serialize, Deserialize)]
    #[expect(dead_code)]
    enum Door {
        Open,
        #[serde(skip)]
        Imagined,
        Shut {
            by: Option<String>,
        },
        Broken(u8),
    }

    /// Another enum of the same name, without a skipped variant.
    mod other {
        use serde::{Deserialize, Serialize};

        #[derive(Serialize, Deserialize)]
        pub(super) enum Door {
            Open,
            Imagined,
            Shut { by: u8 },
            Broken(Box<Door>),
        }
    }

    #[derive(Serialize, Deserialize)]
    #[expect(dead_code)]
    enum Last {
        Open,
        Broken(u8),
        #[serde(skip)]
        Imagined,
    }

    #[test]
    fn types_that_are_read_as_they_are_written_are_accepted() {
        assert_eq!(misread::<other::Door>(), None);
        assert_eq!(misread::<(Last, BTreeMap<String, Option<Last>>)>(), None);
        assert_eq!(misread::<(IpAddr, Bound<u8>, Result<u8, String>)>(), None);
    }

    #[test]
    fn a_variant_after_a_skipped_one_is_found_wherever_it_is() {
        let found = misread::<Door>().unwrap_or_default();
        assert!(found.starts_with("Door: its variant `Shut` is written as number 2"), "{found}");
        assert!(found.contains("read as `Broken`"), "{found}");
        for found in [misread::<(u8, Vec<Door>)>(), misread::<BTreeMap<u8, (Last, Option<Door>)>>()] {
            assert!(found.is_some());
        }
    }

    #[derive(Serialize, Deserialize)]
    enum Renamed {
        #[serde(alias = "Closed", alias = "Locked")]
        Shut,
        #[serde(alias = "Ajar")]
        Open(u8),
        Broken,
    }

    #[derive(Serialize, Deserialize)]
    #[expect(dead_code)]
    enum RenamedAndSkipped {
        Shut,
        #[serde(skip)]
        Imagined,
        #[serde(alias = "Ajar")]
        Open(u8),
    }

    /// The alias hides the skipped variant: its names are as many as there are variants.
    #[derive(Serialize, Deserialize)]
    #[expect(dead_code)]
    enum SkippedAfterAnAlias {
        #[serde(alias = "Closed")]
        Shut,
        #[serde(skip)]
        Imagined,
        Open(u8),
        Broken(u8),
    }

    #[test]
    fn a_skipped_variant_is_found_among_aliases() {
        let found = misread::<SkippedAfterAnAlias>().unwrap_or_default();
        assert!(found.contains("`Open` is written as number 2, which is read as `Broken`"), "{found}");
    }

    #[test]
    fn aliases_of_a_variant_are_accepted() {
        assert_eq!(misread::<Renamed>(), None);
        assert_eq!(misread::<Vec<(u8, Option<Renamed>)>>(), None);
        assert!(misread::<RenamedAndSkipped>().is_some());
    }

    /// A sample of it is a sequence without an end.
    #[derive(Deserialize)]
    struct Endless(u8);

    impl Serialize for Endless {
        fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
            let mut all = to.serialize_seq(Some(1))?;
            loop {
                all.serialize_element(&self.0)?;
            }
        }
    }

    /// A sample of it contains itself.
    #[derive(Deserialize)]
    struct Bottomless(u8);

    impl Serialize for Bottomless {
        fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
            to.serialize_some(&Bottomless(self.0))
        }
    }

    #[test]
    fn samples_without_an_end_are_ignored() {
        assert_eq!(misread::<Endless>(), None);
        assert!(misread::<(Door, Bottomless)>().is_some());
    }

    /// Its hand-written `Serialize` has another order, which formats with names accept.
    #[derive(Deserialize)]
    struct Transfer {
        from: u32,
        to: u32,
        #[serde(alias = "sum")]
        amount: u32,
    }

    impl Serialize for Transfer {
        fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
            let mut fields = to.serialize_struct("Transfer", 3)?;
            fields.serialize_field("to", &self.to)?;
            fields.serialize_field("from", &self.from)?;
            fields.serialize_field("amount", &self.amount)?;
            fields.end()
        }
    }

    #[derive(Serialize, Deserialize)]
    enum Order {
        Plain {
            #[serde(alias = "b")]
            z: u8,
            a: u8,
            #[serde(skip)]
            m: u8,
            #[serde(rename = "c")]
            b: u8,
        },
    }

    #[test]
    fn fields_written_in_another_order_are_found() {
        let found = misread::<Vec<(u8, Transfer)>>().unwrap_or_default();
        assert!(found.starts_with("Transfer: its fields are written in the order `to`, `from`, `amount`"), "{found}");
        assert!(found.contains("read in the order `from`, `to`, `amount`, `sum`"), "{found}");
    }

    #[test]
    fn aliases_and_skipped_fields_are_accepted() {
        assert_eq!(misread::<Vec<Order>>(), None);
    }
}
