//! States that encode and don't decode: refused when the store is created, and later it is the checkpoint that fails, while
//! the log keeps everything.

use crate::common::{Result, block_on, eventually, files_with, run};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use walr::{CheckpointPolicy, Durable, Error, Lsn, WalState};

/// Survives as long as no value is in it.
#[derive(Default, Serialize, Deserialize, WalState)]
pub(crate) struct Values {
    values: Vec<Value>,
}

#[walr::mutations]
impl Values {
    #[mutation]
    pub(crate) fn parse(&mut self, text: &str) -> Result<usize, String> {
        self.values.push(serde_json::from_str(text).map_err(|error| error.to_string())?);
        Ok(self.values.len())
    }

    #[mutation]
    pub(crate) fn pop(&mut self) {
        self.values.pop();
    }

    #[query]
    pub(crate) fn values(&self) -> Vec<Value> {
        self.values.clone()
    }
}

#[test]
fn a_first_state_that_does_not_decode_is_refused() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let first = || Values { values: vec![json!("secret text")] };
        let error = Durable::options().open_with(folder.path(), first).await.expect_err("it can't be read back");
        assert!(matches!(error, Error::Codec { .. }), "{error:?}");
        let told = error.to_string();
        assert!(told.contains("Values") && !told.contains("secret"), "{told}");
        // Nothing is in the way of a better one.
        let values = Durable::<Values>::open(folder.path()).await?;
        assert!(values.store().recovery().created);
        assert_eq!(values.parse("1").await?, Ok(1));
        Ok(())
    })
}

#[test]
fn a_state_that_stopped_decoding_fails_its_checkpoints_and_loses_nothing() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let values = Durable::<Values>::open(folder.path()).await?;
        assert_eq!(values.parse("{\"a\": 1}").await?, Ok(1));
        for _ in 0..3 {
            let error = values.checkpoint().await.expect_err("it can't be read back");
            assert!(matches!(error, Error::Codec { .. }), "{error:?}");
        }
        assert!(matches!(values.stats().checkpoint_error, Some(Error::Codec { .. })));
        assert_eq!(values.parse("[2]").await?, Ok(2), "the store goes on");
        let closed = values.close().await;
        let Err(Error::NoCheckpoint { cause }) = closed else { panic!("the close says so, and closes: {closed:?}") };
        assert!(matches!(*cause, Error::Codec { .. }), "{cause:?}");
        assert!(matches!(values.parse("3").await, Err(Error::Closed)));
        drop(values);

        let values = Durable::<Values>::open(folder.path()).await?;
        assert_eq!(values.values(), [json!({"a": 1}), json!([2])], "the log has it all");
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
        assert_eq!(block_on(values.parse("\"a value of some length\"")).unwrap(), Ok(count));
        values.stats().checkpoint_error.is_some()
    });
    drop(values);
    assert_eq!(block_on(Durable::<Values>::open(folder.path()))?.values().len(), count);
    Ok(())
}
