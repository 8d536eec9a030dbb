//! `STORE`, the header of a segment, and a checkpoint.

use std::path::PathBuf;
use std::sync::Arc;

use super::{Count, SALT, WRITTEN_MS, check};
use crate::checkpoint;
use crate::fs::Throttle;
use crate::log::layout::{Identity, StoreDir, StoreId, TMP, checkpoint_name, put_crc};
use crate::log::segment::header_block;
use crate::lsn::{Lsn, Position};
use crate::sim::Sim;

const ID: StoreId = *b"\xa0\xa1\xa2\xa3\xa4\xa5\xa6\xa7\xa8\xa9\xaa\xab\xac\xad\xae\xaf";
const LINEAGE: [u8; 16] = *b"\xb0\xb1\xb2\xb3\xb4\xb5\xb6\xb7\xb8\xb9\xba\xbb\xbc\xbd\xbe\xbf";

/// `STORE`.
const STORE: &str = "
    77616c7253544f52                 # magic
    02000000                         # format
    00000000                         # required flags
    00000000                         # ignorable flags
    00000000                         # codec: none
    a0a1a2a3a4a5a6a7a8a9aaabacadaeaf # store id
    b0b1b2b3b4b5b6b7b8b9babbbcbdbebf # lineage
    00000000                         # 0
    04c94eb2                         # CRC of all before
";

/// A segment's header, without the zeros from byte 68 to 4092.
const SEGMENT: &str = "
    77616c725345474d                 # magic
    02000000                         # format
    00000000                         # required flags
    00000000                         # ignorable flags
    01000000                         # codec
    a0a1a2a3a4a5a6a7a8a9aaabacadaeaf # store id
    0300000000000000                 # seq
    efcdab8967452301                 # salt
    0000010000000000                 # reserved length
    00100000                         # block size
    a6bb594d                         # at 4092: CRC of all before
";

/// A checkpoint of `Count { n: 700 }` as of LSN 41.
const CHECKPOINT: &str = "
    77616c72434b5054                 # magic
    02000000                         # format
    00000000                         # required flags
    00000000                         # ignorable flags
    01000000                         # codec
    a0a1a2a3a4a5a6a7a8a9aaabacadaeaf # store id
    2900000000000000                 # LSN
    0068e5cf8b010000                 # written at
    0500000000000000                 # epoch
    0600000000000000                 # position
    4d000000                         # schema's length
    00000000000000000000000000000000 # 0
    37df594c                         # CRC of all before
    01                               # schema: version of the encoding
    05436f756e74                     # state's name
    01                               # version
    0a7b206e3a20753332207d           # the state as it is written
    02                               # its shape: two nodes
    2600                             # a struct without a name
    0401                             # named fields: one
    016e00                           # its name, no alias
    01                               # its node
    04                               # a u32
    02                               # two mutations
    03616464                         # name
    01                               # one parameter
    026279                           # its name
    03753332                         # its type as it is written
    0104                             # its shape: a u32
    022829                           # its result as it is written
    0120                             # the shape of that: opaque
    0000000000000000                 # its fingerprint
    05636c656172                     # name
    00                               # no parameter
    022829                           # its result as it is written
    0120                             # the shape of that: opaque
    0000000000000000                 # its fingerprint
    de4462cb                         # schema's CRC
    03000000                         # chunk: length
    36dfcd3d                         # CRC of the previous chunk's (0) and the bytes
    fbbc02                           # the state's encoding
    00000000                         # footer: 0
    36dfcd3d                         # last chunk's CRC
    0300000000000000                 # length of the chunks' bytes
    0fe5397e                         # CRC of these 16
";

#[test]
fn the_identity_is_pinned() {
    check(&Identity { store: ID, lineage: LINEAGE }.encode(), STORE);
}

#[test]
fn a_segments_header_is_pinned() {
    let block = header_block(&ID, 3, SALT, 65536);
    assert_eq!(block.len(), 4096);
    assert!(block[68..4092].iter().all(|&byte| byte == 0));
    check(&[&block[..68], &block[4092..]].concat(), SEGMENT);
}

#[test]
fn a_checkpoint_is_pinned() {
    let sim = Sim::new();
    let dir = StoreDir { folder: Arc::new(sim.clone()), path: PathBuf::new() };
    let lsn = Lsn::new(41);
    checkpoint::write(&dir, &ID, lsn, Position { epoch: 5, position: 6 }, &Count { n: 700 }, &Throttle::off()).unwrap();
    let mut made = sim.read(&(checkpoint_name(lsn) + TMP)).unwrap();
    made[48..56].copy_from_slice(&WRITTEN_MS.to_le_bytes());
    put_crc(&mut made[..96]);
    check(&made, CHECKPOINT);
}
