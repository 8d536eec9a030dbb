//! Values to give to a type that is traced: the first mostly serves, the others are for types that look closer.

/// How many lengths a sequence, a map or an option is tried with.
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

/// How many samples there are of this kind.
pub(super) fn count(kind: &str) -> usize {
    match kind {
        "string" => TEXTS.len(),
        "bytes" => LENGTHS.len(),
        "char" => CHARS.len(),
        "bool" => 2,
        "()" => 1,
        _ => NUMBERS.len(),
    }
}

/// The number of the sample that is empty, or zero.
pub(super) fn empty(kind: &str) -> usize {
    match kind {
        "string" | "bytes" => 2,
        "char" | "bool" | "()" => 0,
        _ => 1,
    }
}

pub(super) fn text(tries: usize) -> String {
    TEXTS[tries.min(TEXTS.len() - 1)].to_string()
}

pub(super) fn bytes(tries: usize) -> Vec<u8> {
    vec![0; LENGTHS[tries.min(LENGTHS.len() - 1)]]
}

pub(super) fn number(tries: usize) -> u8 {
    NUMBERS[tries.min(NUMBERS.len() - 1)]
}

pub(super) fn char(tries: usize) -> char {
    CHARS[tries.min(CHARS.len() - 1)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_an_empty_sample() {
        assert_eq!((text(empty("string")).as_str(), bytes(empty("bytes")).len(), number(empty("u64"))), ("", 0, 0));
    }
}
