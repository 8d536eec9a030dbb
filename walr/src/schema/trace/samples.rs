//! The samples that a trace gives. Most types accept the first one. The others are for types that validate their values.

use crate::schema::shape::Scalar;

/// The number of lengths that a sequence, a map or an option is tried with.
pub(super) const SIZES: usize = 3;

const TEXTS: [&str; 18] = [
    "a",
    "1",
    "",
    "2000-01-01T00:00:00Z",
    "2000-01-01T00:00:00",
    "2000-01-01",
    "00:00:00",
    "00000000-0000-0000-0000-000000000000",
    "127.0.0.1",
    "127.0.0.1:80",
    "::1",
    "127.0.0.0/8",
    "http://a.example/",
    "a@a.example",
    "1.0.0",
    "UTC",
    "#000000",
    "00",
];
const LENGTHS: [usize; 11] = [1, 16, 0, 4, 8, 12, 20, 24, 32, 48, 64];
const NUMBERS: [u8; 5] = [1, 0, 2, 16, 100];
const CHARS: [char; 3] = ['a', '0', 'A'];

/// Returns the number of samples of this kind.
pub(super) fn count(kind: Scalar) -> usize {
    match kind {
        Scalar::Text => TEXTS.len(),
        Scalar::Bytes => LENGTHS.len(),
        Scalar::Char => CHARS.len(),
        Scalar::Bool => 2,
        Scalar::Unit => 1,
        _ => NUMBERS.len(),
    }
}

/// Returns the index of the sample that is empty, or zero.
pub(super) fn empty(kind: Scalar) -> usize {
    match kind {
        Scalar::Text | Scalar::Bytes => 2,
        Scalar::Char | Scalar::Bool | Scalar::Unit => 0,
        _ => 1,
    }
}

pub(super) fn text(index: usize) -> String {
    sample(&TEXTS, index).to_string()
}

pub(super) fn bytes(index: usize) -> Vec<u8> {
    vec![0; sample(&LENGTHS, index)]
}

pub(super) fn number(index: usize) -> u8 {
    sample(&NUMBERS, index)
}

pub(super) fn signed_byte(index: usize) -> i8 {
    number(index) as i8
}

pub(super) fn char(index: usize) -> char {
    sample(&CHARS, index)
}

pub(super) fn bool(index: usize) -> bool {
    index > 0
}

/// Returns the sample at `index`, or the last one.
fn sample<T: Copy>(samples: &[T], index: usize) -> T {
    samples[index.min(samples.len() - 1)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_an_empty_sample() {
        assert_eq!(
            (text(empty(Scalar::Text)).as_str(), bytes(empty(Scalar::Bytes)).len(), number(empty(Scalar::U64))),
            ("", 0, 0)
        );
    }
}
