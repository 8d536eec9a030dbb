//! A folder, or the segment that is written, that somebody removes while its store is open: no call is acknowledged that no
//! open could ever find.
//!
//! Elsewhere than on a Unix the system can't tell, or doesn't let an open file be removed.
#![cfg(unix)]

use std::fs;
use std::io::ErrorKind;
use std::time::Duration;

use crate::common::{DURABILITIES, Result, files_with, numbered, open_sim, options, run};
use walr::testing::Sim;
use walr::{Durability, Error, Fate};

/// That the store has latched because its file was removed, and says so.
fn removed<T: std::fmt::Debug>(result: walr::Result<T>) {
    let error = result.expect_err("what is written is lost");
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
        for word in numbered(2) {
            words.push(&word).await?;
        }
        fs::remove_dir_all(&path)?;
        removed(words.push("lost").await);
        for _ in 0..3 {
            assert!(matches!(words.push("refused").await, Err(Error::Failed { .. })));
        }
        assert_eq!(words.words(), numbered(2), "reads go on");
        assert!(matches!(words.close().await, Err(Error::Failed { .. })));
        assert!(!path.exists(), "nothing is made anew");
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
        removed(words.push("lost").await);
        Ok(())
    })
}

#[test]
fn where_calls_are_not_synced_the_next_sync_tells_that_the_folder_was_removed() -> Result {
    run(async {
        for durability in &DURABILITIES[1..] {
            let folder = tempfile::tempdir()?;
            let path = folder.path().join("store");
            let words = options().durability(*durability).open(&path).await?;
            words.push("word 0").await?;
            fs::remove_dir_all(&path)?;
            words.push("word 1").await?;
            removed(words.sync().await);
            assert!(matches!(words.push("refused").await, Err(Error::Failed { .. })), "{durability:?}");
        }
        Ok(())
    })
}

#[test]
fn a_period_that_ends_tells_that_the_folder_was_removed() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("store");
        let durability = Durability::Periodic(Duration::from_millis(1));
        let words = options().durability(durability).open(&path).await?;
        words.push("word 0").await?;
        fs::remove_dir_all(&path)?;
        // A call that needs a new segment fails before that, because there is no folder to make it in.
        while !matches!(words.push("more").await, Err(Error::Failed { .. })) {}
        Ok(())
    })
}

#[test]
fn the_simulator_tells_that_a_segment_was_removed() -> Result {
    run(async {
        let sim = Sim::new();
        let words = open_sim(&sim).await?;
        words.push("word 0").await?;
        assert!(sim.delete("0000000000000001.wal"));
        removed(words.push("lost").await);
        Ok(())
    })
}
