//! Many tasks that write at once share one order and few syncs, and each call returns its own result.

use std::time::Duration;

use crate::common::{Gate, Result, Words, begun, in_tasks, open, options, run, sim_with_words};
use walr::{Durable, Lsn};

const WRITERS: usize = 64;

/// Lets each writer push `each` words, and checks that the results fit one order.
async fn write_all(words: &Durable<Words>, each: usize) -> Result {
    let counts = in_tasks(WRITERS, |writer| {
        let words = words.clone();
        async move {
            let mut counts = Vec::new();
            for number in 0..each {
                let word = format!("{writer}:{number}");
                let count = words.push(&word).await?;
                assert_eq!(words.read(|state| state.words[count - 1].clone()), word, "a task reads its own write");
                counts.push(count);
            }
            assert!(counts.is_sorted(), "one task's calls are applied in its order");
            Ok::<_, walr::Error>(counts)
        }
    })
    .await?;
    let mut counts = counts.concat();
    counts.sort_unstable();
    assert_eq!(counts, (1..=WRITERS * each).collect::<Vec<_>>(), "each call has its own place in the order");
    Ok(())
}

#[test]
fn all_writers_share_one_order_and_a_reopen_recovers_it() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let words = open(folder.path()).await?;
        write_all(&words, 20).await?;
        let before = words.words();
        words.close().await?;
        assert_eq!(open(folder.path()).await?.words(), before);
        Ok(())
    })
}

#[test]
fn all_writers_share_one_order_across_many_segments() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let words = options().segment_size(4096).open(folder.path()).await?;
        write_all(&words, 20).await?;
        let before = words.words();
        drop(words);
        assert_eq!(options().open(folder.path()).await?.words(), before);
        Ok(())
    })
}

#[test]
fn calls_at_the_same_time_share_a_sync() -> Result {
    run(async {
        let (sim, words) = sim_with_words(0).await?;
        sim.set_slow(Some(Duration::from_millis(1)));
        write_all(&words, 10).await?;
        let stats = words.stats();
        let records = 10 * WRITERS as u64;
        assert_eq!((stats.records, stats.last, stats.durable), (records, Lsn::new(records), Lsn::new(records)));
        assert!(stats.groups < records / 2, "{stats:?}");
        assert!(stats.syncs < records / 2, "{stats:?}");
        Ok(())
    })
}

#[test]
fn calls_that_wait_for_a_sync_form_the_next_group() -> Result {
    run(async {
        let (sim, words) = sim_with_words(1).await?;
        let before = words.stats();
        let gate = Gate::closed_on(&sim);
        let mut calls = Vec::new();
        for number in 0..=WRITERS {
            let words = &words;
            calls.push(begun(async move { words.push(&number.to_string()).await }));
            if number == 0 {
                gate.wait_for_arrival();
            }
        }
        gate.open();
        for (number, call) in calls.into_iter().enumerate() {
            assert_eq!(call.await?, number + 2, "calls are ordered by their first polls");
        }
        let after = words.stats();
        assert_eq!(after.groups - before.groups, 2, "{after:?}");
        assert_eq!(after.syncs - before.syncs, 2, "{after:?}");
        Ok(())
    })
}

#[test]
fn a_queue_with_capacity_for_one_call_serves_all_writers() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let words = options().queue_size(4096).open(folder.path()).await?;
        in_tasks(WRITERS, |writer| {
            let words = words.clone();
            async move { words.push(&format!("{writer}{}", "x".repeat(3000))).await }
        })
        .await?;
        assert_eq!(words.count(), WRITERS);
        Ok(())
    })
}

#[test]
fn each_read_sees_a_longer_prefix_of_the_one_order() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let words = open(folder.path()).await?;
        let reading = words.clone();
        let reader = std::thread::spawn(move || {
            let mut seen = Vec::new();
            while seen.len() < WRITERS * 10 {
                let now = reading.words();
                assert!(now.starts_with(&seen), "a read does not show the words of the read before it");
                seen = now;
            }
        });
        write_all(&words, 10).await?;
        assert!(reader.join().is_ok());
        Ok(())
    })
}
