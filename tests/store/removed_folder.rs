//! A folder or a segment may be removed while its store is open: no call is acknowledged whose record no open could find.
//!
//! Other systems than Unix don't report the removal of an open file, or forbid it.
#![cfg(unix)]

use std::fs;
use std::io::ErrorKind;
use std::time::Duration;

use crate::common::{DURABILITIES, Result, files_with, numbered, options, push_numbered, run, sim_with_words};
use walr::{Durability, Error, Fate};

/// Asserts that a call failed, and the store has latched, because its file was removed.
#[track_caller]
fn assert_removed<T: std::fmt::Debug>(result: walr::Result<T>) {
    let error = result.expect_err("a call was acknowledged after its file was removed");
    let Error::Commit { source, .. } = &error else { panic!("{error:?}") };
    assert_eq!((error.fate(), source.kind()), (Fate::Unknown, ErrorKind::NotFound), "{error:?}");
    assert!(format!("{error:?}").ends_with(": the file was removed while it was open"), "{error:?}");
}

#[test]
fn no_call_is_acknowledged_after_its_folder_was_removed() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("store");
        let words = options().open(&path).await?;
        push_numbered(&words, 2).await?;
        fs::remove_dir_all(&path)?;
        assert_removed(words.push("lost").await);
        for _ in 0..3 {
            assert!(matches!(words.push("refused").await, Err(Error::Failed { .. })));
        }
        assert_eq!(words.words(), numbered(2), "reads go on");
        assert!(matches!(words.close().await, Err(Error::Failed { .. })));
        assert!(!path.exists(), "the store created its folder again");
        Ok(())
    })
}

#[test]
fn no_call_is_acknowledged_after_its_segment_was_removed() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let words = options().open(folder.path()).await?;
        words.push("word 0").await?;
        for segment in files_with(folder.path(), ".wal")? {
            fs::remove_file(segment)?;
        }
        assert_removed(words.push("lost").await);
        Ok(())
    })
}

#[test]
fn under_os_and_periodic_the_next_sync_reports_a_removed_folder() -> Result {
    run(async {
        for durability in &DURABILITIES[1..] {
            let folder = tempfile::tempdir()?;
            let path = folder.path().join("store");
            let words = options().durability(*durability).open(&path).await?;
            words.push("word 0").await?;
            fs::remove_dir_all(&path)?;
            words.push("word 1").await?;
            assert_removed(words.sync().await);
            assert!(matches!(words.push("refused").await, Err(Error::Failed { .. })), "{durability:?}");
        }
        Ok(())
    })
}

#[test]
fn the_end_of_a_period_reports_a_removed_folder() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("store");
        let durability = Durability::Periodic(Duration::from_millis(1));
        let words = options().durability(durability).open(&path).await?;
        words.push("word 0").await?;
        fs::remove_dir_all(&path)?;
        // A call that needs a new segment fails earlier, because the folder for the segment is missing.
        while !matches!(words.push("more").await, Err(Error::Failed { .. })) {}
        Ok(())
    })
}

#[test]
fn the_simulated_disk_reports_a_removed_segment() -> Result {
    run(async {
        let (sim, words) = sim_with_words(1).await?;
        assert!(sim.delete("0000000000000001.wal"));
        assert_removed(words.push("lost").await);
        Ok(())
    })
}
