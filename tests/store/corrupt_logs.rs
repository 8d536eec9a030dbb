//! Corruption of the log: refused by file and offset with nothing changed, unless it is a torn tail, which holds only
//! unacknowledged records.

use std::fs;
use std::path::{Path, PathBuf};

use crate::common::{
    Result, Words, change_file, copy_of, files_with, find, numbered, options, push_numbered, run, snapshot,
};
use tempfile::TempDir;
use walr::{Durable, Error, Lsn};

const ONE_SEGMENT: u64 = 64 << 10;
const MANY_SEGMENTS: u64 = 4096;

#[derive(Clone, Copy, PartialEq)]
enum End {
    Closed,
    Killed,
}

async fn open(path: &Path) -> walr::Result<Durable<Words>> {
    options().open(path).await
}

/// Creates a store of `count` words, each in a group of its own, and only the checkpoint of the first state.
async fn store_with(count: usize, segment_size: u64, end: End) -> Result<TempDir> {
    let folder = tempfile::tempdir()?;
    let words = options().segment_size(segment_size).open(folder.path()).await?;
    push_numbered(&words, count).await?;
    if end == End::Closed {
        words.close().await?;
    }
    copy_of(folder.path())
}

/// Asserts that each of two opens is refused with the same message, and that no file changes. Returns the error.
async fn assert_refused(folder: &Path) -> Result<Error> {
    let before = snapshot(folder)?;
    let error = open(folder).await.expect_err("the log is corrupt");
    assert!(before == snapshot(folder)?, "the refusal changed a file: {error}");
    let again = open(folder).await.expect_err("the log is still corrupt");
    assert_eq!(again.to_string(), error.to_string());
    Ok(error)
}

/// Asserts that the store is refused because `file` is corrupt, and that the message names the place. Returns the offset.
async fn assert_corrupt(folder: &Path, file: &Path) -> Result<u64> {
    let error = assert_refused(folder).await?;
    let Error::Corrupt { path, offset, .. } = &error else { panic!("{error:?}") };
    assert_eq!(path, file);
    let message = error.to_string();
    assert!(message.contains(&file.display().to_string()), "{message}");
    assert!(message.contains(&format!("byte {offset}")), "{message}");
    Ok(*offset)
}

/// Returns the segment that holds `text`, and the offset of the text.
fn segment_with(folder: &Path, text: &str) -> Result<(PathBuf, usize)> {
    for path in files_with(folder, ".wal")? {
        if let Some(at) = find(&fs::read(&path)?, text.as_bytes()) {
            return Ok((path, at));
        }
    }
    Err(format!("no segment holds {text}").into())
}

/// Returns the file of a copy that has the name of `original`.
fn in_copy(copy: &TempDir, original: &Path) -> Result<PathBuf> {
    Ok(copy.path().join(original.file_name().ok_or("a file has a name")?))
}

#[test]
fn a_flipped_byte_in_the_middle_is_refused_by_file_offset_and_lsn() -> Result {
    run(async {
        for end in [End::Closed, End::Killed] {
            let folder = store_with(100, ONE_SEGMENT, end).await?;
            let (segment, at) = segment_with(folder.path(), "word 50")?;
            change_file(&segment, |bytes| bytes[at] ^= 0x20)?;
            let offset = assert_corrupt(folder.path(), &segment).await?;
            assert!(offset <= at as u64 && at as u64 - offset < 200, "offset {offset} for byte {at}");
            let error = assert_refused(folder.path()).await?;
            assert!(error.to_string().contains("lsn 50"), "the last intact record is missing in: {error}");
            assert!(matches!(error, Error::Corrupt { after, .. } if after == Lsn::new(50)));

            change_file(&segment, |bytes| bytes[at] ^= 0x20)?;
            assert_eq!(open(folder.path()).await?.words(), numbered(100), "the restored store opens");
        }
        Ok(())
    })
}

#[test]
fn a_flipped_byte_in_an_earlier_segment_is_refused() -> Result {
    run(async {
        let folder = store_with(100, MANY_SEGMENTS, End::Closed).await?;
        let (segment, at) = segment_with(folder.path(), "word 10")?;
        assert_ne!(Some(&segment), files_with(folder.path(), ".wal")?.last());
        change_file(&segment, |bytes| bytes[at] ^= 1)?;
        assert_corrupt(folder.path(), &segment).await?;
        Ok(())
    })
}

#[test]
fn a_flipped_byte_in_the_last_record_of_a_closed_store_is_refused() -> Result {
    run(async {
        let folder = store_with(100, ONE_SEGMENT, End::Closed).await?;
        let (segment, at) = segment_with(folder.path(), "word 99")?;
        change_file(&segment, |bytes| bytes[at] ^= 1)?;
        assert_corrupt(folder.path(), &segment).await?;
        Ok(())
    })
}

#[test]
fn a_zeroed_sector_in_the_middle_is_refused() -> Result {
    run(async {
        let folder = store_with(100, ONE_SEGMENT, End::Killed).await?;
        let (segment, at) = segment_with(folder.path(), "word 50")?;
        let sector = at / 512 * 512;
        change_file(&segment, |bytes| bytes[sector..sector + 512].fill(0))?;
        assert_corrupt(folder.path(), &segment).await?;
        Ok(())
    })
}

