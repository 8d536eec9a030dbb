//! The head of a file: the first 40 bytes of `STORE`, of each segment and of each checkpoint, in every format.
//!
//! ```text
//! 0        8        12         16          20      24         40
//! +--------+--------+----------+-----------+-------+----------+--------
//! | magic  | format | required | ignorable | codec | store id | fields…
//! |        |        | flags    | flags     |       |          |
//! +--------+--------+----------+-----------+-------+----------+--------
//! ```
//!
//! The file's own fields follow, and then the CRC of all bytes before it. `STORE` contains no value, and its codec is 0.
//!
//! A later version may set flags that this version doesn't know. A program ignores an unknown *ignorable* flag, and refuses a file with an
//! unknown *required* flag. A flag has the same meaning in all three files.

use std::path::Path;

use super::StoreId;
use crate::error::{Error, Result};
use crate::log::frame::u32_at;

/// The format of the folder that this version writes and reads.
pub(crate) const FORMAT: u32 = 2;
/// The required flags that this version knows.
const REQUIRED_FLAGS: u32 = 0;
/// The length of the head.
pub(crate) const HEAD: usize = 40;

/// The head of one kind of file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FileHead {
    pub(crate) magic: [u8; 8],
    /// The codec of the file's values; 0 if the file contains none.
    pub(crate) codec: u32,
}

impl FileHead {
    /// Writes the head over the first bytes of `header`, and the CRC over the last 4.
    pub(crate) fn finish(self, store: &StoreId, header: &mut [u8]) {
        header[..8].copy_from_slice(&self.magic);
        header[8..12].copy_from_slice(&FORMAT.to_le_bytes());
        header[12..20].fill(0);
        header[20..24].copy_from_slice(&self.codec.to_le_bytes());
        header[24..HEAD].copy_from_slice(store);
        put_crc(header);
    }

    /// Returns whether `header` has the magic and the CRC.
    pub(crate) fn is_intact(self, header: &[u8]) -> bool {
        let crc_at = header.len() - 4;
        header[..8] == self.magic && crc32c::crc32c(&header[..crc_at]) == u32_at(header, crc_at)
    }

    /// Returns the store's id in an intact `header`. `path` is for the errors.
    ///
    /// # Errors
    ///
    /// [`Error::Newer`] for a newer format, or for a required flag or a codec that this version doesn't know, and [`Error::Older`] for
    /// an older format.
    pub(crate) fn check(self, header: &[u8], path: &Path) -> Result<StoreId> {
        let newer = |what, found| Err(Error::Newer { path: path.to_path_buf(), what, found });
        let (format, codec) = (u32_at(header, 8), u32_at(header, 20));
        if format > FORMAT {
            return newer("the format", format);
        }
        if format < FORMAT {
            return Err(Error::Older { path: path.to_path_buf(), format: UNRELEASED, advice: UNRELEASED_ADVICE });
        }
        let unknown = u32_at(header, 12) & !REQUIRED_FLAGS;
        if unknown != 0 {
            return newer("the required flag", unknown.trailing_zeros());
        }
        if codec != self.codec {
            return newer("the codec", codec);
        }
        let mut store = StoreId::default();
        store.copy_from_slice(&header[24..HEAD]);
        Ok(store)
    }
}

const UNRELEASED: &str = "format 1, which was never released";
const UNRELEASED_ADVICE: &str =
    "replay this folder with the version that wrote it, and make the calls again in another folder";

/// Writes the CRC of all bytes before the last 4 over these.
pub(crate) fn put_crc(header: &mut [u8]) {
    let (covered, crc) = header.split_at_mut(header.len() - 4);
    crc.copy_from_slice(&crc32c::crc32c(covered).to_le_bytes());
}
