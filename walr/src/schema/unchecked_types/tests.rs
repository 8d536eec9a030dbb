//! Every listed type, with its difficult values: each is decoded as it was encoded, bit for bit, and within the limit.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::marker::PhantomData;

use serde::de::{DeserializeOwned, Deserializer, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

use super::*;
use crate::codec;

/// A random number generator (splitmix64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }
}

trait Sample: ReadsBack + Serialize + DeserializeOwned + Debug {
    /// Returns a value: often one at which the encoding changes its length, or a random one.
    fn sample(dice: &mut Dice) -> Self;
    /// Compares bit by bit, where `==` does not.
    fn is_same(&self, other: &Self) -> bool;
}

macro_rules! integers {
    ($($ty:ident)*) => { $(
        impl Sample for $ty {
            fn sample(dice: &mut Dice) -> Self {
                // Values near each power of two and near each change of the encoding's length, of both signs.
                let bits = dice.below(<$ty>::BITS as usize) as u32;
                let near = [0, 1, 2, 250, 251, 252, 253, 254, 255, 256].map(|near: i128| near as $ty);
                let edge = dice.pick(&[0, <$ty>::MAX, <$ty>::MIN, (1 as $ty).wrapping_shl(bits)]);
                let random = (u128::from(dice.next()) << 64 | u128::from(dice.next())) as $ty;
                let shift = dice.pick(&near);
                dice.pick(&[edge.wrapping_add(shift), edge.wrapping_sub(shift), random, random.wrapping_shr(bits)])
            }

            fn is_same(&self, other: &Self) -> bool {
                self == other
            }
        }

        impl Sample for NonZero<$ty> {
            fn sample(dice: &mut Dice) -> Self {
                NonZero::new($ty::sample(dice)).unwrap_or(NonZero::<$ty>::MAX)
            }

            fn is_same(&self, other: &Self) -> bool {
                self == other
            }
        }
    )* };
}

integers!(u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize);

macro_rules! samples {
    ($($ty:ty: $dice:ident => $sample:expr, $same:expr;)*) => { $(
        impl Sample for $ty {
            fn sample($dice: &mut Dice) -> Self {
                $sample
            }

            fn is_same(&self, other: &Self) -> bool {
                let same: fn(&$ty, &$ty) -> bool = $same;
                same(self, other)
            }
        }
    )* };
}

/// Quiet and signalling NaNs of both signs with a payload, both zeros, infinities and the smallest numbers.
const F32: [u32; 10] =
    [0x7fc0_0000, 0x7fc1_2345, 0xffc0_0001, 0x7f80_0001, 0xffbf_ffff, 0x8000_0000, 0, 0x7f80_0000, 1, 0x8000_0001];
const F64: [u64; 9] = [
    0x7ff8_0000_0000_0000,
    0x7ff8_dead_beef_0001,
    0xfff8_0000_0000_0001,
    0x7ff0_0000_0000_0001,
    0xfff7_ffff_ffff_ffff,
    1 << 63,
    0,
    0x7ff0_0000_0000_0000,
    1,
];
const CHARS: [char; 11] =
    ['\0', 'a', '\u{7f}', '\u{80}', '\u{7ff}', '\u{800}', '\u{d7ff}', '\u{e000}', '\u{ffff}', '\u{10000}', char::MAX];

samples! {
    bool: dice => dice.pick(&[false, true]), |a, b| a == b;
    f32: dice => { let any = dice.next() as u32; let nasty = dice.pick(&F32); f32::from_bits(dice.pick(&[nasty, any])) },
        |a, b| a.to_bits() == b.to_bits();
    f64: dice => { let any = dice.next(); let nasty = dice.pick(&F64); f64::from_bits(dice.pick(&[nasty, any])) },
        |a, b| a.to_bits() == b.to_bits();
    char: dice => {
        let any = char::from_u32(dice.next() as u32 % 0x11_0000).unwrap_or('\u{fffd}');
        let nasty = dice.pick(&CHARS);
        dice.pick(&[nasty, any])
    }, |a, b| a == b;
    String: dice => {
        let len = dice.pick(&[0, 0, 1, 2, 249, 250, 251, 256, 3000]);
        (0..len).map(|_| char::sample(dice)).collect()
    }, |a, b| a == b;
    // `==` of paths compares their parts.
    PathBuf: dice => {
        let parts = ["", "/", "//", "a", ".", "..", "a/./b//", "C:\\", "\u{e9}", "e\u{301}", "\0"];
        (0..dice.below(6)).map(|_| dice.pick(&parts)).collect::<String>().into()
    }, |a, b| a.as_os_str() == b.as_os_str();
    Duration: dice => {
        let secs = u64::sample(dice);
        let nanos = dice.pick(&[0, 1, 250, 251, 999_999_999]);
        dice.pick(&[Duration::MAX, Duration::ZERO, Duration::new(secs, nanos)])
    }, |a, b| a == b;
    Ipv4Addr: dice => Ipv4Addr::from_bits(u32::sample(dice)), |a, b| a == b;
    // Some are V4 addresses in V6 form.
    Ipv6Addr: dice => {
        let v4 = Ipv4Addr::sample(dice);
        let any = Ipv6Addr::from_bits(u128::sample(dice));
        dice.pick(&[any, v4.to_ipv6_mapped(), v4.to_ipv6_compatible()])
    }, |a, b| a == b;
    IpAddr: dice => {
        let (v4, v6) = (Ipv4Addr::sample(dice), Ipv6Addr::sample(dice));
        dice.pick(&[IpAddr::V4(v4), IpAddr::V6(v6)])
    }, |a, b| a == b;
}

