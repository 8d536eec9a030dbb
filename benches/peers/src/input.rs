//! The keys, values and records of all workloads.

use std::collections::HashMap;

pub type Map = HashMap<String, String>;

/// The number of keys.
pub const KEYS: u64 = 1_000_000;

fn mix(x: u64) -> u64 {
    let x = x.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

/// Returns a key of 16 hexadecimal digits.
pub fn key(at: u64) -> String {
    let mixed = mix(at);
    (0..16).map(|digit| char::from(b"0123456789abcdef"[(mixed >> (4 * digit) & 15) as usize])).collect()
}

/// Random values, which engines that compress can't make much smaller.
pub struct Values(Vec<String>);

impl Values {
    pub fn new(len: usize) -> Self {
        const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let count = ((64 << 20) / len.max(1)).clamp(4, 1024);
        let mut state = 1;
        let mut letter = || {
            state = mix(state);
            char::from(LETTERS[(state & 63) as usize])
        };
        Values((0..count).map(|_| (0..len).map(|_| letter()).collect()).collect())
    }

    pub fn get(&self, at: u64) -> String {
        self.0[at as usize % self.0.len()].clone()
    }

    /// Returns the inserts of these numbers.
    pub fn items(&self, numbers: std::ops::Range<u64>) -> Vec<(String, String)> {
        numbers.map(|at| (key(at % KEYS), self.get(at))).collect()
    }
}

/// Appends an insert: the length of the key, the key, the length of the value, the value.
pub fn encode(key: &str, value: &str, buffer: &mut Vec<u8>) {
    for text in [key, value] {
        buffer.extend_from_slice(&(text.len() as u32).to_le_bytes());
        buffer.extend_from_slice(text.as_bytes());
    }
}

/// Returns the insert at the start of `bytes`, and what follows it.
pub fn decode(bytes: &[u8]) -> Option<((String, String), &[u8])> {
    fn text(bytes: &[u8]) -> Option<(String, &[u8])> {
        let (len, rest) = bytes.split_first_chunk::<4>()?;
        let (text, rest) = rest.split_at_checked(u32::from_le_bytes(*len) as usize)?;
        Some((str::from_utf8(text).ok()?.to_string(), rest))
    }
    let (key, rest) = text(bytes)?;
    let (value, rest) = text(rest)?;
    Some(((key, value), rest))
}
