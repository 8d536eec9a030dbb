//! The types whose values always read back as they were encoded. Calls with arguments of these types need no re-encode check.
//!
//! A type is listed only if three things hold for each of its values: an encoding decodes; the decoded value is the given one, bit
//! for bit (a `Vec`'s spare capacity is no part of its value); and the codec's limit allows it. The reasons:
//!
//! - `bool`, integers, `char`: a byte, a variable-length integer, UTF-8. The decoding is the exact inverse. `usize` and `isize`
//!   have 64 bits in the encoding. No check of a call can foresee that a log moves to a machine with fewer.
//! - `f32`, `f64`: their bits, so that -0.0 and a NaN's payload stay. (Where passing a float changes a signalling NaN, as on 32-bit
//!   x86 without SSE2, Rust promises nothing about its bits before the call.)
//! - `NonZero` integers: as the integer, which isn't zero.
//! - `String`: its bytes, which are UTF-8 already.
//! - `PathBuf`: as a `String`, without normalization. A path that isn't UTF-8 fails to encode.
//! - `Duration`: seconds, and nanoseconds below a second, so that nothing is carried when they are added up.
//! - `IpAddr`, `Ipv4Addr`, `Ipv6Addr`: the version and the octets. `SocketAddr` isn't listed, because serde leaves out the scope of
//!   a V6 address.
//! - `Box<T>`: as a `T`. `Option<T>`: a byte and the `T`. `Vec<T>`, tuples, arrays: each `T` in order, after the length if it
//!   isn't fixed.
//!
//! The limit: a value may take 16 times as much memory as its encoding ([`codec`](crate::codec)). No listed type takes more than a
//! `u128`, 16 bytes for one.
//!
//! Not listed is what leaves a doubt, or takes no byte: the user's own types; `()` and empty arrays; maps and sets, which depend
//! on the keys' `Ord` and `Hash`; `Rc`, `Arc` and `Cow`; `SystemTime`, for which std doesn't promise that an addition reverts a
//! subtraction; `OsString`, whose encoding depends on the platform.

use std::marker::PhantomData;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZero;
use std::path::PathBuf;
use std::time::Duration;

/// A type whose values always read back as they were encoded. The trait is private, so that no other type can claim it.
pub trait ReadsBack {}

/// Tells whether `T` is listed: `Probe::<T>::READS_BACK` is the inherent constant if it is, and else that of [`Unlisted`].
///
/// The compiler resolves it by the type and not by its name, so that an alias counts as its target, and a user's own type named
/// `String` isn't listed. Neither is a type parameter.
#[derive(Debug)]
pub struct Probe<T: ?Sized>(PhantomData<T>);

impl<T: ReadsBack> Probe<T> {
    /// True for a listed type.
    pub const READS_BACK: bool = true;
}

/// The constant of a [`Probe`] of other types. Generated code imports it.
pub trait Unlisted {
    /// False for all other types.
    const READS_BACK: bool = false;
}

impl<T: ?Sized> Unlisted for Probe<T> {}

/// Lists types without parameters, also for the test.
macro_rules! plain {
    ($($ty:ty),* $(,)?) => {
        $(impl ReadsBack for $ty {})*

        #[cfg(test)]
        fn plain() -> Vec<&'static str> {
            vec![$(std::any::type_name::<$ty>()),*]
        }
    };
}

#[rustfmt::skip]
plain!(
    bool, char, f32, f64,
    u8, u16, u32, u64, u128, usize,
    i8, i16, i32, i64, i128, isize,
    NonZero<u8>, NonZero<u16>, NonZero<u32>, NonZero<u64>, NonZero<u128>, NonZero<usize>,
    NonZero<i8>, NonZero<i16>, NonZero<i32>, NonZero<i64>, NonZero<i128>, NonZero<isize>,
    String, PathBuf, Duration, IpAddr, Ipv4Addr, Ipv6Addr,
);

impl<T: ReadsBack> ReadsBack for Box<T> {}
impl<T: ReadsBack> ReadsBack for Option<T> {}
impl<T: ReadsBack> ReadsBack for Vec<T> {}

macro_rules! tuples {
    ($first:ident $($rest:ident)*) => {
        impl<$first: ReadsBack, $($rest: ReadsBack),*> ReadsBack for ($first, $($rest,)*) {}
        tuples!($($rest)*);
    };
    () => {};
}

tuples!(A B C D E F G H I J K L);

macro_rules! arrays {
    ($($len:literal)*) => { $(impl<T: ReadsBack> ReadsBack for [T; $len] {})* };
}

arrays!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32);

#[cfg(test)]
mod tests;
