//! Arguments whose encoding always reads back as what it was made from, so that there is nothing to prove at a call.
//!
//! A type is on this list only where three things hold for each of its values: if it can be encoded at all, its encoding
//! decodes; the decoded value is the given one, bit for bit (a `Vec`'s spare capacity is no part of its value); and
//! no limit of the codec's stands in the way. Why they do:
//!
//! - `bool`, integers, `char`: a byte, a variable-length integer, UTF-8; each is read back by the inverse of its writing.
//!   `usize` and `isize` are written with 64 bits; that a log moves to a machine with fewer, no check of a call can see.
//! - `f32`, `f64`: their bits, so that -0.0 and a NaN's payload stay. (Where passing a float around changes a signalling NaN,
//!   as on 32-bit x86 without SSE2, Rust promises nothing about those bits before they come to us.)
//! - `NonZero` integers: as the integer, which isn't zero.
//! - `String`: its bytes, which are UTF-8 already.
//! - `PathBuf`: as a `String`; a path that isn't UTF-8 is an error of its encoding. It isn't normalized on the way.
//! - `Duration`: seconds and nanoseconds below a second; the sum that its reading makes of them carries nothing.
//! - `IpAddr` and the two in it: which it is, and its octets. A `SocketAddr` is not here: of a V6 one, serde leaves the scope out.
//! - `Box<T>`: as a `T`. `Option<T>`: a byte, and the `T`. `Vec<T>`, tuples, arrays: the length where it isn't known, and each `T`
//!   in order.
//!
//! The limit: the codec counts what it decodes by its size in memory ([`codec`](crate::codec)), and refuses what counts more
//! than 16 times its bytes. Of the above nothing counts more than a `u128`, 16 for one byte.
//!
//! Left out is what leaves a doubt, or takes no byte: user types, whatever they derive; `()` and empty arrays; maps and
//! sets, whose keys' `Ord` and `Hash` come in; `Rc`, `Arc` and `Cow`; `SystemTime`, of which std doesn't say that adding what was subtracted
//! leads back; `OsString`, whose encoding is the platform's.

use std::marker::PhantomData;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZero;
use std::path::PathBuf;
use std::time::Duration;

/// A type whose values are decoded as they were encoded. Nobody outside can name it, and so nobody can claim it.
pub trait Faithful {}

/// Asks whether `T` is faithful: by its inherent constant if it is, by that of [`Doubtful`] if that isn't known. The type answers, and
/// not its name, so that an alias is what it stands for, and a `String` of the user's own is no `String`. Of a type parameter nothing is known.
#[derive(Debug)]
pub struct Probe<T: ?Sized>(PhantomData<T>);

impl<T: Faithful> Probe<T> {
    /// It is.
    pub const FAITHFUL: bool = true;
}

/// What a [`Probe`] answers where nothing better is known. Generated code imports it for that.
pub trait Doubtful {
    /// Not known to be.
    const FAITHFUL: bool = false;
}

impl<T: ?Sized> Doubtful for Probe<T> {}

/// Implements it for types without parameters, and lists them for the test.
macro_rules! plain {
    ($($ty:ty),* $(,)?) => {
        $(impl Faithful for $ty {})*

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

impl<T: Faithful> Faithful for Box<T> {}
impl<T: Faithful> Faithful for Option<T> {}
impl<T: Faithful> Faithful for Vec<T> {}

macro_rules! tuples {
    ($first:ident $($rest:ident)*) => {
        impl<$first: Faithful, $($rest: Faithful),*> Faithful for ($first, $($rest,)*) {}
        tuples!($($rest)*);
    };
    () => {};
}

tuples!(A B C D E F G H I J K L);

macro_rules! arrays {
    ($($len:literal)*) => { $(impl<T: Faithful> Faithful for [T; $len] {})* };
}

arrays!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32);

#[cfg(test)]
mod tests;
