//! A reopen recovers everything that was acknowledged, whether the store was closed, dropped or killed.

use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::common::{
    Result, Words, begun, block_on, copy_of, numbered, open, open_when_unlocked, options, poll_times, push_numbered,
    run,
};
use walr::{Durable, Lsn};

#[test]
fn a_closed_store_recovers_everything() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let words = open(folder.path()).await?;
        assert!(words.store().recovery().created);
        push_numbered(&words, 10).await?;
        words.close().await?;

        let words = open(folder.path()).await?;
        assert_eq!(words.words(), numbered(10));
        assert!(!words.store().recovery().created);
        assert_eq!(words.push("word 10").await?, 11);
        Ok(())
    })
}

#[test]
fn a_dropped_store_replays_its_log() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let words = open(folder.path()).await?;
        push_numbered(&words, 10).await?;
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
fn a_killed_store_recovers_everything() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let words = open(folder.path()).await?;
        push_numbered(&words, 10).await?;
        let killed = copy_of(folder.path())?;
        assert_eq!(open(killed.path()).await?.words(), numbered(10));
        Ok(())
    })
}

#[test]
fn a_store_that_is_reopened_many_times_loses_nothing_and_stays_small() -> Result {
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
fn a_store_without_a_mutation_reopens() -> Result {
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
fn lsns_continue_after_a_reopen() -> Result {
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
fn the_first_state_is_asked_for_once() -> Result {
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
fn a_folder_opens_after_its_first_state_panicked() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let opened = std::panic::catch_unwind(AssertUnwindSafe(|| {
            let first = || -> Words { panic!("the first state panics") };
            block_on(Durable::options().open_with(folder.path(), first))
        }));
        let payload = opened.expect_err("the panic was caught");
        assert_eq!(payload.downcast_ref::<&str>(), Some(&"the first state panics"));

        let words = open_when_unlocked(folder.path()).await?;
        assert_eq!(words.push("a word").await?, 1);
        Ok(())
    })
}

#[test]
fn an_open_dropped_after_any_number_of_polls_leaves_the_store_unchanged() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        for times in 0..6 {
            drop(poll_times(open(folder.path()), times).await);
            let words = open_when_unlocked(folder.path()).await?;
            assert_eq!(words.words(), numbered(times));
            words.push(&format!("word {times}")).await?;
        }
        Ok(())
    })
}

#[test]
fn an_open_does_nothing_before_its_first_poll() -> Result {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("store");
    drop(open(&path));
    assert!(!path.exists());
    // The thread of a dropped open holds the lock until its recovery ends.
    drop(begun(open(&path)));
    drop(block_on(open_when_unlocked(&path))?);
    Ok(())
}
