//! Values that are read as they were written, and values that would be read as others.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;
use std::marker::PhantomData;
use std::num::NonZeroI8;
use std::rc::Rc;

use serde::{Deserialize, Deserializer, Serializer};

use super::*;

#[test]
fn varints_are_read_as_they_were_written() {
    for value in [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX - 1, u64::MAX] {
        let mut bytes = Vec::new();
        put_varint(value, &mut bytes);
        let mut rest = &bytes[..];
        assert_eq!(take_varint(&mut rest), Some(value));
        assert!(rest.is_empty());
        assert_eq!(take_varint(&mut &bytes[..bytes.len() - 1]), None, "the last byte is missing");
    }
    assert_eq!(take_varint(&mut &[0xff; 10][..]), None);
}

#[test]
fn the_integer_at_the_front_is_decoded() {
    for value in (0..600).chain([u32::from(u16::MAX), 1 << 16, u32::MAX]) {
        let mut bytes = Vec::new();
        encode(&(value, 9u8), &mut bytes).unwrap();
        assert_eq!(decode_front(&bytes), Some((value, &[9][..])));
    }
    assert_eq!(decode_front(&[]), None);
    assert_eq!(decode_front(&[251, 1]), None);
}

#[test]
fn a_value_must_take_all_bytes() {
    let mut bytes = Vec::new();
    encode(&(7u64, "seven"), &mut bytes).unwrap();
    assert_eq!(decode::<(u64, String)>(&bytes).unwrap(), (7, "seven".to_string()));
    bytes.push(0);
    assert!(decode::<(u64, String)>(&bytes).unwrap_err().contains("left over"));
    assert!(decode::<(u64, String)>(&bytes[..3]).is_err());
}

#[test]
fn a_forged_length_is_an_error() {
    // A byte vector that says it has 2^62 bytes: without a limit the allocation would abort the process.
    let mut bytes = vec![253];
    bytes.extend_from_slice(&(1u64 << 62).to_le_bytes());
    assert!(decode::<String>(&bytes).is_err());
}

#[test]
fn values_wider_in_memory_than_on_disk_stay_below_the_limit() {
    for count in [1000usize, 60_000, 1 << 17] {
        let wide: Vec<u128> = vec![1; count];
        let mut bytes = Vec::new();
        encode(&wide, &mut bytes).unwrap();
        assert_eq!(decode::<Vec<u128>>(&bytes).unwrap(), wide);
    }
}

/// Bytes that are written by `serialize_bytes`.
#[derive(Debug, PartialEq)]
struct Whole(Vec<u8>);

impl Serialize for Whole {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Whole, D::Error> {
        struct Bytes;
        impl serde::de::Visitor<'_> for Bytes {
            type Value = Whole;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("bytes")
            }
            fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Whole, E> {
                Ok(Whole(bytes))
            }
            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Whole, E> {
                Ok(Whole(bytes.to_vec()))
            }
        }
        from.deserialize_bytes(Bytes)
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Newtype<T>(T);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Named {
    a: u8,
    b: Option<String>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Unit;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Kind {
    Unit,
    One(u8),
    Two(u8, i16),
    Named { a: u8 },
}

/// A value that is written as a `W`, and read as an `R`.
struct Both<W, R> {
    written: W,
    read: PhantomData<R>,
}

impl<W: Serialize, R> Serialize for Both<W, R> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.written.serialize(to)
    }
}

impl<'de, W: Default, R: Deserialize<'de>> Deserialize<'de> for Both<W, R> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        R::deserialize(from).map(|_| Both { written: W::default(), read: PhantomData })
    }
}

/// Returns whether the check accepts that this value is read as an `R`.
fn is_read_as<R: DeserializeOwned, W: Serialize + Default>(written: W) -> bool {
    let both = Both { written, read: PhantomData::<R> };
    let (mut plain, mut noted) = (Vec::new(), Vec::new());
    encode(&both, &mut plain).unwrap();
    let tokens = encode_noted(&both, &mut noted).unwrap();
    assert_eq!(plain, noted, "the notes change the bytes");
    decode_again(&both, &noted, &tokens).is_ok()
}