impl<T: Sample> Sample for Box<T> {
    fn sample(dice: &mut Dice) -> Self {
        Box::new(T::sample(dice))
    }

    fn is_same(&self, other: &Self) -> bool {
        T::is_same(self, other)
    }
}

impl<T: Sample> Sample for Option<T> {
    fn sample(dice: &mut Dice) -> Self {
        (dice.below(3) > 0).then(|| T::sample(dice))
    }

    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Some(one), Some(other)) => one.is_same(other),
            (None, None) => true,
            _ => false,
        }
    }
}

impl<T: Sample> Sample for Vec<T> {
    fn sample(dice: &mut Dice) -> Self {
        let len = dice.pick(&[0, 0, 1, 2, 3, 7]);
        (0..len).map(|_| T::sample(dice)).collect()
    }

    fn is_same(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().zip(other).all(|(one, other)| one.is_same(other))
    }
}

macro_rules! sample_arrays {
    ($($len:literal)*) => { $(
        impl<T: Sample> Sample for [T; $len] {
            fn sample(dice: &mut Dice) -> Self {
                std::array::from_fn(|_| T::sample(dice))
            }

            fn is_same(&self, other: &Self) -> bool {
                self.iter().zip(other).all(|(one, other)| one.is_same(other))
            }
        }
    )* };
}

sample_arrays!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32);

macro_rules! sample_tuples {
    ($(($($name:ident $at:tt),*))*) => { $(
        impl<$($name: Sample),*> Sample for ($($name,)*) {
            fn sample(dice: &mut Dice) -> Self {
                ($($name::sample(dice),)*)
            }

            fn is_same(&self, other: &Self) -> bool {
                true $(&& self.$at.is_same(&other.$at))*
            }
        }
    )* };
}

sample_tuples!((A 0)(A 0, B 1)(A 0, B 1, C 2)(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11));

/// Returns the encoding of a record with this argument: a mutation's index, and the value.
fn encoded<T: Serialize>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    codec::encode(&(3u32, value), &mut bytes).unwrap();
    bytes
}

fn assert_reads_back<T: Sample>(value: &T) {
    let bytes = encoded(value);
    let (_, decoded) = codec::decode::<(u32, T)>(&bytes).unwrap_or_else(|e| panic!("{e} of {} bytes", bytes.len()));
    assert!(value.is_same(&decoded), "{value:?} became {decoded:?}");
}

/// Checks many values of `T`, alone and in all listed containers.
fn check<T: Sample>(seen: &mut BTreeSet<&'static str>) {
    let mut dice = Dice(seen.len() as u64);
    for _ in 0..200 {
        assert_reads_back(&T::sample(&mut dice));
        assert_reads_back(&<(T, Option<T>, Box<T>)>::sample(&mut dice));
        assert_reads_back(&<Vec<Option<Vec<T>>>>::sample(&mut dice));
        assert_reads_back(&<[T; 5]>::sample(&mut dice));
        assert_reads_back(&<Option<Option<T>>>::sample(&mut dice));
    }
    seen.insert(std::any::type_name::<T>());
}

macro_rules! check_each {
    ($seen:expr, $($ty:ty)*) => { $(check::<$ty>($seen);)* };
}

