//! What was acknowledged is there when the store is opened again, however it ended before.

use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::common::{Result, Words, block_on, copy_folder, eventually, numbered, open, options, poll_once, run};
use walr::{Durable, Error, Lsn};

#[test]
fn a_closed_store_has_it_all_again() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let words = open(folder.path()).await?;
        assert!(words.store().recovery().created);
        for word in numbered(10) {
            words.push(&word).await?;
        }
        words.close().await?;

        let words = open(folder.path()).await?;
        assert_eq!(words.words(), numbered(10));
        assert!(!words.store().recovery().created);
        assert_eq!(words.push("one more").await?, 11);
        Ok(())
    })
}

#[test]
fn a_dropped_store_replays_its_log() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let words = open(folder.path()).await?;
        for word in numbered(10) {
            words.push(&word).await?;
        }
        drop(words);

        let words = open(folder.path()).await?;
        assert_eq!(words.words(), numbered(10));
        let recovery = words.store().recovery();
        assert_eq!((recovery.records, recovery.checkpoint, recovery.last), (10, Lsn::new(0), Lsn::new(10)));
        assert!(recovery.cut.is_empty() && recovery.bypassed.is_empty() && recovery.aborted.is_empty());
        Ok(())
    })
}

#[test]
fn a_store_whose_process_just_ended_has_it_all() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let (lived, found) = (folder.path().join("lived"), folder.path().join("found"));
        let words = open(&lived).await?;
        for word in numbered(10) {
            words.push(&word).await?;
        }
        copy_folder(&lived, &found)?;

        assert_eq!(open(&found).await?.words(), numbered(10));
        Ok(())
    })
}

#[test]
fn a_store_that_is_opened_again_and_again_loses_nothing_and_stays_small() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        for round in 0..50 {
            let words = options().open(folder.path()).await?;
            assert_eq!(words.count(), round);
            words.push(&format!("word {round}")).await?;
            if round % 3 == 0 {
                words.close().await?;
            }
        }
        let words = options().open(folder.path()).await?;
        assert_eq!(words.words(), numbered(50));
        let bytes: u64 = std::fs::read_dir(folder.path())?.map(|e| e.unwrap().metadata().unwrap().len()).sum();
        assert!(bytes < 2 << 20, "50 words take {bytes} bytes");
        Ok(())
    })
}

#[test]
fn a_store_that_was_only_opened_opens_again() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        for _ in 0..5 {
            assert_eq!(open(folder.path()).await?.count(), 0);
        }
        assert_eq!(open(folder.path()).await?.push("first").await?, 1);
        Ok(())
    })
}

#[test]
fn missing_folders_are_created_and_foreign_files_are_left_alone() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("a/b/c");
        std::fs::create_dir_all(path.join("lost+found"))?;
        std::fs::write(path.join("notes.txt"), "mine")?;
        open(&path).await?.push("a word").await?;
        assert_eq!(open(&path).await?.count(), 1);
        assert_eq!(std::fs::read_to_string(path.join("notes.txt"))?, "mine");
        Ok(())
    })
}

#[test]
fn the_lsn_goes_on_where_it_was() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let words = open(folder.path()).await?;
        words.push("first").await?;
        words.push("second").await?;
        words.close().await?;
        let words = open(folder.path()).await?;
        assert_eq!(words.stats().last, Lsn::new(2));
        words.push("third").await?;
        assert_eq!(words.sync().await?, Lsn::new(3));
        Ok(())
    })
}

#[test]
fn the_first_state_is_not_asked_for_again() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let asked = AtomicUsize::new(0);
        let first = || {
            asked.fetch_add(1, Ordering::Relaxed);
            Words { words: numbered(3) }
        };
        let words = Durable::options().open_with(folder.path(), first).await?;
        assert_eq!(words.words(), numbered(3));
        drop(words);
        let words = Durable::options().open_with(folder.path(), first).await?;
        assert_eq!(words.words(), numbered(3));
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        Ok(())
    })
}

#[test]
fn a_first_state_that_panics_leaves_a_folder_that_can_be_opened() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let opened = std::panic::catch_unwind(AssertUnwindSafe(|| {
            let first = || -> Words { panic!("there is no first state") };
            block_on(Durable::options().open_with(folder.path(), first))
        }));
        let payload = opened.expect_err("the panic is the caller's");
        assert_eq!(payload.downcast_ref::<&str>(), Some(&"there is no first state"));

        let words = open_when_unlocked(folder.path())?;
        assert_eq!(words.push("a word").await?, 1);
        Ok(())
    })
}

#[test]
fn an_open_that_is_dropped_at_any_await_leaves_the_store_as_it_was() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        for times in 0..6 {
            drop(crate::common::poll_times(open(folder.path()), times).await);
            let words = open_when_unlocked(folder.path())?;
            assert_eq!(words.words(), numbered(times));
            words.push(&format!("word {times}")).await?;
        }
        Ok(())
    })
}

#[test]
fn an_open_that_nobody_polls_does_nothing() -> Result {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("store");
    drop(open(&path));
    assert!(!path.exists());
    let mut opening = Box::pin(open(&path));
    assert!(poll_once(opening.as_mut()).is_pending());
    drop(opening);
    drop(open_when_unlocked(&path)?);
    Ok(())
}

/// The thread of a dropped open holds the lock until its recovery has ended.
fn open_when_unlocked(path: &std::path::Path) -> walr::Result<Durable<Words>> {
    let mut opened = Err(Error::Closed);
    eventually(|| {
        opened = block_on(open(path));
        !matches!(opened, Err(Error::Locked { .. }))
    });
    opened
}
