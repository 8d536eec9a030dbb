//! Integers of variable length: the encoding of bincode's standard configuration, and LEB128 for the log's own bodies.

/// The largest value that takes one byte.
pub(super) const MOST_SMALL: u8 = 250;
/// The first byte of an encoding of two further bytes. The next constants are those of four, eight and sixteen bytes.
pub(super) const U16: u8 = 251;
pub(super) const U32: u8 = 252;
pub(super) const U64: u8 = 253;
pub(super) const U128: u8 = 254;

/// Appends the shortest encoding of `value`.
#[inline]
pub(super) fn put(value: u64, out: &mut Vec<u8>) {
    match value {
        0..=0xfa => out.push(value as u8),
        0xfb..=0xffff => put_wide(U16, &(value as u16).to_le_bytes(), out),
        0x1_0000..=0xffff_ffff => put_wide(U32, &(value as u32).to_le_bytes(), out),
        _ => put_wide(U64, &value.to_le_bytes(), out),
    }
}

/// Appends the shortest encoding of `value`.
pub(super) fn put_128(value: u128, out: &mut Vec<u8>) {
    match u64::try_from(value) {
        Ok(value) => put(value, out),
        Err(_) => put_wide(U128, &value.to_le_bytes(), out),
    }
}

#[inline]
fn put_wide(first: u8, bytes: &[u8], out: &mut Vec<u8>) {
    out.push(first);
    out.extend_from_slice(bytes);
}

/// Returns the unsigned integer that encodes `value` (zigzag): a small one for a value near 0.
#[inline]
pub(super) fn to_unsigned(value: i64) -> u64 {
    (value << 1 ^ value >> 63) as u64
}

#[inline]
pub(super) fn to_signed(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

pub(super) fn to_unsigned_128(value: i128) -> u128 {
    (value << 1 ^ value >> 127) as u128
}

pub(super) fn to_signed_128(value: u128) -> i128 {
    (value >> 1) as i128 ^ -((value & 1) as i128)
}

/// Appends `value` as a LEB128 integer: seven bits a byte, low bits first.
pub(crate) fn put_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Takes a LEB128 integer off the front of `bytes`. Returns `None` if there is none, or it doesn't fit.
pub(crate) fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for (at, &byte) in bytes.iter().enumerate().take(10) {
        let bits = u64::from(byte & 0x7f);
        let shift = 7 * at as u32;
        if shift == 63 && bits > 1 {
            return None;
        }
        value |= bits << shift;
        if byte & 0x80 == 0 {
            *bytes = &bytes[at + 1..];
            return Some(value);
        }
    }
    None
}