#[test]
fn a_torn_last_record_is_cut_off_and_reported() -> Result {
    run(async {
        let folder = store_with(100, ONE_SEGMENT, End::Killed).await?;
        let (segment, at) = segment_with(folder.path(), "word 99")?;
        change_file(&segment, |bytes| bytes[at + 4..].fill(0))?;
        let torn = fs::read(&segment)?;

        let words = open(folder.path()).await?;
        assert_eq!(words.words(), numbered(99));
        let cut = &words.store().recovery().cut;
        assert_eq!((cut.len(), &cut[0].path), (1, &segment));
        assert!(cut[0].offset < at as u64 && cut[0].bytes > 0);
        let copy = fs::read(cut[0].copy.as_ref().ok_or("the cut has no copy")?)?;
        assert_eq!(
            copy,
            torn[cut[0].offset as usize..][..copy.len()],
            "the copy differs from the bytes that were cut off"
        );
        assert!(find(&copy, b"word").is_some());

        assert_eq!(words.push("word 99").await?, 100, "the store works after the cut");
        drop(words);
        let words = open(folder.path()).await?;
        assert_eq!(words.words(), numbered(100));
        assert!(words.store().recovery().cut.is_empty(), "the end is cut off once");
        Ok(())
    })
}

#[test]
fn a_log_truncated_before_its_last_record_is_refused() -> Result {
    run(async {
        let whole = store_with(20, ONE_SEGMENT, End::Killed).await?;
        let (segment, end) = segment_with(whole.path(), "word 19")?;
        for len in (0..end).step_by(61) {
            let folder = copy_of(whole.path())?;
            let segment = in_copy(&folder, &segment)?;
            change_file(&segment, |bytes| bytes.truncate(len))?;
            assert_corrupt(folder.path(), &segment).await?;
        }
        Ok(())
    })
}

#[test]
fn a_missing_segment_is_refused() -> Result {
    run(async {
        let whole = store_with(200, MANY_SEGMENTS, End::Closed).await?;
        let segments = files_with(whole.path(), ".wal")?;
        assert!(segments.len() > 3);
        for (at, missing) in segments.iter().enumerate() {
            let folder = copy_of(whole.path())?;
            fs::remove_file(in_copy(&folder, missing)?)?;
            let error = assert_refused(folder.path()).await?;
            assert!(matches!(error, Error::Missing { .. }), "segment {at}: {error}");
            assert!(error.to_string().contains("missing"), "{error}");
        }
        Ok(())
    })
}

#[test]
fn a_store_without_any_segment_is_refused() -> Result {
    run(async {
        let folder = store_with(10, ONE_SEGMENT, End::Closed).await?;
        for segment in files_with(folder.path(), ".wal")? {
            fs::remove_file(segment)?;
        }
        let error = assert_refused(folder.path()).await?;
        assert!(matches!(error, Error::Missing { .. }), "{error}");
        Ok(())
    })
}

#[test]
fn swapped_segments_are_refused() -> Result {
    run(async {
        let folder = store_with(200, MANY_SEGMENTS, End::Closed).await?;
        let segments = files_with(folder.path(), ".wal")?;
        let (one, two) = (fs::read(&segments[1])?, fs::read(&segments[2])?);
        fs::write(&segments[1], two)?;
        fs::write(&segments[2], one)?;
        assert!(matches!(assert_refused(folder.path()).await?, Error::Corrupt { .. }));
        Ok(())
    })
}

#[test]
fn a_segment_replaced_by_an_older_version_of_itself_is_refused() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let words = open(folder.path()).await?;
        words.push("word 0").await?;
        let old = snapshot(folder.path())?;
        push_numbered(&words, 49).await?;
        words.close().await?;
        drop(words);
        open(folder.path()).await?.push("word 50").await?;
        let segments = files_with(folder.path(), ".wal")?;
        let (name, bytes) = old.iter().find(|(name, _)| segments[0].ends_with(name)).ok_or("there was no segment")?;
        fs::write(folder.path().join(name), bytes)?;
        assert!(matches!(assert_refused(folder.path()).await?, Error::Corrupt { .. }));
        Ok(())
    })
}

#[test]
fn no_flipped_bit_of_a_closed_store_changes_the_state() -> Result {
    run(async {
        let whole = store_with(10, ONE_SEGMENT, End::Closed).await?;
        let files = snapshot(whole.path())?;
        for (name, bytes) in &files {
            for at in (0..bytes.len()).step_by(37) {
                let folder = copy_of(whole.path())?;
                change_file(&folder.path().join(name), |bytes| bytes[at] ^= 1 << (at % 8))?;
                match open(folder.path()).await {
                    Ok(words) => assert_eq!(words.words(), numbered(10), "byte {at} of {}", name.display()),
                    Err(error) => assert!(!matches!(error, Error::Thread { .. }), "{error}"),
                }
            }
        }
        Ok(())
    })
}
