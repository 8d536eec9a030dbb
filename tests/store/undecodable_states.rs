//! A state that can be encoded and not decoded: a new store is refused, and in an existing store only the checkpoint fails,
//! while the log keeps everything.

use crate::common::{Result, Watchdog, assert_closed, block_on, eventually, files_with, run};
use crate::undecodable_arguments::Picky;
use serde::{Deserialize, Serialize};
use walr::{CheckpointPolicy, Durable, Error, Lsn, WalState};

/// A state that can be decoded while it holds no long text.
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
fn an_undecodable_first_state_is_refused() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let first = || Values { calls: 0, values: vec![Picky("secret text".into())] };
        let error = Durable::options().open_with(folder.path(), first).await.expect_err("the state was accepted");
        assert!(matches!(error, Error::Codec { .. }), "{error:?}");
        let message = error.to_string();
        assert!(message.contains("`Values.values`") && !message.contains("secret"), "{message}");
        // The folder can still be opened with another first state.
        let values = Durable::<Values>::open(folder.path()).await?;
        assert!(values.store().recovery().created);
        assert_eq!(values.push("1").await?, 1);
        Ok(())
    })
}

#[test]
fn an_undecodable_state_fails_its_checkpoints_and_loses_nothing() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let values = Durable::<Values>::open(folder.path()).await?;
        assert_eq!(values.push("one long text").await?, 1);
        for _ in 0..3 {
            let error = values.checkpoint().await.expect_err("the checkpoint was written");
            assert!(matches!(error, Error::Codec { .. }), "{error:?}");
        }
        assert!(matches!(values.stats().checkpoint_error, Some(Error::Codec { .. })));
        assert_eq!(values.push("another long text").await?, 2, "mutations work");
        let closed = values.close().await;
        let Err(Error::NoCheckpoint { cause }) = closed else { panic!("{closed:?}") };
        assert!(matches!(*cause, Error::Codec { .. }), "{cause:?}");
        assert_closed(values.push("3").await);
        drop(values);

        let values = Durable::<Values>::open(folder.path()).await?;
        assert_eq!(
            values.values(),
            [Picky("one long text".into()), Picky("another long text".into())],
            "the log holds everything"
        );
        assert_eq!(values.store().recovery().records, 2);
        assert!(files_with(folder.path(), ".tmp")?.is_empty());

        // Without the long texts the state can be decoded, and a checkpoint is written.
        values.pop().await?;
        values.pop().await?;
        assert_eq!(values.checkpoint().await?, Lsn::new(4));
        assert!(values.stats().checkpoint_error.is_none());
        values.close().await?;
        Ok(())
    })
}

#[test]
fn a_failing_automatic_checkpoint_is_reported_and_mutations_work() -> Result {
    let _watchdog = Watchdog::new();
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
