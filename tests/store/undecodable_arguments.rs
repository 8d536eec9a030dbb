//! An argument that can be encoded and not decoded fails its call: nothing is recorded, and later calls work. A type of which no
//! value can be decoded is refused at open instead.

use crate::common::{Result, in_tasks, run};
use serde::{Deserialize, Serialize};
use walr::{Durable, Error, Fate, Lsn, WalState};

/// A text that can be decoded if it has at most nine letters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Picky(pub(crate) String);

impl TryFrom<String> for Picky {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Picky, &'static str> {
        if text.len() > 9 { Err("the text is too long") } else { Ok(Picky(text)) }
    }
}

/// An enum with a variant that has no encoding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Partial {
    Text(String),
    #[serde(skip)]
    Skipped(String),
}

/// A struct that leaves a secret comment out of its encoding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Skipping {
    #[serde(skip_serializing_if = "is_secret")]
    comment: String,
    number: u64,
}

fn is_secret(text: &str) -> bool {
    text.starts_with("secret")
}

/// A list that can be decoded if it has at most one number.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Short(Vec<u64>);

impl Serialize for Short {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl<'de> Deserialize<'de> for Short {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Short, D::Error> {
        let numbers = Vec::<u64>::deserialize(from)?;
        match numbers.as_slice() {
            [_, _, ..] => Err(serde::de::Error::custom("more than one number")),
            _ => Ok(Short(numbers)),
        }
    }
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
    pub(crate) fn add_picky(&mut self, _at: u64, value: Picky) {
        self.lines.push(value.0);
    }

    #[mutation]
    pub(crate) fn add_partial(&mut self, value: Partial) {
        self.lines.push(format!("{value:?}"));
    }

    #[mutation]
    pub(crate) fn add_skipping(&mut self, value: Skipping) {
        self.lines.push(format!("{} {:?}", value.number, value.comment));
    }

    #[mutation]
    pub(crate) fn add_short(&mut self, value: &Short) {
        self.lines.push(format!("{value:?}"));
    }

    #[query]
    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.clone()
    }
}

/// Returns calls with arguments that can't be decoded, each with the name of its mutation.
fn undecodable_calls() -> Vec<(&'static str, LogLog)> {
    let secret = || "secret text".to_string();
    vec![
        ("add_picky", LogLog::AddPicky { _at: 1, value: Picky(secret()) }),
        ("add_partial", LogLog::AddPartial { value: Partial::Skipped(secret()) }),
        ("add_skipping", LogLog::AddSkipping { value: Skipping { comment: secret(), number: 7 } }),
        ("add_short", LogLog::AddShort { value: Short(vec![1, 2, 3]) }),
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
    assert!(message.starts_with(&format!("the argument `value` of `{mutation}`")), "{message}");
    assert!(!message.contains("secret"), "{message}");
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
        log.add_skipping(Skipping { comment: "public".into(), number: 7 }).await?;
        let before = log.lines();
        assert_eq!(before, ["7 \"public\""]);
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
                        _ => assert!(log.add_short(&Short(vec![1, 2])).await.is_err()),
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
