//! Digests depend on the value alone: not on the process, the platform or the order of an unordered collection.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::{self, Write};

use serde::ser::Error as _;

use super::*;

#[derive(serde::Serialize)]
struct Point {
    x: i32,
    y: i32,
}

#[derive(serde::Serialize)]
struct Meters(f64);

#[derive(serde::Serialize)]
enum Order {
    Nothing,
    One(u64),
    Pair(u8, u8),
    Named { id: u64, note: Option<String> },
}

#[derive(serde::Serialize)]
struct Skipping {
    #[serde(skip_serializing_if = "Option::is_none")]
    first: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    second: Option<u8>,
}

/// A text that is written in pieces.
struct Pieces(Vec<&'static str>);

impl fmt::Display for Pieces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|piece| f.write_str(piece))
    }
}

impl Serialize for Pieces {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

struct Bytes<'a>(&'a [u8]);

impl Serialize for Bytes<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bytes(self.0)
    }
}

fn of<T: Serialize>(value: T) -> u64 {
    digest(&value).expect("a value with a digest")
}

/// Stored digests stay comparable only if none of these numbers ever changes.
#[test]
fn digests_never_change() {
    let long = "The quick brown fox jumps over the lazy dog";
    let golden = [
        (of(()), 3),
        (of(true), 0x66ff_4c8e_f845_3052),
        (of(7u8), 0xa248_5819_fbee_382c),
        (of(-7i64), 0x8321_db5b_7b56_bc1e),
        (of(u64::MAX), 0xc0b0_d6d6_7a23_a427),
        (of(u128::MAX - 7), 0x39d2_2cad_97b0_7c37),
        (of(i128::MIN), 0xbb5e_75fb_e011_bbd0),
        (of(1.5f32), 0x9b3c_6457_cd46_ff5b),
        (of(1.5f64), 0xf23c_c406_088b_fe7b),
        (of(f32::NAN), 0x3b4f_c769_15f0_d0c4),
        (of(f64::NAN), 0x0ac2_eaf4_a8fe_9f7e),
        (of('ß'), 0x233a_9484_82d7_6831),
        (of(""), 0x7b20_273f_0c40_f338),
        (of("some data"), 0x7194_76c9_32ec_2323),
        (of("sixteen bytes long"), 0x7100_5706_d305_8cdb),
        (of(long), 0x3f60_2005_bcca_d82c),
        (of(None::<u8>), 4),
        (of(Some("some data")), 0x73ce_a712_54f9_3a7b),
        (of((1u8, "a")), 0x7480_9890_2173_dacf),
        (of([1u16, 2, 3]), 0xe616_cc57_3f35_8e6f),
        (of(vec![1u16, 2, 3]), 0xea61_8a1d_cfd7_6d53),
        (of(BTreeMap::from([("a", 1), ("b", 2)])), 0xabb6_3f8e_0c6c_4e1e),
        (of(Point { x: -1, y: 2 }), 0x0fd1_93b3_0aed_ead1),
        (of(Meters(2.5)), 0xcf41_6d9b_21c0_4870),
        (of(Order::Nothing), 0x63ab_aa39_159e_524f),
        (of(Order::One(7)), 0x0cad_d096_b8ba_8cdc),
        (of(Order::Pair(1, 2)), 0xf4da_dfe2_aa02_53e8),
        (of(Order::Named { id: 7, note: Some("a".into()) }), 0x8947_0af8_a5ae_dcc9),
        (of(Ok::<u8, String>(7)), 0xdbbf_700a_df29_bcf2),
        (of(Skipping { first: None, second: Some(7) }), 0x6e96_b098_ab74_01c1),
    ];
    let (made, expected): (Vec<u64>, Vec<u64>) = golden.into_iter().unzip();
    assert!(made == expected, "{made:#018x?}");
    let different: HashSet<u64> = made.iter().copied().collect();
    assert_eq!(different.len(), made.len(), "two of these values have the same digest");
}

