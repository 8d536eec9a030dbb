//! States that encode and don't decode: refused when the store is created, and later it is the checkpoint that fails, while
//! the log keeps everything.

use crate::common::{Result, block_on, eventually, files_with, run};
use serde::{Deserialize, Serialize};
use walr::{CheckpointPolicy, Durable, Error, Lsn, WalState};

/// Reads only some of the texts that it writes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Picky(String);

impl TryFrom<String> for Picky {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Picky, &'static str> {
        if text.len() > 9 { Err("it is too long") } else { Ok(Picky(text)) }
    }
}

/// Survives as long as no long text is in it.
#[derive(Default, Serialize, Deserialize, WalState)]
pub(crate) struct Values {
    calls: u64,
    values: Vec<Picky>,
}

#[walr::mutations]
impl Values {
    #[mutation]
    pub(crate) fn push(&mut self, text: &str) -> usize {
        self.calls += 1;
        self.values.push(Picky(text.to_string()));
        self.values.len()
    }

    #[mutation]
    pub(crate) fn pop(&mut self) {
        self.values.pop();
    }

    #[query]
    pub(crate) fn values(&self) -> Vec<Picky> {
        self.values.clone()
    }
}

#[test]
fn a_first_state_that_does_not_decode_is_refused() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let first = || Values { calls: 0, values: vec![Picky("secret text".into())] };
        let error = Durable::options().open_with(folder.path(), first).await.expect_err("it can't be read back");
        assert!(matches!(error, Error::Codec { .. }), "{error:?}");
        let told = error.to_string();
        assert!(told.contains("`Values.values`") && !told.contains("secret"), "{told}");
        // Nothing is in the way of a better one.
        let values = Durable::<Values>::open(folder.path()).await?;
        assert!(values.store().recovery().created);
        assert_eq!(values.push("1").await?, 1);
        Ok(())
    })
}

#[test]
fn a_state_that_stopped_decoding_fails_its_checkpoints_and_loses_nothing() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let values = Durable::<Values>::open(folder.path()).await?;
        assert_eq!(values.push("one long text").await?, 1);
        for _ in 0..3 {
            let error = values.checkpoint().await.expect_err("it can't be read back");
            assert!(matches!(error, Error::Codec { .. }), "{error:?}");
        }
        assert!(matches!(values.stats().checkpoint_error, Some(Error::Codec { .. })));
        assert_eq!(values.push("another long text").await?, 2, "the store goes on");
        let closed = values.close().await;
        let Err(Error::NoCheckpoint { cause }) = closed else { panic!("the close says so, and closes: {closed:?}") };
        assert!(matches!(*cause, Error::Codec { .. }), "{cause:?}");
        assert!(matches!(values.push("3").await, Err(Error::Closed)));
        drop(values);

        let values = Durable::<Values>::open(folder.path()).await?;
        assert_eq!(
            values.values(),
            [Picky("one long text".into()), Picky("another long text".into())],
            "the log has it all"
        );
        assert_eq!(values.store().recovery().records, 2);
        assert!(files_with(folder.path(), ".tmp")?.is_empty());

        // Once it decodes again, a checkpoint is written again.
        values.pop().await?;
        values.pop().await?;
        assert_eq!(values.checkpoint().await?, Lsn::new(4));
        assert!(values.stats().checkpoint_error.is_none());
        values.close().await?;
        Ok(())
    })
}

#[test]
fn automatic_checkpoints_that_fail_are_reported_and_writers_go_on() -> Result {
    let _watchdog = crate::common::Watchdog::new();
    let folder = tempfile::tempdir()?;
    let policy = CheckpointPolicy::LogBytes { ratio: 0.0, floor: 4096 };
    let values = block_on(Durable::<Values>::options().checkpoint(policy).open(folder.path()))?;
    let mut count = 0;
    eventually(|| {
        count += 1;
        assert_eq!(block_on(values.push("a value of some length")).unwrap(), count);
        values.stats().checkpoint_error.is_some()
    });
    drop(values);
    assert_eq!(block_on(Durable::<Values>::open(folder.path()))?.values().len(), count);
    Ok(())
}