/// Checks that `bytes` is bincode's own encoding of `value`, and that it is read back from any chunks.
fn is_bincode<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T, bytes: &[u8]) {
    let config = bincode::config::standard();
    assert_eq!(bytes, bincode::serde::encode_to_vec(value, config).unwrap(), "{value:?}");
    let (read, count) = bincode::serde::decode_from_slice::<T, _>(bytes, config).unwrap();
    assert_eq!((&read, count), (value, bytes.len()));
    for size in [1, 2, 3, 7, 1000] {
        let (mut failure, path) = (None, std::path::Path::new(""));
        let mut chunks = Pieces { chunks: bytes.chunks(size).map(<[u8]>::to_vec).collect(), bound: bytes.len() as u64 };
        assert_eq!(&CheckpointDecoder::new(&mut chunks, &mut failure, "it", path).decode::<T>().unwrap(), value);
        let mut cut = Pieces { chunks: bytes.chunks(size).map(<[u8]>::to_vec).collect(), bound: bytes.len() as u64 };
        if cut.chunks.pop_back().is_some() {
            assert!(
                CheckpointDecoder::new(&mut cut, &mut failure, "it", path).decode::<T>().is_err(),
                "{value:?} is cut"
            );
        }
        assert!(failure.is_none());
    }
    let mut streamed = Vec::new();
    encode_to(value, &mut streamed).unwrap();
    assert_eq!(streamed, bytes);
}

pub(super) struct Pieces {
    pub(super) chunks: std::collections::VecDeque<Vec<u8>>,
    pub(super) bound: u64,
}

impl ChunkSource for Pieces {
    fn next(&mut self, _: Vec<u8>) -> std::io::Result<Vec<u8>> {
        Ok(self.chunks.pop_front().unwrap_or_default())
    }

    fn bound(&self) -> u64 {
        self.bound
    }
}

#[test]
fn integers_and_chars_are_encoded_as_by_bincode() {
    let edges =
        (0..128).flat_map(|bit| [1u128 << bit, (1 << bit) - 1, (1 << bit) + 1]).chain([250, 251, 252, u128::MAX]);
    for wide in edges {
        let value = (wide as u8, wide as u16, wide as u32, wide as u64, wide, wide as i8, wide as i16, wide as i32);
        let signed = (wide as i64, wide as i128, -(wide as i64 >> 1), wide as usize, char::from_u32(wide as u32));
        let mut bytes = Vec::new();
        encode(&(value, signed), &mut bytes).unwrap();
        is_bincode(&(value, signed), &bytes);
    }
}

#[test]
fn an_integer_wider_than_its_type_is_refused() {
    for (bytes, widths) in [(&[252, 1, 0, 0, 0][..], 1), (&[253, 1, 0, 0, 0, 0, 0, 0, 0], 2), (&[255; 17], 4)] {
        let refused = [
            decode::<u16>(bytes).is_err() && decode::<i16>(bytes).is_err(),
            decode::<u32>(bytes).is_err() && decode::<i32>(bytes).is_err(),
            decode::<u64>(bytes).is_err() && decode::<i64>(bytes).is_err(),
            decode::<u128>(bytes).is_err() && decode::<i128>(bytes).is_err(),
        ];
        assert_eq!(refused, [0, 1, 2, 3].map(|width| width < widths), "{bytes:?}");
    }
}