#[test]
fn the_order_of_a_collection_does_not_count_but_its_elements_do() {
    let words = || (0..100u32).map(|number| (number.to_string(), number));
    // Each `HashMap` has another order.
    let (one, other): (HashMap<_, _>, HashMap<_, _>) = (words().collect(), words().rev().collect());
    assert_eq!(of(&one), of(&other));
    assert_eq!(of(&one), of(words().collect::<BTreeMap<_, _>>()));
    let keys = |of: &HashMap<String, u32>| of.keys().cloned().collect::<HashSet<_>>();
    assert_eq!(of((1, keys(&one), Some(&one))), of((1, keys(&other), Some(&other))));

    assert_eq!(of(vec![1, 2, 3]), of(vec![3, 1, 2]));
    assert_ne!(of(vec![1, 1, 2]), of(vec![2, 2, 1]));
    assert_ne!(of(vec![1, 1]), of(vec![] as Vec<u8>));
    assert_ne!(of(vec![(), ()]), of(vec![(); 3]));
    assert_ne!(of(BTreeMap::from([(1, 2), (3, 4)])), of(BTreeMap::from([(1, 4), (3, 2)])));
    assert_ne!(of(BTreeMap::from([(1, 2)])), of(BTreeMap::from([(2, 1)])));
}

#[test]
fn the_order_of_parts_counts() {
    assert_ne!(of((1, 2)), of((2, 1)));
    assert_ne!(of([1, 2, 3]), of([1, 3, 2]));
    assert_ne!(of(Point { x: 1, y: 2 }), of(Point { x: 2, y: 1 }));
    assert_ne!(of(Order::Pair(1, 2)), of(Order::Pair(2, 1)));
    assert_ne!(of(Skipping { first: Some(1), second: None }), of(Skipping { first: None, second: Some(1) }));
    assert_ne!(of(Ok::<u8, u8>(1)), of(Err::<u8, u8>(1)));
    assert_ne!(of(Some(())), of(None::<()>));
    assert_ne!(of(Some(Some(1))), of(Some(1)));
}

#[test]
fn floats_count_by_their_bits_except_nan() {
    assert_ne!(of(0.0f64), of(-0.0f64));
    assert_ne!(of(0.0f32), of(-0.0f32));
    assert_eq!(of(f64::NAN), of(-f64::from_bits(f64::NAN.to_bits() | 7)));
    assert_eq!(of(f32::NAN), of(-f32::from_bits(f32::NAN.to_bits() | 7)));
    assert_ne!(of(f64::NAN), of(f64::INFINITY));
}

#[test]
fn sums_of_small_elements_are_all_different() {
    let mut sums = HashSet::new();
    let pairs = (0..400u64).flat_map(|one| (one..400).map(move |other| (one, other)));
    let mut count = 0;
    for (one, other) in pairs {
        sums.extend([of(vec![one, other]), of(vec![(one, other)]), of(vec![one.to_string(), other.to_string()])]);
        count += 3;
    }
    assert_eq!(sums.len(), count);
}

#[test]
fn text_in_pieces_has_the_digest_of_the_whole() {
    let text: String = ('a'..='z').cycle().take(70).collect();
    for length in 0..=text.len() {
        let whole = of(&text[..length]);
        assert_eq!(whole, of(Bytes(&text.as_bytes()[..length])));
        for cut in 0..=length {
            let mut pieces = ByteDigest::new();
            write!(pieces, "{}{}", &text[..cut], &text[cut..length]).unwrap();
            assert_eq!(pieces.end(), whole, "{length} bytes, cut at {cut}");
        }
    }
    assert_eq!(of(Pieces(vec!["some", "", " data"])), of("some data"));
    assert_ne!(of("a"), of("a\0"));
}

#[test]
fn a_value_that_can_not_be_written_has_no_digest() {
    struct Unwritable;
    impl Serialize for Unwritable {
        fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(S::Error::custom("unwritable"))
        }
    }
    assert_eq!(digest(&Unwritable), None);
    assert_eq!(digest(&vec![(1, Some(Unwritable))]), None);
}

#[test]
fn a_deep_value_has_no_digest() {
    #[derive(Default, serde::Serialize)]
    struct Nested(Option<Box<Nested>>);
    let of_depth = |depth| (0..depth).fold(Nested::default(), |inner, _| Nested(Some(Box::new(inner))));
    // A newtype and its `Option` are two values.
    assert!(digest(&of_depth(DEPTH_MAX / 2 - 1)).is_some());
    assert_eq!(digest(&of_depth(DEPTH_MAX / 2)), None);
}
