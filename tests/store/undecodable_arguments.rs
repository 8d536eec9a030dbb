//! Arguments that encode and don't decode: that one call fails, nothing is recorded, and the store goes on.

use std::collections::BTreeMap;

use crate::common::{Result, run};
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

/// The values that don't survive, each with the mutation that it is an argument of.
fn bad_values() -> Vec<(&'static str, LogLog)> {
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

/// That a call with a bad value is refused, and nothing is recorded.
async fn refused<T: std::fmt::Debug>(log: &Durable<Log>, mutation: &str, call: impl Future<Output = walr::Result<T>>) {
    let (lines, stats) = (log.lines(), log.stats());
    let error = call.await.expect_err(mutation);
    assert!(matches!(error, Error::Codec { .. }), "{mutation}: {error:?}");
    assert_eq!(error.fate(), Fate::NotRecorded);
    let told = error.to_string();
    assert!(told.contains(mutation) && !told.contains("secret"), "{told}");
    assert_eq!(log.lines(), lines);
    let now = log.stats();
    assert_eq!((now.last, now.records, now.log_bytes), (stats.last, stats.records, stats.log_bytes));
}

#[test]
fn each_is_refused_alone_and_the_store_goes_on() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let log = Durable::<Log>::open(folder.path()).await?;
        let mut added = 0;
        for (mutation, value) in bad_values() {
            refused(&log, mutation, log.apply(value)).await;
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
fn each_takes_its_batch_along() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let log = Durable::<Log>::open(folder.path()).await?;
        log.add("a line").await?;
        for (mutation, value) in bad_values() {
            let line = || LogLog::Add { line: "a neighbour".into() };
            for place in 0..3 {
                let mut batch = vec![line(), line()];
                batch.insert(place, value.clone());
                refused(&log, mutation, log.apply_batch(batch)).await;
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
fn the_same_types_work_where_their_value_survives() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let log = Durable::<Log>::open(folder.path()).await?;
        log.add_skipping(Skipping { comment: Some("there".into()), number: 7 }).await?;
        let before = log.lines();
        assert_eq!(before, ["7 Some(\"there\")"]);
        drop(log);
        assert_eq!(Durable::<Log>::open(folder.path()).await?.lines(), before);
        Ok(())
    })
}

#[test]
fn others_who_call_meanwhile_are_not_touched() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let log = Durable::<Log>::open(folder.path()).await?;
        let tasks: Vec<_> = (0..16)
            .map(|task| {
                let log = log.clone();
                tokio::spawn(async move {
                    for _ in 0..10 {
                        match task % 2 {
                            0 => drop(log.add("a line").await?),
                            _ => assert!(log.add_json(&json!([1])).await.is_err()),
                        }
                    }
                    Ok::<_, Error>(())
                })
            })
            .collect();
        for task in tasks {
            task.await??;
        }
        assert_eq!(log.lines(), vec!["a line"; 80]);
        Ok(())
    })
}
