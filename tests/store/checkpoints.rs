//! Checkpoints bound the length of the log, and lose nothing.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::common::{
    Result, Watchdog, Words, block_on, eventually, files_with, in_tasks, numbered, open, options, poll_times,
    push_numbered, run,
};
use serde::{Deserialize, Serialize};
use walr::{CheckpointPolicy, Durable, Lsn, WalState};

#[test]
fn an_open_loads_the_newest_checkpoint_and_replays_the_records_above_it() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let words = options().open(folder.path()).await?;
        let all = numbered(30);
        for (at, word) in all.iter().enumerate() {
            words.push(word).await?;
            if at == 9 || at == 24 {
                assert_eq!(words.checkpoint().await?, Lsn::new(at as u64 + 1));
            }
        }
        assert_eq!((words.stats().checkpoints, words.stats().checkpoint), (2, Lsn::new(25)));
        drop(words);
        let words = options().open(folder.path()).await?;
        assert_eq!(words.words(), all);
        let recovery = words.store().recovery();
        assert_eq!((recovery.checkpoint, recovery.records), (Lsn::new(25), 5));
        Ok(())
    })
}

#[test]
fn a_checkpoint_is_not_written_again_at_the_same_lsn() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let words = options().open(folder.path()).await?;
        assert_eq!(words.checkpoint().await?, Lsn::new(0));
        words.push("word 0").await?;
        for _ in 0..3 {
            assert_eq!(words.checkpoint().await?, Lsn::new(1));
        }
        assert_eq!(words.stats().checkpoints, 1);
        Ok(())
    })
}

#[test]
fn two_checkpoints_are_kept_and_the_log_below_them_is_removed() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let words = options().segment_size(4096).open(folder.path()).await?;
        let mut most = 0;
        for _ in 0..10 {
            push_numbered(&words, 50).await?;
            words.checkpoint().await?;
            assert_eq!(files_with(folder.path(), ".ckpt")?.len(), 2);
            most = most.max(files_with(folder.path(), ".wal")?.len());
        }
        let segments = files_with(folder.path(), ".wal")?;
        assert!(segments.len() <= most.min(80), "{} segments", segments.len());
        assert!(!segments[0].ends_with("0000000000000001.wal"), "the first segment still exists");
        drop(words);
        assert_eq!(options().open(folder.path()).await?.words(), numbered(500));
        Ok(())
    })
}

#[test]
fn checkpoints_are_written_while_writers_write() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let words = options().segment_size(16 << 10).open(folder.path()).await?;
        let writers: Vec<_> = (0..16)
            .map(|writer| {
                let words = words.clone();
                tokio::spawn(async move {
                    for number in 0..60 {
                        words.push(&format!("{writer}:{number}")).await?;
                    }
                    Ok::<_, walr::Error>(())
                })
            })
            .collect();
        let mut last = Lsn::new(0);
        while writers.iter().any(|writer| !writer.is_finished()) {
            let lsn = words.checkpoint().await?;
            assert!(lsn >= last);
            last = lsn;
        }
        for writer in writers {
            writer.await??;
        }
        let before = words.words();
        assert_eq!(before.len(), 960);
        drop(words);
        assert_eq!(options().open(folder.path()).await?.words(), before);
        Ok(())
    })
}

#[test]
fn many_tasks_may_ask_for_a_checkpoint_at_once() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let words = options().open(folder.path()).await?;
        in_tasks(16, |number| {
            let words = words.clone();
            async move {
                words.push(&format!("word {number}")).await?;
                let own = words.stats().last;
                let lsn = words.checkpoint().await?;
                assert!(lsn >= own, "the checkpoint holds the task's own word");
                Ok::<_, walr::Error>(())
            }
        })
        .await?;
        drop(words);
        let words = options().open(folder.path()).await?;
        assert_eq!((words.count(), words.store().recovery().records), (16, 0));
        Ok(())
    })
}

#[test]
fn a_store_writes_checkpoints_by_its_policy() -> Result {
    let _watchdog = Watchdog::new();
    let folder = tempfile::tempdir()?;
    let policy = CheckpointPolicy::LogBytes { ratio: 0.5, floor: 8192 };
    let open = || block_on(Durable::<Words>::options().checkpoint(policy).segment_size(4096).open(folder.path()));
    let words = open()?;
    let mut pushed = 0;
    eventually(|| {
        block_on(words.push(&format!("word {pushed}"))).unwrap();
        pushed += 1;
        words.stats().checkpoints >= 3
    });
    assert!(words.stats().log_bytes > 3 * 8192);
    assert!(words.stats().checkpoint_error.is_none());
    drop(words);
    let words = open()?;
    assert_eq!(words.words(), numbered(pushed));
    assert!(words.store().recovery().checkpoint > Lsn::new(0));
    Ok(())
}

