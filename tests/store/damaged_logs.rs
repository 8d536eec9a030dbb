//! Damage to the log: refused by file and offset with nothing changed, unless it is the torn end of what nobody was told.

use std::fs;
use std::path::{Path, PathBuf};

use crate::common::{Result, Words, copy_folder, files_with, find, numbered, options, run, snapshot};
use walr::{Durable, Error, Lsn};

async fn open(path: &Path) -> walr::Result<Durable<Words>> {
    options().open(path).await
}

/// A store with so many words, each in a group of its own, and never a checkpoint; closed or as its process left it.
async fn store_with(count: usize, segment_size: u64, close: bool) -> Result<tempfile::TempDir> {
    let (lived, left) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let words = options().segment_size(segment_size).open(lived.path()).await?;
    for word in numbered(count) {
        words.push(&word).await?;
    }
    if close {
        words.close().await?;
    }
    copy_folder(lived.path(), left.path())?;
    Ok(left)
}

/// That the store is refused, twice alike, and not one byte of it is changed. Returns the error.
async fn refused(folder: &Path) -> Result<Error> {
    let before = snapshot(folder)?;
    let error = open(folder).await.expect_err("it is damaged");
    assert!(before == snapshot(folder)?, "a refusal changes nothing: {error}");
    let again = open(folder).await.expect_err("it is still damaged");
    assert_eq!(again.to_string(), error.to_string());
    Ok(error)
}

/// That this is damage to `file`, told with its place; returns the offset.
fn corrupt(error: &Error, file: &Path) -> u64 {
    let Error::Corrupt { path, offset, .. } = error else { panic!("{error:?}") };
    assert_eq!(path, file);
    let told = error.to_string();
    assert!(told.contains(&file.display().to_string()), "{told}");
    assert!(told.contains(&format!("byte {offset}")), "{told}");
    *offset
}

/// The segment that holds this text, and where in it.
fn segment_with(folder: &Path, text: &str) -> Result<(PathBuf, usize)> {
    for path in files_with(folder, ".wal")? {
        if let Some(at) = find(&fs::read(&path)?, text.as_bytes()) {
            return Ok((path, at));
        }
    }
    Err(format!("no segment holds {text}").into())
}

fn change(path: &Path, change: impl FnOnce(&mut Vec<u8>)) -> Result {
    let mut bytes = fs::read(path)?;
    change(&mut bytes);
    fs::write(path, bytes)?;
    Ok(())
}

#[test]
fn a_flipped_byte_in_the_middle_is_refused_by_file_offset_and_lsn() -> Result {
    run(async {
        for close in [true, false] {
            let folder = store_with(100, 64 << 10, close).await?;
            let (segment, at) = segment_with(folder.path(), "word 50")?;
            change(&segment, |bytes| bytes[at] ^= 0x20)?;
            let error = refused(folder.path()).await?;
            let offset = corrupt(&error, &segment);
            assert!(offset <= at as u64 && at as u64 - offset < 200, "{offset} for the byte {at}");
            assert!(error.to_string().contains("lsn 50"), "the last sound one: {error}");
            assert!(matches!(error, Error::Corrupt { after, .. } if after == Lsn::new(50)));

            change(&segment, |bytes| bytes[at] ^= 0x20)?;
            assert_eq!(open(folder.path()).await?.words(), numbered(100), "restored, it opens");
        }
        Ok(())
    })
}

#[test]
fn a_flipped_byte_in_an_earlier_segment_is_refused() -> Result {
    run(async {
        let folder = store_with(100, 4096, true).await?;
        let (segment, at) = segment_with(folder.path(), "word 10")?;
        assert_ne!(Some(&segment), files_with(folder.path(), ".wal")?.last());
        change(&segment, |bytes| bytes[at] ^= 1)?;
        corrupt(&refused(folder.path()).await?, &segment);
        Ok(())
    })
}

#[test]
fn the_last_record_of_a_closed_store_is_proven() -> Result {
    run(async {
        let folder = store_with(100, 64 << 10, true).await?;
        let (segment, at) = segment_with(folder.path(), "word 99")?;
        change(&segment, |bytes| bytes[at] ^= 1)?;
        corrupt(&refused(folder.path()).await?, &segment);
        Ok(())
    })
}

#[test]
fn a_zeroed_sector_in_the_middle_is_refused() -> Result {
    run(async {
        let folder = store_with(100, 64 << 10, false).await?;
        let (segment, at) = segment_with(folder.path(), "word 50")?;
        let sector = at / 512 * 512;
        change(&segment, |bytes| bytes[sector..sector + 512].fill(0))?;
        corrupt(&refused(folder.path()).await?, &segment);
        Ok(())
    })
}

