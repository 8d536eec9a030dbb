//! What an acknowledged mutation survives under each `Durability`: the end of the process, and a power cut.

use std::time::Duration;

use crate::common::{Result, Words, eventually, numbered, options, run, words_in};
use walr::testing::Sim;
use walr::{Durability, Durable, Lsn};

const HOUR: Durability = Durability::Periodic(Duration::from_secs(3600));
const SEEDS: u64 = 40;

async fn open(sim: &Sim, durability: Durability) -> walr::Result<Durable<Words>> {
    options().durability(durability).open_on(sim.clone(), Words::default).await
}

/// A store with ten acknowledged words.
async fn with_ten(durability: Durability) -> Result<(Sim, Durable<Words>)> {
    let sim = Sim::new();
    let words = open(&sim, durability).await?;
    for word in numbered(10) {
        words.push(&word).await?;
    }
    Ok((sim, words))
}

/// How many words a power cut leaves, at least and at most; always the first ones.
async fn after_power_cuts(sim: &Sim) -> Result<(usize, usize)> {
    let mut counts = (usize::MAX, 0);
    for seed in 0..SEEDS {
        let found = words_in(&sim.crash(seed)).await?;
        assert_eq!(found, numbered(found.len()), "what is lost is always the end");
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
fn sync_shows_no_reader_what_a_power_cut_takes_back() -> Result {
    run(async {
        let sim = Sim::new();
        let words = open(&sim, Durability::Sync).await?;
        let writers: Vec<_> = (0..8)
            .map(|_| {
                let words = words.clone();
                tokio::spawn(async move {
                    for _ in 0..40 {
                        words.push("word").await?;
                    }
                    Ok::<_, walr::Error>(())
                })
            })
            .collect();
        let mut seen = 0;
        for seed in 0.. {
            let image = {
                seen = words.count().max(seen);
                sim.crash(seed)
            };
            assert!(words_in(&image).await?.len() >= seen);
            if seen == 320 {
                break;
            }
        }
        for writer in writers {
            writer.await??;
        }
        Ok(())
    })
}

#[test]
fn os_survives_the_process_and_not_the_power() -> Result {
    run(async {
        let (sim, words) = with_ten(Durability::Os).await?;
        assert_eq!(words_in(&sim.restart()).await?, numbered(10));
        let (least, _) = after_power_cuts(&sim).await?;
        assert!(least < 10, "nothing was synced yet");
        assert_eq!(words.stats().durable, Lsn::new(0));
        assert_eq!(words.sync().await?, Lsn::new(10));
        assert_eq!(after_power_cuts(&sim).await?, (10, 10));
        Ok(())
    })
}

#[test]
fn periodic_keeps_what_is_new_in_the_process() -> Result {
    run(async {
        let (sim, words) = with_ten(HOUR).await?;
        assert_eq!(words.words(), numbered(10), "acknowledged and applied");
        assert_eq!(words_in(&sim.restart()).await?, numbered(0), "an hour hasn't passed");
        assert_eq!(words.sync().await?, Lsn::new(10));
        assert_eq!(words_in(&sim.restart()).await?, numbered(10));
        assert_eq!(after_power_cuts(&sim).await?, (10, 10));
        Ok(())
    })
}

#[test]
fn periodic_syncs_by_itself() -> Result {
    run(async {
        let (sim, words) = with_ten(Durability::Periodic(Duration::from_millis(5))).await?;
        eventually(|| words.stats().durable == Lsn::new(10));
        assert_eq!(after_power_cuts(&sim).await?, (10, 10));
        // And again, for what came later.
        words.push("word 10").await?;
        eventually(|| words.stats().durable == Lsn::new(11));
        assert_eq!(after_power_cuts(&sim).await?, (11, 11));
        Ok(())
    })
}

#[test]
fn a_period_without_an_end_waits_for_sync() -> Result {
    run(async {
        let (sim, words) = with_ten(Durability::Periodic(Duration::MAX)).await?;
        words.sync().await?;
        assert_eq!(after_power_cuts(&sim).await?, (10, 10));
        Ok(())
    })
}

#[test]
fn a_period_of_nothing_works() -> Result {
    run(async {
        let (sim, words) = with_ten(Durability::Periodic(Duration::ZERO)).await?;
        eventually(|| words.stats().durable == Lsn::new(10));
        assert_eq!(after_power_cuts(&sim).await?, (10, 10));
        Ok(())
    })
}

#[test]
fn close_and_the_last_drop_make_everything_durable() -> Result {
    run(async {
        for durability in [Durability::Sync, Durability::Os, HOUR] {
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
        for durability in [Durability::Os, HOUR] {
            let (sim, words) = with_ten(durability).await?;
            assert_eq!(words.checkpoint().await?, Lsn::new(10));
            assert_eq!(after_power_cuts(&sim).await?, (10, 10), "{durability:?}");
        }
        Ok(())
    })
}

#[test]
fn idleness_makes_everything_durable() -> Result {
    run(async {
        let sim = Sim::new();
        let options = options().durability(Durability::Os).idle_mark(Duration::from_millis(5));
        let words = options.open_on(sim.clone(), Words::default).await?;
        for word in numbered(10) {
            words.push(&word).await?;
        }
        eventually(|| words.stats().durable == Lsn::new(10));
        assert_eq!(after_power_cuts(&sim).await?, (10, 10));
        Ok(())
    })
}

#[test]
fn many_segments_under_each_durability_lose_no_more_than_the_end() -> Result {
    run(async {
        for durability in [Durability::Sync, Durability::Os, HOUR] {
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