#[test]
fn the_policy_counts_the_log_from_before_the_open() -> Result {
    let _watchdog = Watchdog::new();
    let folder = tempfile::tempdir()?;
    let policy = CheckpointPolicy::LogBytes { ratio: 0.0, floor: 20_000 };
    let open = || block_on(Durable::<Words>::options().checkpoint(policy).open(folder.path()));
    let mut rounds = 0;
    eventually(|| {
        // No round writes 20,000 bytes by itself.
        let words = open().unwrap();
        block_on(words.push(&"x".repeat(3000))).unwrap();
        rounds += 1;
        drop(words);
        files_with(folder.path(), ".ckpt").unwrap().len() == 2 || rounds == 1000
    });
    assert!(rounds < 1000, "no checkpoint after {rounds} rounds of 3,000 bytes");
    assert_eq!(open()?.count(), rounds);
    Ok(())
}

/// With `power_safe_overwrite(false)` each group is padded to whole blocks, and nearly all of the log is padding.
#[test]
fn the_policy_counts_the_padding_from_before_the_open() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let policy = CheckpointPolicy::LogBytes { ratio: 0.0, floor: 100_000 };
        let mut written = 0;
        for round in 0.. {
            let options = Durable::<Words>::options().checkpoint(policy).power_safe_overwrite(false);
            let words = options.open(folder.path()).await?;
            assert_eq!(words.count(), 5 * round);
            push_numbered(&words, 5).await?;
            if words.stats().checkpoints > 0 {
                break;
            }
            written += words.stats().log_bytes;
            assert!(written < 150_000, "no checkpoint after {written} bytes of log");
        }
        assert!(written > 50_000, "a checkpoint after only {written} bytes of log");
        Ok(())
    })
}

#[test]
fn the_manual_policy_writes_no_checkpoint() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let words = options().open(folder.path()).await?;
        for word in numbered(100) {
            words.push(&(word + &"x".repeat(1000))).await?;
        }
        words.close().await?;
        assert_eq!(files_with(folder.path(), ".ckpt")?.len(), 1, "the checkpoint of the first state");
        assert_eq!(words.stats().checkpoints, 0);
        Ok(())
    })
}

#[test]
fn a_checkpoint_whose_future_is_dropped_is_written() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let words = options().open(folder.path()).await?;
        words.push("word 0").await?;
        drop(poll_times(words.checkpoint(), 1).await);
        eventually(|| words.stats().checkpoints == 1);
        Ok(())
    })
}

#[test]
fn a_drop_of_the_store_during_a_checkpoint_loses_nothing() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let long = "x".repeat(1 << 20);
        for round in 0..8 {
            let words = open(folder.path()).await?;
            assert_eq!(words.count(), round);
            words.push(&long).await?;
            drop(poll_times(words.checkpoint(), 1).await);
            drop(words);
            assert!(files_with(folder.path(), ".ckpt")?.len() <= 2);
        }
        Ok(())
    })
}

/// The number of lines that replays added.
static REPLAYED: AtomicUsize = AtomicUsize::new(0);

#[derive(Default, Serialize, Deserialize, WalState)]
struct Lines {
    lines: Vec<String>,
}

#[walr::mutations]
impl Lines {
    #[mutation(allow_nondeterminism)]
    fn add(&mut self, line: &str) {
        if walr::is_replaying() {
            REPLAYED.fetch_add(1, Ordering::Relaxed);
        }
        self.lines.push(line.to_string());
    }
}

#[test]
fn a_checkpoint_is_of_the_live_state_if_it_is_small_and_of_a_replayed_one_if_it_is_large() -> Result {
    run(async {
        let (folder, line) = (tempfile::tempdir()?, "x".repeat(10_000));
        let lines = Durable::<Lines>::open(folder.path()).await?;
        for round in 0..3 {
            for _ in 0..10 {
                lines.add(&line).await?;
            }
            lines.checkpoint().await?;
            assert_eq!(REPLAYED.load(Ordering::Relaxed), 0, "in round {round}");
        }
        for _ in 0..100 {
            lines.add(&line).await?;
        }
        lines.checkpoint().await?;
        assert_eq!(REPLAYED.load(Ordering::Relaxed), 100);
        lines.close().await?;
        Ok(())
    })
}
