//! The parts of the encoding that schemas and shapes share. It is the format's own and needs no codec.
//!
//! A number is a LEB128 integer, a text is the number of its bytes and UTF-8, and a list is the number of its items and the items.

use crate::codec::{put_varint, take_varint};

pub(super) fn put_number(number: usize, out: &mut Vec<u8>) {
    put_varint(number as u64, out);
}

pub(super) fn put_text(text: &str, out: &mut Vec<u8>) {
    put_number(text.len(), out);
    out.extend_from_slice(text.as_bytes());
}

pub(super) fn put_list<T>(items: &[T], out: &mut Vec<u8>, put: impl Fn(&T, &mut Vec<u8>)) {
    put_number(items.len(), out);
    items.iter().for_each(|item| put(item, out));
}

/// Reads an encoding. A method returns `None` if the bytes at the front are of another form.
///
/// A list's memory grows with the items that were read, so that a forged length allocates nothing.
pub(crate) struct SchemaReader<'a> {
    pub(super) rest: &'a [u8],
}

impl SchemaReader<'_> {
    pub(super) fn byte(&mut self) -> Option<u8> {
        let (&first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(first)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        take_varint(&mut self.rest)?.try_into().ok()
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        let (first, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(u64::from_le_bytes(*first))
    }

    pub(super) fn text(&mut self) -> Option<String> {
        let len = self.u32()? as usize;
        let (text, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        std::str::from_utf8(text).ok().map(str::to_string)
    }

    pub(super) fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let len = self.u32()? as usize;
        // Each item takes at least one byte.
        if len > self.rest.len() {
            return None;
        }
        let mut items = Vec::new();
        for _ in 0..len {
            items.push(item(self)?);
        }
        Some(items)
    }
}