/// Garbage is an error, or the same value as bincode's.
#[test]
fn garbage_is_read_as_bincode_reads_it() {
    type Any = Vec<(Kind, Option<String>, BTreeMap<i16, char>, bool, f32, u128)>;
    let mut seed = 1u64;
    let mut next = || {
        seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        seed >> 33
    };
    let value: Any =
        vec![(Kind::Two(1, -1), Some("ß".into()), BTreeMap::from([(-300, 'ß')]), true, 1.5, u128::MAX); 3];
    let mut valid = Vec::new();
    encode(&value, &mut valid).unwrap();
    let mut read = 0;
    for _ in 0..20_000 {
        let mut bytes = valid.clone();
        for _ in 0..next() % 3 + 1 {
            let at = next() as usize % bytes.len();
            bytes[at] = next() as u8;
        }
        let ours = decode::<Any>(&bytes).ok().map(|value| format!("{value:?}"));
        let config = bincode::config::standard().with_limit::<{ 1 << 20 }>();
        let theirs = bincode::serde::decode_from_slice::<Any, _>(&bytes, config).ok();
        let theirs = theirs.filter(|(_, read)| *read == bytes.len()).map(|(value, _)| format!("{value:?}"));
        assert_eq!(ours, theirs, "{bytes:?}");
        read += u32::from(ours.is_some());
    }
    assert!(read > 1000, "{read} were read");
}

#[test]
fn values_are_read_as_they_were_written() {
    fn back<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: T) {
        let mut bytes = Vec::new();
        let tokens = encode_noted(&value, &mut bytes).unwrap();
        assert_eq!(decode_again(&value, &bytes, &tokens).unwrap(), value);
        check_sample(&value, &Rc::new(SampleNames::default())).unwrap();
        is_bincode(&value, &bytes);
    }
    back((true, 'ß', 1.5f32, f64::MIN, (), Unit, [0u8; 0]));
    back([(u8::MAX, i8::MIN), (0, 0), (1, -1)]);
    back((u16::MAX, u32::MAX, u64::MAX, u128::MAX, usize::MAX));
    back((i16::MIN, i32::MIN, i64::MIN, i128::MIN, isize::MIN));
    back((NonZeroI8::MIN, vec![-1i8, 1, -128]));
    back(("".to_string(), "text".repeat(1000), Whole(vec![255; 300]), vec![(), (), ()]));
    back([None, Some(None), Some(Some(()))]);
    back((Newtype(Named { a: 1, b: None }), Named { a: 251, b: Some("b".into()) }));
    back([Kind::Unit, Kind::One(1), Kind::Two(1, -1), Kind::Named { a: 0 }]);
    back((0..100).map(|n| (n, vec![Kind::One(n)])).collect::<HashMap<u8, Vec<Kind>>>());
    back(BTreeMap::from([(Some('a'), Newtype(1u8))]));
}

#[test]
fn types_with_equal_tokens_are_accepted() {
    assert!(is_read_as::<u128, _>(u16::MAX) && is_read_as::<u16, _>(7u64) && is_read_as::<u64, _>(usize::MAX));
    assert!(is_read_as::<i16, _>(-7i128) && is_read_as::<i64, _>(i32::MIN));
    assert!(is_read_as::<u8, _>(7i8) && is_read_as::<i8, _>(7u8) && is_read_as::<Vec<i8>, _>(vec![1u8, 127]));
    for text in ["", "a", "text of some length"] {
        assert!(is_read_as::<Vec<u8>, _>(text) && is_read_as::<Whole, _>(text));
        assert!(is_read_as::<String, _>(text.as_bytes().to_vec()));
    }
    assert!(is_read_as::<BTreeMap<u8, bool>, _>(vec![(1u8, true), (2, false)]));
    assert!(is_read_as::<Vec<(u8, bool)>, _>(BTreeMap::from([(1u8, true)])));
    assert!(is_read_as::<Newtype<Newtype<u8>>, _>(1u8) && is_read_as::<(u8, ()), _>(1u8));
    assert!(is_read_as::<Named, _>((1u8, Some("b"))) && is_read_as::<[u8; 2], _>((1u8, Newtype2(2))));
}

#[derive(Default, Serialize)]
struct Newtype2(u8);

