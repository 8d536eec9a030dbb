//! Each `Durability` keeps acknowledged mutations through the end of the process, a power cut, or both.

use std::time::Duration;

use crate::common::{
    DURABILITIES, Result, Words, eventually, in_tasks, numbered, options, push_numbered, run, words_in,
};
use walr::testing::Sim;
use walr::{Durability, Durable, Lsn, Options};

const HOUR: Durability = Durability::Periodic(Duration::from_secs(3600));
const SEEDS: u64 = 40;

/// Creates a store of ten acknowledged words.
async fn ten_words(options: Options<Words>) -> Result<(Sim, Durable<Words>)> {
    let sim = Sim::new();
    let words = options.open_on(sim.clone(), Words::default).await?;
    push_numbered(&words, 10).await?;
    Ok((sim, words))
}

/// Creates a store of ten words that were acknowledged under `durability`.
async fn with_ten(durability: Durability) -> Result<(Sim, Durable<Words>)> {
    ten_words(options().durability(durability)).await
}

/// Returns the smallest and the largest number of words that a power cut leaves. Words are lost from the end only.
async fn after_power_cuts(sim: &Sim) -> Result<(usize, usize)> {
    let mut counts = (usize::MAX, 0);
    for seed in 0..SEEDS {
        let found = words_in(&sim.crash(seed)).await?;
        assert_eq!(found, numbered(found.len()), "a word is lost before the end");
        counts = (counts.0.min(found.len()), counts.1.max(found.len()));
    }
    Ok(counts)
}

#[test]
fn sync_survives_a_power_cut() -> Result {
    run(async {
        let (sim, words) = with_ten(Durability::Sync).await?;
        assert_eq!(after_power_cuts(&sim).await?, (10, 10));
        assert_eq!(words.stats().durable, Lsn::new(10));
        Ok(())
    })
}

#[test]
fn under_sync_no_power_cut_loses_what_a_read_has_shown() -> Result {
    run(async {
        let sim = Sim::new();
        let words = options().durability(Durability::Sync).open_on(sim.clone(), Words::default).await?;
        let writing = in_tasks(8, |_| {
            let words = words.clone();
            async move {
                for _ in 0..40 {
                    words.push("word").await?;
                }
                Ok::<_, walr::Error>(())
            }
        });
        let reading = async {
            let mut seen = 0;
            for seed in 0.. {
                seen = words.count().max(seen);
                assert!(words_in(&sim.crash(seed)).await?.len() >= seen);
                if seen == 320 {
                    break;
                }
            }
            Ok::<_, walr::Error>(())
        };
        let (written, read) = tokio::join!(writing, reading);
        written?;
        Ok(read?)
    })
}

#[test]
fn os_survives_the_end_of_the_process_and_not_a_power_cut() -> Result {
    run(async {
        let (sim, words) = with_ten(Durability::Os).await?;
        assert_eq!(words_in(&sim.restart()).await?, numbered(10));
        let (least, _) = after_power_cuts(&sim).await?;
        assert!(least < 10, "no power cut lost a word, although nothing was synced");
        assert_eq!(words.stats().durable, Lsn::new(0));
        assert_eq!(words.sync().await?, Lsn::new(10));
        assert_eq!(after_power_cuts(&sim).await?, (10, 10));
        Ok(())
    })
}

#[test]
fn periodic_keeps_new_records_in_the_process() -> Result {
    run(async {
        let (sim, words) = with_ten(HOUR).await?;
        assert_eq!(words.words(), numbered(10), "acknowledged words are applied");
        assert_eq!(words_in(&sim.restart()).await?, numbered(0), "the period hasn't ended");
        assert_eq!(words.sync().await?, Lsn::new(10));
        assert_eq!(words_in(&sim.restart()).await?, numbered(10));
        assert_eq!(after_power_cuts(&sim).await?, (10, 10));
        Ok(())
    })
}

#[test]
fn periodic_syncs_after_each_period() -> Result {
    run(async {
        let (sim, words) = with_ten(Durability::Periodic(Duration::from_millis(5))).await?;
        eventually(|| words.stats().durable == Lsn::new(10));
        assert_eq!(after_power_cuts(&sim).await?, (10, 10));
        words.push("word 10").await?;
        eventually(|| words.stats().durable == Lsn::new(11));
        assert_eq!(after_power_cuts(&sim).await?, (11, 11));
        Ok(())
    })
}

#[test]
fn an_endless_period_ends_with_sync() -> Result {
    run(async {
        let (sim, words) = with_ten(Durability::Periodic(Duration::MAX)).await?;
        words.sync().await?;
        assert_eq!(after_power_cuts(&sim).await?, (10, 10));
        Ok(())
    })
}

#[test]
fn a_period_of_zero_syncs_by_itself() -> Result {
    run(async {
        let (sim, words) = with_ten(Durability::Periodic(Duration::ZERO)).await?;
        eventually(|| words.stats().durable == Lsn::new(10));
        assert_eq!(after_power_cuts(&sim).await?, (10, 10));
        Ok(())
    })
}

#[test]
fn a_close_and_a_drop_make_everything_durable() -> Result {
    run(async {
        for durability in DURABILITIES {
            let (sim, words) = with_ten(durability).await?;
            words.close().await?;
            assert_eq!(after_power_cuts(&sim).await?, (10, 10), "{durability:?}, closed");

            let (sim, words) = with_ten(durability).await?;
            drop(words);
            assert_eq!(after_power_cuts(&sim).await?, (10, 10), "{durability:?}, dropped");
        }
        Ok(())
    })
}

#[test]
fn a_checkpoint_makes_everything_before_it_durable() -> Result {
    run(async {
        for &durability in &DURABILITIES[1..] {
            let (sim, words) = with_ten(durability).await?;
            assert_eq!(words.checkpoint().await?, Lsn::new(10));
            assert_eq!(after_power_cuts(&sim).await?, (10, 10), "{durability:?}");
        }
        Ok(())
    })
}

#[test]
fn an_idle_store_makes_everything_durable() -> Result {
    run(async {
        let (sim, words) = ten_words(options().durability(Durability::Os).idle_mark(Duration::from_millis(5))).await?;
        eventually(|| words.stats().durable == Lsn::new(10));
        assert_eq!(after_power_cuts(&sim).await?, (10, 10));
        Ok(())
    })
}

#[test]
fn a_power_cut_loses_words_of_many_segments_from_the_end_only() -> Result {
    run(async {
        for durability in DURABILITIES {
            let sim = Sim::new();
            let small = options().durability(durability).segment_size(4096);
            let words = small.open_on(sim.clone(), Words::default).await?;
            for word in numbered(300) {
                words.push(&(word + &" ".repeat(500))).await?;
            }
            for seed in 0..10 {
                let found = words_in(&sim.crash(seed)).await?;
                let trimmed: Vec<&str> = found.iter().map(|word| word.trim_end()).collect();
                assert_eq!(trimmed, numbered(found.len()), "{durability:?}");
                assert!(found.len() == 300 || durability != Durability::Sync);
            }
            let before = words.words();
            drop(words);
            assert_eq!(words_in(&sim).await?, before, "{durability:?}");
        }
        Ok(())
    })
}
