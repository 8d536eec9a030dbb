use super::*;

fn header(kind: FrameKind, count: u32) -> FrameHeader {
    FrameHeader {
        kind,
        flags: 0,
        number: 7,
        durable: 6,
        first_lsn: Lsn::new(40),
        applied: Lsn::new(39),
        digest: 0,
        epoch: 0,
        position: 0,
        written_ms: 1_700_000_000_000,
        body_len: 0,
        count,
        body_crc: 0,
        chain: 0xfeed,
    }
}

fn batch() -> Vec<u8> {
    let mut buffer = vec![0; HEADER];
    put_record(b"one", true, &mut buffer);
    put_record(b"", false, &mut buffer);
    finish(&mut buffer, 0, header(FrameKind::Batch, 2), PLACE);
    buffer
}

const PLACE: FramePlace = FramePlace { salt: 0x1234_5678_9abc_def0, offset: 4096 };

#[test]
fn a_frame_is_parsed_as_it_was_written() {
    let bytes = batch();
    assert_eq!(bytes.len() % ALIGN, 0);
    let (parsed, _) = parse(&bytes, PLACE).unwrap();
    assert_eq!((parsed.number, parsed.count, parsed.next_lsn()), (7, 2, Lsn::new(42)));
    assert!(body_matches(&parsed, &bytes[HEADER..]));
    let records: Vec<_> = Records::new(&parsed, &bytes[HEADER..]).map(Option::unwrap).collect();
    assert_eq!(records[0], Record { lsn: Lsn::new(40), joined: true, bytes: b"one" });
    assert_eq!(records[1], Record { lsn: Lsn::new(41), joined: false, bytes: b"" });
}

#[test]
fn every_flipped_bit_shows() {
    let bytes = batch();
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let is_valid = parse(&flipped, PLACE).is_some_and(|(header, _)| body_matches(&header, &flipped[HEADER..]));
        assert!(!is_valid, "bit {bit}");
    }
}

#[test]
fn a_frame_is_valid_only_in_its_place() {
    let bytes = batch();
    assert!(parse(&bytes, FramePlace { offset: 4104, ..PLACE }).is_none());
    assert!(parse(&bytes, FramePlace { salt: 1, ..PLACE }).is_none());
    assert!(parse(&[0; HEADER], FramePlace { salt: 0, offset: 0 }).is_none(), "zeros are no frame");
    assert!(parse(&bytes[..HEADER - 1], PLACE).is_none());
}

#[test]
fn a_body_that_does_not_match_its_record_count_shows() {
    let parsed = header(FrameKind::Batch, 2);
    assert!(Records::new(&parsed, &[6, b'a']).any(|record| record.is_none()), "longer than the body");
    assert!(Records::new(&header(FrameKind::Batch, 1), &[0, 1]).any(|record| record.is_none()), "more than padding");
    assert!(Records::new(&parsed, &[]).any(|record| record.is_none()));
}

#[test]
fn links_and_aborts_are_parsed_as_they_were_written() {
    let link = Link { seq: 3, len: 8192, number: 6, chain: 9 };
    let mut body = Vec::new();
    link.put(&mut body);
    assert_eq!(Link::parse(&body), Some(link));
    assert_eq!(Link::parse(&body[..31]), None);
    let ranges = [(Lsn::new(4), Lsn::new(4)), (Lsn::new(6), Lsn::new(9))];
    let mut body = Vec::new();
    put_abort(&ranges, &mut body);
    assert_eq!(parse_abort(2, &body).unwrap(), ranges);
    assert_eq!(parse_abort(3, &body), None);
    assert_eq!(parse_abort(u32::MAX, &body), None);
}