#[test]
fn every_value_reads_back() {
    let mut seen = BTreeSet::new();
    check_each!(&mut seen, bool char f32 f64 u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize);
    check_each!(&mut seen, NonZero<u8> NonZero<u16> NonZero<u32> NonZero<u64> NonZero<u128> NonZero<usize>);
    check_each!(&mut seen, NonZero<i8> NonZero<i16> NonZero<i32> NonZero<i64> NonZero<i128> NonZero<isize>);
    check_each!(&mut seen, String PathBuf Duration IpAddr Ipv4Addr Ipv6Addr);
    assert_eq!(seen, plain().into_iter().collect(), "a listed type isn't checked");
}

#[test]
fn every_container_reads_back() {
    type Twelve = (u8, String, f64, char, i128, Option<u8>, bool, (f32,), Vec<String>, u16, PathBuf, [String; 2]);
    let seen = &mut BTreeSet::new();
    check_each!(seen, (f32,) (String, f64) Twelve Vec<Vec<Vec<u8>>> Vec<Option<Vec<String>>> Box<Vec<Box<String>>>);
    macro_rules! arrays {
        ($($len:literal)*) => { check_each!(seen, $([(i16, f32); $len])*) };
    }
    arrays!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32);
}

/// Checks encodings of all lengths near the end of the codec's first tier, of the types that take the most memory.
#[test]
fn no_limit_refuses_values_near_the_end_of_a_tier() {
    const TIER: usize = 1 << 16;
    fn around<T: Sample + Clone>(element: T) {
        let size = encoded(&element).len() - 1;
        let lens = (TIER - 40) / size..(TIER + 40) / size + 1;
        let mut all = vec![element.clone(); lens.start];
        for _ in lens {
            assert_reads_back(&all);
            all.push(element.clone());
        }
    }
    around(0u128);
    around(0i128);
    around(0usize);
    around(String::new());
    around(Vec::<Vec<String>>::new());
    around(vec![Vec::<u128>::new(), vec![0]]);
    around(None::<u8>);
    around([0u128; 32]);
    around((1.5f64, 0u128, Some(0u64)));
    for len in (TIER - 20..TIER + 20).chain([(1 << 26) - 20, 1 << 26, (1 << 26) + 20]) {
        assert_reads_back(&"x".repeat(len));
    }
    // Records that end just before the end of the tier.
    for len in TIER - 40..TIER {
        assert_reads_back(&(vec![0u128; len], u128::MAX));
    }
}

/// Reads `N` values and drops each, because all of them might not fit in memory.
struct Passed<T, const N: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const N: usize> Deserialize<'de> for Passed<T, N> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_tuple(N, Passed(PhantomData))
    }
}

impl<'de, T: Deserialize<'de>, const N: usize> Visitor<'de> for Passed<T, N> {
    type Value = Self;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("values")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self, A::Error> {
        while seq.next_element::<T>()?.is_some() {}
        Ok(self)
    }
}

#[test]
fn the_largest_values_of_a_tier_are_within_its_limit() {
    const SMALL: usize = 1 << 16;
    const LARGE: usize = 1 << 26;
    assert!(codec::decode::<Passed<u128, SMALL>>(&vec![0; SMALL]).is_ok());
    assert!(codec::decode::<Passed<u128, LARGE>>(&vec![0; LARGE]).is_ok());
    assert!(codec::decode::<Passed<u128, { LARGE + 1 }>>(&vec![0; LARGE + 1]).is_ok());
}

#[test]
fn a_probe_depends_on_the_type_and_not_its_name() {
    struct Own;
    type Alias = Vec<Option<String>>;
    fn of_any<T>() -> bool {
        Probe::<T>::READS_BACK
    }
    fn of_any_len<const N: usize>() -> bool {
        Probe::<[u8; N]>::READS_BACK
    }
    const {
        assert!(Probe::<Alias>::READS_BACK && Probe::<(Box<[f64; 32]>,)>::READS_BACK);
        assert!(!Probe::<Own>::READS_BACK && !Probe::<Vec<Own>>::READS_BACK && !Probe::<(u8, Own)>::READS_BACK);
        assert!(!Probe::<()>::READS_BACK && !Probe::<[u8; 0]>::READS_BACK && !Probe::<Vec<()>>::READS_BACK);
        assert!(!Probe::<str>::READS_BACK && !Probe::<std::rc::Rc<u8>>::READS_BACK);
        assert!(!Probe::<std::net::SocketAddr>::READS_BACK && !Probe::<std::time::SystemTime>::READS_BACK);
    }
    assert!(!of_any::<u8>() && !of_any::<Vec<u8>>() && !of_any_len::<4>());
}
