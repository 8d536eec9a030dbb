//! Many tasks at once: one order for all, each result its own, and few syncs for many calls.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::common::{Gate, Result, Words, open, open_sim, options, run};
use tokio::task::JoinSet;
use walr::testing::Sim;
use walr::{Durable, Lsn};

const WRITERS: usize = 64;

/// Every writer pushes `each` words, and checks that results fit the one order.
async fn write_all(words: &Durable<Words>, each: usize) -> Result {
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let words = words.clone();
        writers.spawn(async move {
            let mut places = Vec::new();
            for number in 0..each {
                let word = format!("{writer}:{number}");
                let count = words.push(&word).await?;
                assert_eq!(words.read(|state| state.words[count - 1].clone()), word, "a call sees its own effect");
                places.push(count);
            }
            assert!(places.is_sorted(), "one task's calls come in its order");
            Ok::<_, walr::Error>(places)
        });
    }
    let mut places = BTreeSet::new();
    while let Some(done) = writers.join_next().await {
        places.extend(done??);
    }
    assert_eq!(places, (1..=WRITERS * each).collect(), "each call has a place of its own in the order");
    Ok(())
}

#[test]
fn all_writers_share_one_order_and_a_reopen_has_the_same() -> Result {
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
fn writers_that_call_at_once_share_a_sync() -> Result {
    run(async {
        let sim = Sim::new();
        let words = open_sim(&sim).await?;
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
fn what_waits_for_one_sync_goes_with_the_next_as_one_group() -> Result {
    run(async {
        let sim = Sim::new();
        let words = open_sim(&sim).await?;
        words.push("the segment is made").await?;
        let before = words.stats();
        let gate = Gate::before(&sim);
        gate.close();
        let mut calls = Vec::new();
        for number in 0..=WRITERS {
            let words = &words;
            let mut call = Box::pin(async move { words.push(&number.to_string()).await });
            assert!(crate::common::poll_once(call.as_mut()).is_pending());
            if number == 0 {
                gate.wait_for_somebody();
            }
            calls.push(call);
        }
        gate.open();
        for (number, call) in calls.into_iter().enumerate() {
            assert_eq!(call.await?, number + 2, "ordered as they were first polled");
        }
        let after = words.stats();
        assert_eq!(after.groups - before.groups, 2, "{after:?}");
        assert_eq!(after.syncs - before.syncs, 2, "{after:?}");
        Ok(())
    })
}

#[test]
fn a_queue_with_room_for_one_call_serves_everybody() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let words = options().queue_size(4096).open(folder.path()).await?;
        let long = "x".repeat(3000);
        let mut writers = JoinSet::new();
        for writer in 0..WRITERS {
            let (words, long) = (words.clone(), long.clone());
            writers.spawn(async move { words.push(&format!("{writer}{long}")).await });
        }
        while let Some(done) = writers.join_next().await {
            done??;
        }
        assert_eq!(words.count(), WRITERS);
        Ok(())
    })
}

#[test]
fn readers_see_whole_prefixes_of_the_order_while_it_grows() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let words = open(folder.path()).await?;
        let reading = words.clone();
        let reader = std::thread::spawn(move || {
            let mut seen = Vec::new();
            while seen.len() < WRITERS * 10 {
                let now = reading.words();
                assert!(now.starts_with(&seen), "what was seen stays");
                seen = now;
            }
        });
        write_all(&words, 10).await?;
        assert!(reader.join().is_ok());
        Ok(())
    })
}
