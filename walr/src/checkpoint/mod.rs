//! A checkpoint: a file that holds the whole state as of one LSN.
//!
//! ```text
//! 0      40    48        56      64         72       76  92    96
//! +------+-----+---------+-------+----------+--------+---+-----+--------+-----+--------+-----+--------+
//! | head | LSN | written | epoch | position | schema | 0 | CRC | schema | CRC | chunk  | …   | footer |
//! |      |     | at (ms) |       |          | length |   |     |        |     |        |     |        |
//! +------+-----+---------+-------+----------+--------+---+-----+--------+-----+--------+-----+--------+
//! chunk:  length (u32, above 0), CRC (u32) of the previous chunk's CRC and the bytes, the bytes
//! footer: 0 (u32), the last chunk's CRC (u32), length of all chunks' bytes (u64), CRC of these 16 (u32), end of file
//! ```
//!
//! The head is in `log/layout/head.rs`. Epoch and position are the [`Position`](crate::lsn::Position) of the state. The schema is that of
//! the program that wrote the checkpoint. The chunks together are the state, encoded by the codec.
//!
//! A checkpoint is written under a `.tmp` name, synced, read back from the medium and decoded. It is renamed once the log up to its LSN
//! is durable. So a file with a checkpoint's name was whole once, and any later difference is corruption. A crash before the rename
//! leaves a `.tmp` file, which the next open removes. A crash before the folder's sync leaves the old name or the new one. Earlier
//! checkpoints stay in both cases.

mod read;
mod write;

pub(crate) use self::read::{LoadError, LoadedCheckpoint, load};
pub(crate) use self::write::{remove_unfinished, write, write_encoded};

use crate::codec::CODEC;
use crate::log::layout::FileHead;

/// Returns the error of a read or a write that was cancelled.
fn cancelled() -> std::io::Error {
    std::io::Error::other("the store was closed")
}

const CHECKPOINT_HEAD: FileHead = FileHead { magic: *b"walrCKPT", codec: CODEC };
/// The length of the header.
const PREFIX: usize = 96;
const CHUNK: usize = 256 * 1024;

/// Returns a chunk's CRC, which depends on all chunks before.
fn chunk_crc(chain: u32, bytes: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&chain.to_le_bytes()), bytes)
}
