//! The bytes of a simulated file, in pages that images share until one of them is written.

use std::sync::Arc;

/// The unit that a disk writes, loses or garbles.
pub(super) const SECTOR: usize = 512;
pub(super) type Sector = [u8; SECTOR];

const PAGE: usize = 8 * SECTOR;
static ZEROS: [u8; PAGE] = [0; PAGE];

/// The bytes of a file. A missing page reads as zeros, so that reserved space takes no memory. Bytes of a page after the end are zeros, so
/// that a longer file needs no clearing.
#[derive(Clone, Default)]
pub(super) struct Bytes {
    pages: Vec<Option<Arc<[u8; PAGE]>>>,
    len: u64,
}

impl Bytes {
    pub(super) fn new(bytes: &[u8]) -> Bytes {
        let mut new = Bytes::default();
        new.write_at(bytes, 0);
        new
    }

    pub(super) fn len(&self) -> u64 {
        self.len
    }

    fn page(&self, index: usize) -> &[u8; PAGE] {
        self.pages.get(index).and_then(Option::as_deref).unwrap_or(&ZEROS)
    }

    /// Returns a page to write to, a copy if the page is shared.
    fn page_mut(&mut self, index: usize) -> &mut [u8; PAGE] {
        if self.pages.len() <= index {
            self.pages.resize(index + 1, None);
        }
        Arc::make_mut(self.pages[index].get_or_insert_with(|| Arc::new(ZEROS)))
    }

    pub(super) fn read_at(&self, buf: &mut [u8], offset: u64) -> usize {
        let left = usize::try_from(self.len.saturating_sub(offset)).unwrap_or(usize::MAX);
        let (mut done, end) = (0, left.min(buf.len()));
        while done < end {
            let (index, within) = place(offset + done as u64);
            let n = (PAGE - within).min(end - done);
            buf[done..done + n].copy_from_slice(&self.page(index)[within..within + n]);
            done += n;
        }
        done
    }

    pub(super) fn write_at(&mut self, bytes: &[u8], offset: u64) {
        let mut done = 0;
        while done < bytes.len() {
            let (index, within) = place(offset + done as u64);
            let n = (PAGE - within).min(bytes.len() - done);
            let piece = &bytes[done..done + n];
            // Zeros over zeros need no page: a segment that is filled with zeros takes no memory.
            let missing = self.pages.get(index).is_none_or(Option::is_none);
            if !(missing && piece == &ZEROS[..n]) {
                self.page_mut(index)[within..within + n].copy_from_slice(piece);
            }
            done += n;
        }
        self.len = self.len.max(offset + bytes.len() as u64);
    }

    pub(super) fn set_len(&mut self, len: u64) {
        if len < self.len {
            let (index, within) = place(len);
            self.pages.truncate(if within == 0 { index } else { index + 1 });
            if let Some(Some(page)) = self.pages.get_mut(index) {
                Arc::make_mut(page)[within..].fill(0);
            }
        }
        self.len = len;
    }

    /// Returns the bytes of a sector, with zeros after the end.
    pub(super) fn sector(&self, number: u64) -> Sector {
        let (index, within) = place(number * SECTOR as u64);
        let mut sector = [0; SECTOR];
        sector.copy_from_slice(&self.page(index)[within..within + SECTOR]);
        sector
    }

    /// Replaces the bytes of a sector up to the end of the file.
    pub(super) fn put_sector(&mut self, number: u64, sector: &Sector) {
        let offset = number * SECTOR as u64;
        let n = self.len.saturating_sub(offset).min(SECTOR as u64) as usize;
        self.write_at(&sector[..n], offset);
    }

    pub(super) fn to_vec(&self) -> Vec<u8> {
        let mut bytes = vec![0; usize::try_from(self.len).unwrap_or(0)];
        self.read_at(&mut bytes, 0);
        bytes
    }

    /// Adds length and bytes to `hash`. Equal bytes have equal hashes, with or without stored zeros.
    pub(super) fn hash(&self, hash: &mut FolderHash) {
        hash.add(self.len);
        for (index, page) in self.pages.iter().enumerate() {
            if let Some(page) = page.as_deref().filter(|page| **page != ZEROS) {
                hash.add(index as u64);
                hash.add_bytes(page);
            }
        }
    }
}

fn place(offset: u64) -> (usize, usize) {
    let page = PAGE as u64;
    (usize::try_from(offset / page).unwrap_or(usize::MAX), (offset % page) as usize)
}

/// A fast hash to tell folders apart.
pub(super) struct FolderHash([u64; 4]);

impl FolderHash {
    pub(super) fn new() -> FolderHash {
        FolderHash([1, 2, 3, 4])
    }

    pub(super) fn add(&mut self, word: u64) {
        self.lane(0, word);
    }

    /// Adds bytes in four lanes, which a processor computes at the same time.
    pub(super) fn add_bytes(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for (i, word) in words.iter().enumerate() {
            self.lane(i % 4, u64::from_le_bytes(*word));
        }
        for &byte in rest {
            self.lane(1, u64::from(byte));
        }
        self.lane(2, bytes.len() as u64);
    }

    fn lane(&mut self, lane: usize, word: u64) {
        self.0[lane] = (self.0[lane].rotate_left(29) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    pub(super) fn finish(mut self) -> u64 {
        for lane in 1..4 {
            let word = self.0[lane];
            self.lane(0, word);
        }
        self.0[0] ^ (self.0[0] >> 32)
    }
}
