//! An argument that can be encoded and not decoded fails its call: nothing is recorded, and later calls work.

use std::collections::BTreeMap;

use crate::common::{Result, in_tasks, run};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use walr::{Durable, Error, Fate, Lsn, WalState};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Untagged {
    Number(u64),
    Text(String),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind")]
pub(crate) enum Tagged {
    Number { number: u64 },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Skipping {
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
    number: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Flat {
    #[serde(flatten)]
    more: BTreeMap<String, u64>,
}

#[derive(Default, Serialize, Deserialize, WalState)]
pub(crate) struct Log {
    lines: Vec<String>,
}

#[walr::mutations]
impl Log {
    #[mutation]
    pub(crate) fn add(&mut self, line: &str) -> usize {
        self.lines.push(line.to_string());
        self.lines.len()
    }

    #[mutation]
    pub(crate) fn add_json(&mut self, value: &Value) {
        self.lines.push(value.to_string());
    }

    #[mutation]
    pub(crate) fn add_untagged(&mut self, value: Untagged) {
        self.lines.push(format!("{value:?}"));
    }

    #[mutation]
    pub(crate) fn add_tagged(&mut self, value: Tagged) {
        self.lines.push(format!("{value:?}"));
    }

    #[mutation]
    pub(crate) fn add_skipping(&mut self, value: Skipping) {
        self.lines.push(format!("{} {:?}", value.number, value.comment));
    }

    #[mutation]
    pub(crate) fn add_flat(&mut self, value: Flat) {
        self.lines.push(format!("{value:?}"));
    }

    #[query]
    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.clone()
    }
}

/// Returns calls with arguments that can't be decoded, each with the name of its mutation.
fn undecodable_calls() -> Vec<(&'static str, LogLog)> {
    let json = |value| ("add_json", LogLog::AddJson { value });
    vec![
        json(json!({"a": [1, 2.5, null]})),
        json(json!("secret text")),
        json(json!(7)),
        json(Value::Null),
        ("add_untagged", LogLog::AddUntagged { value: Untagged::Number(1) }),
        ("add_untagged", LogLog::AddUntagged { value: Untagged::Text("secret text".into()) }),
        ("add_tagged", LogLog::AddTagged { value: Tagged::Number { number: 1 } }),
        ("add_skipping", LogLog::AddSkipping { value: Skipping { comment: None, number: 7 } }),
        ("add_flat", LogLog::AddFlat { value: Flat { more: BTreeMap::from([("secret text".into(), 1)]) } }),
    ]
}

/// Asserts that a call is refused, and that nothing is recorded.
async fn assert_refused<T: std::fmt::Debug>(
    log: &Durable<Log>,
    mutation: &str,
    call: impl Future<Output = walr::Result<T>>,
) {
    let (lines, stats) = (log.lines(), log.stats());
    let error = call.await.expect_err(mutation);
    assert!(matches!(error, Error::Codec { .. }), "{mutation}: {error:?}");
    assert_eq!(error.fate(), Fate::NotRecorded);
    let message = error.to_string();
    assert!(message.contains(mutation) && !message.contains("secret"), "{message}");
    assert_eq!(log.lines(), lines);
    let now = log.stats();
    assert_eq!((now.last, now.records, now.log_bytes), (stats.last, stats.records, stats.log_bytes));
}

#[test]
fn a_call_with_an_undecodable_argument_is_refused_and_later_calls_work() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let log = Durable::<Log>::open(folder.path()).await?;
        let mut added = 0;
        for (mutation, value) in undecodable_calls() {
            assert_refused(&log, mutation, log.apply(value)).await;
            added += 1;
            assert_eq!(log.add("a line").await?, added);
        }
        drop(log);
        let log = Durable::<Log>::open(folder.path()).await?;
        assert_eq!(log.lines(), vec!["a line"; added]);
        Ok(())
    })
}

#[test]
fn an_undecodable_argument_fails_its_whole_batch() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let log = Durable::<Log>::open(folder.path()).await?;
        log.add("a line").await?;
        for (mutation, value) in undecodable_calls() {
            let line = || LogLog::Add { line: "a neighbour".into() };
            for place in 0..3 {
                let mut batch = vec![line(), line()];
                batch.insert(place, value.clone());
                assert_refused(&log, mutation, log.apply_batch(batch)).await;
            }
        }
        assert_eq!(log.add("a line").await?, 2);
        assert_eq!(log.stats().last, Lsn::new(2));
        drop(log);
        assert_eq!(Durable::<Log>::open(folder.path()).await?.lines(), vec!["a line"; 2]);
        Ok(())
    })
}

#[test]
fn a_decodable_value_of_the_same_type_is_accepted() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let log = Durable::<Log>::open(folder.path()).await?;
        log.add_skipping(Skipping { comment: Some("present".into()), number: 7 }).await?;
        let before = log.lines();
        assert_eq!(before, ["7 Some(\"present\")"]);
        drop(log);
        assert_eq!(Durable::<Log>::open(folder.path()).await?.lines(), before);
        Ok(())
    })
}

#[test]
fn calls_at_the_same_time_as_refused_ones_are_done() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let log = Durable::<Log>::open(folder.path()).await?;
        in_tasks(16, |task| {
            let log = log.clone();
            async move {
                for _ in 0..10 {
                    match task % 2 {
                        0 => drop(log.add("a line").await?),
                        _ => assert!(log.add_json(&json!([1])).await.is_err()),
                    }
                }
                Ok::<_, Error>(())
            }
        })
        .await?;
        assert_eq!(log.lines(), vec!["a line"; 80]);
        Ok(())
    })
}
