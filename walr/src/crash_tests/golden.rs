//! The expected bytes of each file and frame. A change of the format fails here, and the changelog must give its reason.
//!
//! Another program made the bytes from the description in `docs/design.md`, so that the tests check the description too.

mod files;

use serde::{Deserialize, Serialize};

use crate::log::frame::{self, FLAG_BLOCK, FLAG_CLOSE, FrameHeader, FrameKind, FramePlace, HEADER, Link};
use crate::lsn::Lsn;
use crate::schema::shape::{FieldShapes, NameShape, Scalar, Shape, ShapeNode};
use crate::schema::state::{Handle, Mutation, Mutations, Recorded, WalState};
use crate::schema::{Schema, Signature, TypeForm};

const SALT: u64 = 0x0123_4567_89ab_cdef;
const WRITTEN_MS: u64 = 1_700_000_000_000;

/// A link at byte 4096: the first frame of a segment.
const LINK: &str = "
    3a49169d                         # header CRC
    04                               # kind
    00                               # flags
    0000                             # 0
    efcdab8967452301                 # salt
    0700000000000000                 # frame number
    0600000000000000                 # durable frame number
    2800000000000000                 # first LSN
    2700000000000000                 # applied LSN
    8877665544332211                 # digest of results
    0300000000000000                 # epoch
    0900000000000000                 # position
    0068e5cf8b010000                 # written at
    2000000000000000                 # body length
    00000000                         # record count
    5640dc99                         # body CRC
    efbeedfe                         # chain
    00000000                         # 0
    0200000000000000                 # predecessor's seq
    0020000000000000                 # where it ends
    0600000000000000                 # its last frame's number
    efbeedfe00000000                 # that frame's header CRC
";

/// A schema behind the link. The record count is the length of the encoding.
const SCHEMA: &str = "
    fd51db1a                         # header CRC
    05                               # kind
    00                               # flags
    0000                             # 0
    efcdab8967452301                 # salt
    0800000000000000                 # frame number
    0600000000000000                 # durable frame number
    2800000000000000                 # first LSN
    2700000000000000                 # applied LSN
    8877665544332211                 # digest of results
    0300000000000000                 # epoch
    0900000000000000                 # position
    0068e5cf8b010000                 # written at
    5000000000000000                 # body length
    4e000000                         # record count
    3ef84c6a                         # body CRC
    3a49169d                         # chain
    00000000                         # 0
    01                               # version of the encoding
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
    03416d74                         # its type as it is written
    0104                             # its shape: a u32
    03753634                         # its result as it is written
    0105                             # the shape of that: a u64
    0807060504030201                 # its fingerprint
    05636c656172                     # name
    00                               # no parameter
    022829                           # its result as it is written
    0120                             # the shape of that: opaque
    0900000000000000                 # its fingerprint
    0000                             # padding
";

/// A batch: `add(by: 5)` and `clear()` as one atomic batch.
const BATCH: &str = "
    22f26938                         # header CRC
    01                               # kind
    00                               # flags
    0000                             # 0
    efcdab8967452301                 # salt
    0900000000000000                 # frame number
    0600000000000000                 # durable frame number
    2800000000000000                 # first LSN
    2700000000000000                 # applied LSN
    8877665544332211                 # digest of results
    0300000000000000                 # epoch
    0900000000000000                 # position
    0068e5cf8b010000                 # written at
    0800000000000000                 # body length
    02000000                         # record count
    4e64ab14                         # body CRC
    fd51db1a                         # chain
    00000000                         # 0
    05                               # length 2, joined to the next
    0005                             # mutation 0, by 5
    02                               # length 1, the last of its batch
    01                               # mutation 1
    000000                           # padding
";

/// An abort of both records.
const ABORT: &str = "
    cd75fbfb                         # header CRC
    06                               # kind
    00                               # flags
    0000                             # 0
    efcdab8967452301                 # salt
    0a00000000000000                 # frame number
    0600000000000000                 # durable frame number
    2a00000000000000                 # first LSN
    2700000000000000                 # applied LSN
    8877665544332211                 # digest of results
    0300000000000000                 # epoch
    0900000000000000                 # position
    0068e5cf8b010000                 # written at
    1000000000000000                 # body length
    01000000                         # record count
    d7f8dee1                         # body CRC
    22f26938                         # chain
    00000000                         # 0
    2800000000000000                 # first LSN
    2900000000000000                 # last LSN
";

/// A seal.
const SEAL: &str = "
    5729d807                         # header CRC
    03                               # kind
    00                               # flags
    0000                             # 0
    efcdab8967452301                 # salt
    0b00000000000000                 # frame number
    0600000000000000                 # durable frame number
    2a00000000000000                 # first LSN
    2700000000000000                 # applied LSN
    8877665544332211                 # digest of results
    0300000000000000                 # epoch
    0900000000000000                 # position
    0068e5cf8b010000                 # written at
    0800000000000000                 # body length
    00000000                         # record count
    e73035ad                         # body CRC
    cd75fbfb                         # chain
    00000000                         # 0
    0400000000000000                 # next segment's seq
";

/// A mark of a close, on a block of its own, at byte 8192 instead of the seal.
const MARK: &str = "
    cebf498e                         # header CRC
    02                               # kind
    03                               # flags
    0000                             # 0
    efcdab8967452301                 # salt
    0b00000000000000                 # frame number
    0a00000000000000                 # durable frame number
    2a00000000000000                 # first LSN
    2700000000000000                 # applied LSN
    8877665544332211                 # digest of results
    0300000000000000                 # epoch
    0900000000000000                 # position
    0068e5cf8b010000                 # written at
    0000000000000000                 # body length
    00000000                         # record count
    00000000                         # body CRC
    00000000                         # chain
    00000000                         # 0
