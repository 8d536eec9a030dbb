//! Schemas of other programs: what this program can read, what it refuses, and their encoding.

use std::path::Path;

use crate::crash_tests::state::Tally;
use crate::error::Result;
use crate::schema::shape::{FieldShapes, NameShape, Scalar, Shape, ShapeNode, VariantShape};
use crate::schema::{MutationCounts, Schema, Signature, TypeForm};

/// Returns the form of a type `name`, which differs from that of each other name.
fn form(name: &str) -> TypeForm {
    let shape = Shape::new(vec![ShapeNode::Struct(name.to_string(), FieldShapes::Unit)]);
    TypeForm { written: name.to_string(), shape }
}

/// Returns a schema of mutations with these names and types of parameters.
fn schema(mutations: &[(&str, &[(&str, &str)])]) -> Schema {
    let signature = |(name, params): &(&str, &[(&str, &str)])| Signature {
        name: name.to_string(),
        params: params.iter().map(|(name, ty)| (name.to_string(), form(ty))).collect(),
        result: TypeForm::opaque("bool"),
        fingerprint: 0,
    };
    Schema { state: "Cache".into(), version: 1, form: form(""), mutations: mutations.iter().map(signature).collect() }
}

fn check(old: &Schema, new: &Schema, records: &[u64]) -> Result<(), String> {
    let mut counts = MutationCounts::default();
    counts.add(old, records);
    counts.check(new, Path::new("cache")).map_err(|error| error.to_string())
}

#[test]
fn mutations_may_move_and_parameters_may_be_renamed() {
    let old = schema(&[("insert", &[("key", "String")]), ("clear", &[])]);
    let new = schema(&[("clear", &[]), ("touch", &[]), ("insert", &[("k", "String")])]);
    assert_eq!(check(&old, &new, &[4, 1]), Ok(()));
    assert_eq!(old.indexes_in(&new), [Some(2), Some(0)]);
}

#[test]
fn mutations_without_records_may_be_removed() {
    let old = schema(&[("insert", &[("key", "String")]), ("clear", &[])]);
    let new = schema(&[("clear", &[])]);
    assert_eq!(check(&old, &new, &[0, 9]), Ok(()));
    assert_eq!(old.indexes_in(&new), [None, Some(0)]);
    let error = check(&old, &new, &[3, 0]).unwrap_err();
    assert!(error.contains("3 records") && error.contains("`insert`") && error.contains("replay_only"), "{error}");
}

#[test]
fn records_of_several_segments_are_counted_together() {
    let old = schema(&[("insert", &[("key", "String")]), ("clear", &[])]);
    let mut later = schema(&[("touch", &[]), ("insert", &[("key", "String")]), ("clear", &[])]);
    later.mutations[1].result = form("u64");
    let new = schema(&[]);
    let mut counts = MutationCounts::default();
    for (schema, segment) in [(&old, &[3, 0][..]), (&old, &[2, 1]), (&later, &[0, 4, 0])] {
        counts.add(schema, segment);
    }
    let error = counts.check(&new, Path::new("cache")).unwrap_err().to_string();
    assert!(error.contains("9 records of the mutation `insert`"), "{error}");
    assert_eq!(error.matches("`insert`").count(), 1, "{error}");
    assert!(error.contains("1 record of the mutation `clear`"), "{error}");
}

#[test]
fn a_later_version_of_the_state_is_refused() {
    let (mut old, new) = (schema(&[("clear", &[])]), schema(&[("clear", &[])]));
    old.version = 2;
    assert_eq!(check(&old, &new, &[0]), Ok(()));
    assert!(check(&old, &new, &[1]).unwrap_err().contains("the log holds version 2 of `Cache`"));
}

#[test]
fn opaque_shapes_are_compared_by_the_source() {
    let of = |written: &str, shape: &Shape| TypeForm { written: written.to_string(), shape: shape.clone() };
    let (byte, short) =
        (Shape::new(vec![ShapeNode::Scalar(Scalar::U8)]), Shape::new(vec![ShapeNode::Scalar(Scalar::U16)]));
    assert!(of("A", &byte).reads_as(&of("B", &byte)));
    assert!(!of("A", &byte).reads_as(&of("A", &short)));
    assert!(!TypeForm::opaque("A").reads_as(&TypeForm::opaque("B")));
    assert!(TypeForm::opaque("A").reads_as(&TypeForm::opaque("A")));
    assert!(!TypeForm::opaque("A").reads_as(&of("A", &byte)));
}

#[test]
fn a_changed_signature_shows_both() {
    let old = schema(&[("insert", &[("key", "String")])]);
    let new = schema(&[("insert", &[("key", "u64")])]);
    let error = check(&old, &new, &[1]).unwrap_err();
    assert!(error.contains("insert(key: String)") && error.contains("insert(key: u64)"), "{error}");
    assert_eq!(old.indexes_in(&new), [None]);
}

