//! A batch is one unit: after a crash all of it is there, or nothing.

use crate::common::{Result, Words, WordsLog, WordsOutcome, numbered, open, open_sim, options, run, words_in};
use std::sync::{Arc, Mutex};
use walr::testing::Sim;
use walr::{Durable, Lsn};

fn pushes(words: &[String]) -> Vec<WordsLog> {
    words.iter().map(|word| WordsLog::Push { word: word.clone() }).collect()
}

#[test]
fn a_batch_is_applied_in_its_order_and_answers_for_each() -> Result {
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
        assert_eq!(words.stats().last, Lsn::new(5), "each record has an lsn");
        words.close().await?;
        assert_eq!(open(folder.path()).await?.words(), numbered(5));
        Ok(())
    })
}

#[test]
fn one_log_value_is_applied_like_its_method() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let words = open(folder.path()).await?;
        let outcome = words.apply(WordsLog::PushShort { word: "much too long".into() }).await?;
        assert!(matches!(outcome, WordsOutcome::PushShort(Err(_))), "{outcome:?}");
        let outcome = words.apply(WordsLog::Push { word: "word 0".into() }).await?;
        assert!(matches!(outcome, WordsOutcome::Push(1)), "{outcome:?}");
        drop(words);
        assert_eq!(open(folder.path()).await?.words(), numbered(1));
        Ok(())
    })
}

#[test]
fn an_empty_batch_writes_nothing() -> Result {
    run(async {
        let sim = Sim::new();
        let words = open_sim(&sim).await?;
        words.push("word 0").await?;
        let (before, calls) = (sim.fingerprint(), sim.calls());
        assert_eq!(words.apply_batch([]).await?.len(), 0);
        assert_eq!((sim.fingerprint(), sim.calls()), (before, calls));
        assert_eq!(words.stats().last, Lsn::new(1));
        Ok(())
    })
}

#[test]
fn a_domain_error_in_the_middle_leaves_its_neighbours() -> Result {
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
        assert_eq!(words.words(), ["one", "two"], "it fails the same way on replay");
        assert_eq!(words.store().recovery().records, 3, "and is recorded like any other");
        Ok(())
    })
}

#[test]
fn nothing_comes_between_the_members_of_a_batch() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let words = open(folder.path()).await?;
        let tasks: Vec<_> = (0..16)
            .map(|task| {
                let words = words.clone();
                tokio::spawn(async move {
                    for _ in 0..10 {
                        words.apply_batch(pushes(&vec![task.to_string(); 7])).await?;
                    }
                    Ok::<_, walr::Error>(())
                })
            })
            .collect();
        for task in tasks {
            task.await??;
        }
        let all = words.words();
        assert!(all.chunks(7).all(|batch| batch.iter().all(|word| *word == batch[0])));
        drop(words);
        assert_eq!(open(folder.path()).await?.words(), all);
        Ok(())
    })
}

/// Opens what every file-system call of `write` may leave after a power cut, and checks the words that are found.
async fn crash_everywhere(write: impl AsyncFnOnce(Durable<Words>) -> Result, check: impl Fn(&[String])) -> Result {
    let sim = Sim::new();
    let words = options().segment_size(4096).open_on(sim.clone(), Words::default).await?;
    let images = Arc::new(Mutex::new(Vec::new()));
    let taken = images.clone();
    sim.observe(Some(Arc::new(move |sim: &Sim| {
        let mut images = taken.lock().unwrap();
        let seed = images.len() as u64;
        images.extend((0..8).map(|more| sim.crash(seed + more)));
    })));
    write(words).await?;
    sim.observe(None);
    let images = std::mem::take(&mut *images.lock().unwrap());
    assert!(images.len() > 50, "only {} images", images.len());
    for image in images {
        check(&words_in(&image).await?);
    }
    Ok(())
}

#[test]
fn after_a_crash_a_batch_is_whole_or_not_there() -> Result {
    run(async {
        let write = async |words: Durable<Words>| {
            for _ in 0..4 {
                words.apply_batch(pushes(&numbered(10))).await?;
            }
            // Larger than a segment.
            let long: Vec<String> = numbered(10).into_iter().map(|word| word + &"x".repeat(1000)).collect();
            words.apply_batch(pushes(&long)).await?;
            Ok(())
        };
        crash_everywhere(write, |words| {
            assert_eq!(words.len() % 10, 0, "half a batch: {words:?}");
            for batch in words.chunks(10) {
                assert!(batch.iter().zip(numbered(10)).all(|(there, pushed)| there.starts_with(&pushed)));
            }
        })
        .await
    })
}