#[test]
fn a_last_record_that_is_torn_is_cut_off_and_reported() -> Result {
    run(async {
        let folder = store_with(100, 64 << 10, false).await?;
        let (segment, at) = segment_with(folder.path(), "word 99")?;
        change(&segment, |bytes| bytes[at + 4..].fill(0))?;
        let torn = fs::read(&segment)?;

        let words = open(folder.path()).await?;
        assert_eq!(words.words(), numbered(99));
        let cut = &words.store().recovery().cut;
        assert_eq!((cut.len(), &cut[0].path), (1, &segment));
        assert!(cut[0].offset < at as u64 && cut[0].bytes > 0);
        let copy = fs::read(cut[0].copy.as_ref().ok_or("there is a copy")?)?;
        assert_eq!(copy, torn[cut[0].offset as usize..][..copy.len()], "what is cut is kept");
        assert!(find(&copy, b"word").is_some());

        assert_eq!(words.push("word 99").await?, 100, "and the store goes on");
        drop(words);
        let words = open(folder.path()).await?;
        assert_eq!(words.words(), numbered(100));
        assert!(words.store().recovery().cut.is_empty(), "it is cut once");
        Ok(())
    })
}

#[test]
fn a_store_that_is_cut_off_anywhere_is_refused_or_loses_no_more_than_its_last_record() -> Result {
    run(async {
        let whole = store_with(20, 64 << 10, false).await?;
        let (segment, end) = segment_with(whole.path(), "word 19")?;
        let name = segment.file_name().ok_or("a segment has a name")?;
        for len in (0..end).step_by(61) {
            let folder = tempfile::tempdir()?;
            copy_folder(whole.path(), folder.path())?;
            change(&folder.path().join(name), |bytes| bytes.truncate(len))?;
            corrupt(&refused(folder.path()).await?, &folder.path().join(name));
        }
        Ok(())
    })
}

#[test]
fn a_missing_segment_is_refused() -> Result {
    run(async {
        let whole = store_with(200, 4096, true).await?;
        let segments = files_with(whole.path(), ".wal")?;
        assert!(segments.len() > 3);
        for (at, missing) in segments.iter().enumerate() {
            let folder = tempfile::tempdir()?;
            copy_folder(whole.path(), folder.path())?;
            fs::remove_file(folder.path().join(missing.file_name().ok_or("a segment has a name")?))?;
            let error = refused(folder.path()).await?;
            assert!(matches!(error, Error::Missing { .. }), "segment {at}: {error}");
            assert!(error.to_string().contains("missing"), "{error}");
        }
        Ok(())
    })
}

#[test]
fn no_segment_at_all_is_refused() -> Result {
    run(async {
        let folder = store_with(10, 64 << 10, true).await?;
        for segment in files_with(folder.path(), ".wal")? {
            fs::remove_file(segment)?;
        }
        let error = refused(folder.path()).await?;
        assert!(matches!(error, Error::Missing { .. }), "{error}");
        Ok(())
    })
}

#[test]
fn swapped_segments_are_refused() -> Result {
    run(async {
        let folder = store_with(200, 4096, true).await?;
        let segments = files_with(folder.path(), ".wal")?;
        let (one, two) = (fs::read(&segments[1])?, fs::read(&segments[2])?);
        fs::write(&segments[1], two)?;
        fs::write(&segments[2], one)?;
        assert!(matches!(refused(folder.path()).await?, Error::Corrupt { .. }));
        Ok(())
    })
}

#[test]
fn a_segment_put_back_to_an_older_state_is_refused() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let words = open(folder.path()).await?;
        words.push("word 0").await?;
        let old = snapshot(folder.path())?;
        for word in &numbered(50)[1..] {
            words.push(word).await?;
        }
        words.close().await?;
        drop(words);
        open(folder.path()).await?.push("word 50").await?;
        let segments = files_with(folder.path(), ".wal")?;
        let (name, bytes) = old.iter().find(|(name, _)| segments[0].ends_with(name)).ok_or("the first segment")?;
        fs::write(folder.path().join(name), bytes)?;
        assert!(matches!(refused(folder.path()).await?, Error::Corrupt { .. }));
        Ok(())
    })
}

#[test]
fn no_flipped_bit_of_a_closed_store_gives_another_state() -> Result {
    run(async {
        let whole = store_with(10, 64 << 10, true).await?;
        let files = snapshot(whole.path())?;
        for (name, bytes) in &files {
            for at in (0..bytes.len()).step_by(37) {
                let folder = tempfile::tempdir()?;
                copy_folder(whole.path(), folder.path())?;
                change(&folder.path().join(name), |bytes| bytes[at] ^= 1 << (at % 8))?;
                match open(folder.path()).await {
                    Ok(words) => assert_eq!(words.words(), numbered(10), "byte {at} of {}", name.display()),
                    Err(error) => assert!(!matches!(error, Error::Thread { .. }), "{error}"),
                }
            }
        }
        Ok(())
    })
}