#[test]
fn another_state_is_refused_by_name() {
    let old = schema(&[]);
    let new = Schema { state: "Ledger".into(), ..schema(&[]) };
    let error = check(&old, &new, &[]).unwrap_err();
    assert!(error.contains("Cache") && error.contains("Ledger"), "{error}");
}

/// Returns a schema with a type of each kind.
fn schema_of_all_kinds() -> Schema {
    let names = |name: &str, aliases: &[&str]| NameShape {
        name: name.to_string(),
        aliases: aliases.iter().map(ToString::to_string).collect(),
    };
    let variant = |name: &str, fields| VariantShape { name: names(name, &[]), fields };
    let shape = Shape::new(vec![
        ShapeNode::Enum(
            "Node".to_string(),
            vec![
                variant("Empty", FieldShapes::Unit),
                variant("Leaf", FieldShapes::Newtype(1)),
                variant("Pair", FieldShapes::Tuple(vec![0, 0])),
                variant("Named", FieldShapes::Named(vec![(names("at", &["pos", "place"]), 2), (names("all", &[]), 3)])),
                variant("Other", FieldShapes::Unknown),
            ],
        ),
        ShapeNode::Scalar(Scalar::I128),
        ShapeNode::Opaque(Some(4)),
        ShapeNode::Map(4, 5),
        ShapeNode::Scalar(Scalar::Text),
        ShapeNode::Seq(6),
        ShapeNode::Option(7),
        ShapeNode::Tuple(vec![8, 8, 0]),
        ShapeNode::Opaque(None),
    ]);
    let mut schema = schema(&[("insert", &[("key", "String")]), ("clear", &[])]);
    schema.mutations[0].fingerprint = 0x0123_4567_89ab_cdef;
    schema.mutations[0].params[0].1.shape = shape.clone();
    schema.mutations[1].result.shape = shape;
    schema
}

/// Uses all that is decoded, which must not panic.
fn use_all(decoded: &Schema, other: &Schema) {
    let counts = vec![1; decoded.mutations.len()];
    let _ = check(decoded, other, &counts);
    for mutation in &decoded.mutations {
        let _ = mutation.result.shape.text();
    }
    assert_eq!(
        Schema::decode(decoded.encode().unwrap().len() as u32, &decoded.encode().unwrap()).as_ref(),
        Some(decoded)
    );
}

#[test]
fn a_schema_is_decoded_as_it_was_encoded() {
    for old in [schema_of_all_kinds(), Schema::clone(&Schema::of::<Tally>())] {
        let mut body = old.encode().unwrap();
        let len = body.len() as u32;
        body.extend_from_slice(&[0; 5]);
        assert_eq!(Schema::decode(len, &body).unwrap(), old);
        assert_eq!(Schema::decode(len + 1, &body), None);
        assert_eq!(Schema::decode(len + 6, &body), None);
    }
}

#[test]
fn another_version_of_the_encoding_is_refused() {
    let mut body = schema_of_all_kinds().encode().unwrap();
    body[0] += 1;
    assert_eq!(Schema::decode(body.len() as u32, &body), None);
}

#[test]
fn no_bytes_make_decoding_panic() {
    let old = schema_of_all_kinds();
    let body = old.encode().unwrap();
    for cut in 0..body.len() {
        assert_eq!(Schema::decode(cut as u32, &body), None, "cut to {cut}");
    }
    for bit in 0..8 * body.len() {
        let mut flipped = body.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        if let Some(decoded) = Schema::decode(body.len() as u32, &flipped) {
            use_all(&decoded, &old);
        }
    }
}

#[test]
fn no_garbage_makes_decoding_panic() {
    let old = schema_of_all_kinds();
    let body = old.encode().unwrap();
    let mut seed = 7u64;
    let mut below = |bound: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % bound
    };
    for _ in 0..20_000 {
        // Garbage from the begin, or in the middle of a schema.
        let mut garbage = body[..below(body.len() + 1)].to_vec();
        let count = below(40);
        garbage.extend((0..count).map(|_| below(256) as u8));
        garbage.extend_from_slice(&body[below(body.len() + 1)..]);
        if let Some(decoded) = Schema::decode(garbage.len() as u32, &garbage) {
            use_all(&decoded, &old);
        }
    }
}

#[test]
fn a_forged_length_allocates_nothing() {
    let mut body = vec![1, 0, 1, 0];
    body.extend_from_slice(&[0xff, 0xff, 0xff, 0xff, 0x0f]);
    assert_eq!(Schema::decode(body.len() as u32, &body), None);
}

#[test]
fn a_deep_shape_has_a_text() {
    let deep = (1..8000).map(ShapeNode::Option).chain([ShapeNode::Scalar(Scalar::U8)]);
    assert!(Shape::new(deep.collect()).text().contains('…'));
    let wide = (1..200).map(|id| ShapeNode::Tuple(vec![id; 3])).chain([ShapeNode::Scalar(Scalar::U8)]);
    assert!(Shape::new(wide.collect()).text().len() < 1 << 24);
}
