//! Records that are larger than a segment, than the queue, and than the options allow.

use crate::common::{Result, Words, in_tasks, options, push_log, run, sim_with_words, words_in};
use walr::testing::Sim;
use walr::{Durable, Error, Fate, Lsn};

const MIB: usize = 1 << 20;

/// Returns a text of `len` bytes without repetitions.
fn text(len: usize) -> String {
    let mut text = String::with_capacity(len + 24);
    let mut number = 1_u64;
    while text.len() < len {
        number = number.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        text.push_str(&format!("{number:016x} "));
    }
    text.truncate(len);
    text
}

#[test]
fn a_record_of_64_mib_is_recovered() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let long = text(64 * MIB);
        let words = options().open(folder.path()).await?;
        words.push("before").await?;
        assert_eq!(words.push(&long).await?, 2);
        words.push("after").await?;
        drop(words);
        let words = options().open(folder.path()).await?;
        assert_eq!(words.store().recovery().records, 3, "the records come from the log");
        assert!(words.read(|state| state.words[1] == long));
        assert_eq!(
            words.read(|state| (state.words[0].clone(), state.words[2].clone())),
            ("before".into(), "after".into())
        );
        words.checkpoint().await?;
        drop(words);
        let words = options().open(folder.path()).await?;
        assert_eq!(words.store().recovery().records, 0, "the records come from the checkpoint");
        assert!(words.read(|state| state.words[1] == long));
        Ok(())
    })
}

#[test]
fn records_larger_than_a_segment_and_the_queue_mix_with_small_ones() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let tight = || options().segment_size(4096).queue_size(4096);
        let words = tight().open(folder.path()).await?;
        in_tasks(16, |writer| {
            let words = words.clone();
            async move {
                for number in 0..4 {
                    let len = if (writer + number) % 2 == 0 { 50_000 + writer } else { 10 };
                    words.push(&text(len)).await?;
                }
                Ok::<_, walr::Error>(())
            }
        })
        .await?;
        let before = words.words();
        assert_eq!(before.len(), 64);
        assert_eq!(before.iter().filter(|word| word.len() > 40_000).count(), 32);
        drop(words);
        assert!(tight().open(folder.path()).await?.words() == before);
        Ok(())
    })
}

#[test]
fn a_crash_leaves_a_whole_batch_that_is_larger_than_a_segment_and_the_queue() -> Result {
    run(async {
        let sim = Sim::new();
        let words = options().segment_size(4096).queue_size(4096).open_on(sim.clone(), Words::default).await?;
        let batch: Vec<String> = (0..100).map(|number| text(1000 + number)).collect();
        words.apply_batch(batch.iter().map(push_log)).await?;
        words.push("after").await?;
        for seed in 0..5 {
            let found = words_in(&sim.crash(seed)).await?;
            assert_eq!((found.len(), &found[..100]), (101, &batch[..]));
        }
        Ok(())
    })
}

/// Asserts that a call is refused for its size and changes nothing.
async fn assert_too_large<T: std::fmt::Debug>(words: &Durable<Words>, call: impl Future<Output = walr::Result<T>>) {
    let (before, stats) = (words.words(), words.stats());
    let error = call.await.expect_err("a record above the limit was accepted");
    assert!(matches!(error, Error::TooLarge { mutation: "push", max: 1000, .. }), "{error:?}");
    assert_eq!(error.fate(), Fate::NotRecorded);
    assert!(error.to_string().contains("1000"), "{error}");
    assert_eq!(words.words(), before);
    assert_eq!((words.stats().last, words.stats().log_bytes), (stats.last, stats.log_bytes));
}

#[test]
fn a_record_above_the_limit_is_refused_and_later_calls_work() -> Result {
    run(async {
        let sim = Sim::new();
        let words = options().max_record_size(1000).open_on(sim.clone(), Words::default).await?;
        words.push("before").await?;
        assert_too_large(&words, words.push(&text(1001))).await;
        assert_too_large(&words, words.apply(push_log(text(100_000)))).await;
        let batch = [10, 2000, 10].map(|len| push_log(text(len)));
        assert_too_large(&words, words.apply_batch(batch)).await;
        // The limit holds for each record of a batch, and not for their sum.
        words.apply_batch([900, 900].map(|len| push_log(text(len)))).await?;
        assert_eq!(words.push("after").await?, 4);
        assert_eq!(words.stats().last, Lsn::new(4));
        assert_eq!(words_in(&sim.restart()).await?, words.words());
        Ok(())
    })
}

#[test]
fn the_limit_holds_for_writing_and_not_for_reading() -> Result {
    run(async {
        let (sim, words) = sim_with_words(0).await?;
        words.push(&text(100_000)).await?;
        drop(words);
        let words = options().max_record_size(100).open_on(sim.clone(), Words::default).await?;
        assert!(words.read(|state| state.words[0] == text(100_000)));
        Ok(())
    })
}

#[test]
fn records_of_every_size_around_the_segment_size_are_recovered() -> Result {
    run(async {
        let sim = Sim::new();
        let small = || options().segment_size(16 << 10);
        let words = small().open_on(sim.clone(), Words::default).await?;
        let mut pushed = Vec::new();
        for len in (0..20_000).step_by(97) {
            pushed.push(text(len));
            words.push(&text(len)).await?;
        }
        drop(words);
        let words = small().open_on(sim.clone(), Words::default).await?;
        assert!(words.words() == pushed);
        Ok(())
    })
}