#[test]
fn values_that_decode_to_others_are_refused() {
    assert!(!is_read_as::<u64, _>(1i64) && !is_read_as::<i32, _>(1u32));
    assert!(!is_read_as::<u8, _>(-1i8) && !is_read_as::<i8, _>(200u8) && !is_read_as::<Vec<u8>, _>(vec![1i8, -1]));
    assert!(!is_read_as::<u16, _>(1u8) && !is_read_as::<u8, _>(1u16));
    assert!(!is_read_as::<bool, _>(1u8) && !is_read_as::<u8, _>(true));
    assert!(!is_read_as::<bool, _>(Some(())) && !is_read_as::<Option<()>, _>(true));
    assert!(!is_read_as::<Kind, _>(0u32) && !is_read_as::<Option<u8>, _>((1u8, 7u8)));
    assert!(!is_read_as::<f32, _>([0u8; 4]) && !is_read_as::<f64, _>([1f32; 2]));
    assert!(!is_read_as::<char, _>(b'a') && !is_read_as::<Vec<char>, _>("abc"));
    assert!(!is_read_as::<(u32, u8, u8), _>(vec![7u8, 8]), "a length isn't a number");
    assert!(!is_read_as::<(u8, u8, u8), _>((1u8, 257u16)) && !is_read_as::<(u8, u16), _>((1u8, 250u8)));
}

#[test]
fn the_first_difference_is_named_by_its_path() {
    type Written = BTreeMap<u8, Vec<(u8, Option<u64>)>>;
    let written: Written = BTreeMap::from([(1, vec![(2, None)]), (3, vec![(4, None), (5, Some(6))])]);
    let both = Both { written, read: PhantomData::<BTreeMap<u8, Vec<(u8, Option<i64>)>>> };
    let mut bytes = Vec::new();
    let tokens = encode_noted(&both, &mut bytes).unwrap();
    let message = decode_again(&both, &bytes, &tokens).map(drop).unwrap_err().reason.to_string();
    assert!(
        message.starts_with("`value.item.1.some` is written as an unsigned integer and read as a signed integer"),
        "{message}"
    );
}

#[test]
fn parts_that_are_not_read_are_refused() {
    /// Reads one part of a sequence, of which none takes a byte.
    struct First;
    impl<'de> Deserialize<'de> for First {
        fn deserialize<D: Deserializer<'de>>(from: D) -> Result<First, D::Error> {
            struct One;
            impl<'de> serde::de::Visitor<'de> for One {
                type Value = First;
                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("a sequence")
                }
                fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut all: A) -> Result<First, A::Error> {
                    all.next_element::<()>().map(|_| First)
                }
            }
            from.deserialize_seq(One)
        }
    }
    assert!(is_read_as::<First, _>(vec![()]) && !is_read_as::<First, _>(vec![(), ()]));
}

#[test]
fn the_writer_and_the_reader_count_the_same_root_fields() {
    #[derive(Serialize, Deserialize)]
    struct Outer {
        named: Named,
        kind: Kind,
    }

    fn check<T: Serialize + DeserializeOwned>(value: T, count: usize) {
        let (written, read, mut bytes) = (notes::Notes::of_root_fields(), notes::Notes::of_root_fields(), Vec::new());
        ValueWriter::to_buffer(&mut bytes, Some(&written)).whole(&value).unwrap();
        ValueReader::new(Input::of_slice(&bytes), Some(&read)).whole::<T>().map(drop).unwrap();
        let ends =
            |notes: &notes::Notes| notes.fields().iter().map(|(field, end)| (field.index, *end)).collect::<Vec<_>>();
        assert_eq!(ends(&written), ends(&read), "{}", std::any::type_name::<T>());
        assert_eq!(ends(&read).len(), count, "{}", std::any::type_name::<T>());
    }
    let named = || Named { a: 1, b: None };
    check(Outer { named: named(), kind: Kind::Two(1, -1) }, 2);
    check(Newtype(named()), 2);
    check(Kind::Two(1, -1), 2);
    check(Some(named()), 0);
    check(vec![named()], 0);
    check((named(), named()), 0);
}