";

/// Returns the bytes of hexadecimal digits. A `#` begins a comment.
fn bytes(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text
        .lines()
        .flat_map(|line| line.split('#').next())
        .flat_map(str::chars)
        .filter_map(|c| c.to_digit(16))
        .collect();
    digits.chunks(2).map(|pair| (pair[0] << 4 | pair[1]) as u8).collect()
}

#[track_caller]
fn check(made: &[u8], expected: &str) {
    let expected = bytes(expected);
    let differs = made.iter().zip(&expected).position(|(made, expected)| made != expected);
    let at = differs.unwrap_or(made.len().min(expected.len()));
    assert!(made == expected, "the format changed at byte {at}: {made:02x?}");
}

/// A builder of consecutive frames.
struct Frames {
    next: FrameHeader,
    offset: u64,
}

impl Frames {
    fn frame(&mut self, kind: FrameKind, flags: u8, count: u32, body: &[u8]) -> Vec<u8> {
        let mut buffer = vec![0; HEADER];
        buffer.extend_from_slice(body);
        let header = FrameHeader { kind, flags, count, ..self.next };
        let place = FramePlace { salt: SALT, offset: self.offset };
        self.next.chain = frame::finish(&mut buffer, 0, header, place);
        self.next.number += 1;
        self.next.first_lsn = header.next_lsn();
        self.offset += buffer.len() as u64;
        buffer
    }
}

/// Returns the header of a frame, whose kind, flags and count [`Frames::frame`] sets.
fn header(number: u64, durable: u64, lsn: u64, chain: u32) -> FrameHeader {
    FrameHeader {
        kind: FrameKind::Mark,
        flags: 0,
        number,
        durable,
        first_lsn: Lsn::new(lsn),
        applied: Lsn::new(39),
        digest: 0x1122_3344_5566_7788,
        epoch: 3,
        position: 9,
        written_ms: WRITTEN_MS,
        body_len: 0,
        count: 0,
        body_crc: 0,
        chain,
    }
}

/// Returns the schema of [`Count`] in another program.
fn schema() -> Schema {
    let form =
        |written: &str, shape: Vec<ShapeNode>| TypeForm { written: written.to_string(), shape: Shape::new(shape) };
    let name = NameShape { name: "n".to_string(), aliases: vec![] };
    let count = ShapeNode::Struct(String::new(), FieldShapes::Named(vec![(name, 1)]));
    let scalar = ShapeNode::Scalar;
    Schema {
        state: "Count".to_string(),
        version: 1,
        form: form("{ n: u32 }", vec![count, scalar(Scalar::U32)]),
        mutations: vec![
            Signature {
                name: "add".to_string(),
                params: vec![("by".to_string(), form("Amt", vec![scalar(Scalar::U32)]))],
                result: form("u64", vec![scalar(Scalar::U64)]),
                fingerprint: 0x0102_0304_0506_0708,
            },
            Signature { name: "clear".to_string(), params: vec![], result: TypeForm::opaque("()"), fingerprint: 9 },
        ],
    }
}

#[test]
fn every_kind_of_frame_is_pinned() {
    let mut frames = Frames { next: header(7, 6, 40, 0xfeed_beef), offset: 4096 };
    let mut body = Vec::new();
    Link { seq: 2, len: 8192, number: 6, chain: 0xfeed_beef }.put(&mut body);
    check(&frames.frame(FrameKind::Link, 0, 0, &body), LINK);
    let body = schema().encode().unwrap();
    check(&frames.frame(FrameKind::Schema, 0, body.len() as u32, &body), SCHEMA);
    let mut body = Vec::new();
    frame::put_record(&[0, 5], true, &mut body);
    frame::put_record(&[1], false, &mut body);
    check(&frames.frame(FrameKind::Batch, 0, 2, &body), BATCH);
    let mut body = Vec::new();
    frame::put_abort(&[(Lsn::new(40), Lsn::new(41))], &mut body);
    check(&frames.frame(FrameKind::Abort, 0, 1, &body), ABORT);
    check(&frames.frame(FrameKind::Seal, 0, 0, &4u64.to_le_bytes()), SEAL);
    let mut frames = Frames { next: header(11, 10, 42, 0), offset: 8192 };
    check(&frames.frame(FrameKind::Mark, FLAG_BLOCK | FLAG_CLOSE, 0, &[]), MARK);
}

/// A state with a hand-written log.
#[derive(Debug, Serialize, Deserialize)]
struct Count {
    n: u32,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
enum CountLog {
    Add(u32),
    Clear,
}

impl Recorded for Count {
    type Log = CountLog;
    type Outcome = ();
    type Mutations = CountMutations;
    const MUTATIONS: &'static [Mutation] = &[
        Mutation { name: "add", params: &[("by", "u32")], result: "()", reads_back: true, fingerprint: 0 },
        Mutation { name: "clear", params: &[], result: "()", reads_back: true, fingerprint: 0 },
    ];

    fn apply(&mut self, log: CountLog) {
        match log {
            CountLog::Add(by) => self.n += by,
            CountLog::Clear => self.n = 0,
        }
    }

    fn index(log: &CountLog) -> usize {
        match log {
            CountLog::Add(_) => 0,
            CountLog::Clear => 1,
        }
    }
}

impl WalState for Count {
    const NAME: &'static str = "Count";
    const VERSION: u32 = 1;
    const SHAPE: &'static str = "{ n: u32 }";
}

struct CountMutations;

impl Mutations<Count> for CountMutations {
    fn new(_: Handle<Count>) -> Self {
        CountMutations
    }
}
