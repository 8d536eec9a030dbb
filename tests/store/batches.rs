//! A batch is one unit: after a crash all of its records are there, or none.

use crate::common::{
    Result, Words, WordsLog, WordsOutcome, crashes, images_during, in_tasks, numbered, open, options, push_log, run,
    sim_with_words, words_in,
};
use walr::testing::Sim;
use walr::{Durable, Lsn};

fn pushes(words: &[String]) -> Vec<WordsLog> {
    words.iter().map(push_log).collect()
}

#[test]
fn a_batch_is_applied_in_its_order_and_returns_each_outcome() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let words = open(folder.path()).await?;
        let outcomes = words.apply_batch(pushes(&numbered(5))).await?;
        let counts: Vec<usize> = outcomes
            .into_iter()
            .map(|outcome| match outcome {
                WordsOutcome::Push(count) => count,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(counts, [1, 2, 3, 4, 5]);
        assert_eq!(words.stats().last, Lsn::new(5), "each record has its own LSN");
        words.close().await?;
        assert_eq!(open(folder.path()).await?.words(), numbered(5));
        Ok(())
    })
}

#[test]
fn a_log_value_is_applied_like_its_method() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let words = open(folder.path()).await?;
        let outcome = words.apply(WordsLog::PushShort { word: "much too long".into() }).await?;
        assert!(matches!(outcome, WordsOutcome::PushShort(Err(_))), "{outcome:?}");
        let outcome = words.apply(push_log("word 0")).await?;
        assert!(matches!(outcome, WordsOutcome::Push(1)), "{outcome:?}");
        drop(words);
        assert_eq!(open(folder.path()).await?.words(), numbered(1));
        Ok(())
    })
}

#[test]
fn an_empty_batch_writes_nothing() -> Result {
    run(async {
        let (sim, words) = sim_with_words(1).await?;
        let (before, calls) = (sim.fingerprint(), sim.calls());
        assert_eq!(words.apply_batch([]).await?.len(), 0);
        assert_eq!((sim.fingerprint(), sim.calls()), (before, calls));
        assert_eq!(words.stats().last, Lsn::new(1));
        Ok(())
    })
}

#[test]
fn a_domain_error_does_not_roll_back_its_batch() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let words = open(folder.path()).await?;
        let batch = ["one", "far too long", "two"].map(|word| WordsLog::PushShort { word: word.into() });
        let outcomes = words.apply_batch(batch).await?;
        assert!(matches!(
            &outcomes[..],
            [WordsOutcome::PushShort(Ok(1)), WordsOutcome::PushShort(Err(_)), WordsOutcome::PushShort(Ok(2))]
        ));
        drop(words);
        let words = open(folder.path()).await?;
        assert_eq!(words.words(), ["one", "two"], "the replay returns the same error");
        assert_eq!(words.store().recovery().records, 3, "the call that failed is recorded too");
        Ok(())
    })
}

#[test]
fn no_other_call_comes_between_the_members_of_a_batch() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let words = open(folder.path()).await?;
        in_tasks(16, |task| {
            let words = words.clone();
            async move {
                for _ in 0..10 {
                    words.apply_batch(pushes(&vec![task.to_string(); 7])).await?;
                }
                Ok::<_, walr::Error>(())
            }
        })
        .await?;
        let all = words.words();
        assert!(all.chunks(7).all(|batch| batch.iter().all(|word| *word == batch[0])));
        drop(words);
        assert_eq!(open(folder.path()).await?.words(), all);
        Ok(())
    })
}

/// Crashes `write` after each of its file-system calls, and checks the words that are recovered.
async fn crash_everywhere(write: impl AsyncFnOnce(Durable<Words>) -> Result, check: impl Fn(&[String])) -> Result {
    let sim = Sim::new();
    let words = options().segment_size(4096).open_on(sim.clone(), Words::default).await?;
    let (written, images) = images_during(&sim, |sim, seed| crashes(sim, seed, 8), write(words)).await;
    written?;
    assert!(images.len() > 50, "there are only {} images", images.len());
    for image in images {
        check(&words_in(&image).await?);
    }
    Ok(())
}

#[test]
fn a_crash_leaves_a_whole_batch_or_none_of_it() -> Result {
    run(async {
        let write = async |words: Durable<Words>| {
            for _ in 0..4 {
                words.apply_batch(pushes(&numbered(10))).await?;
            }
            let larger_than_a_segment: Vec<_> = numbered(10).into_iter().map(|word| word + &"x".repeat(1000)).collect();
            words.apply_batch(pushes(&larger_than_a_segment)).await?;
            Ok(())
        };
        crash_everywhere(write, |words| {
            assert_eq!(words.len() % 10, 0, "a part of a batch: {words:?}");
            for batch in words.chunks(10) {
                assert!(batch.iter().zip(numbered(10)).all(|(found, pushed)| found.starts_with(&pushed)));
            }
        })
        .await
    })
}
