//! Errors of handlers, and values that can't be decoded.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use walr::testing::Sim;
use walr::{Error, Fate, ReplayHandlerResult, WAL};

use crate::common::{Result, run};
use crate::journal::{Change, Journal, append, open, open_sim};

/// An error that is `Send` and not `Sync`: walr 0.1.6 asks for no more.
#[derive(Debug)]
struct ErrorWithCause(&'static str, std::marker::PhantomData<std::cell::Cell<u8>>, Option<Box<ErrorWithCause>>);

impl fmt::Display for ErrorWithCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for ErrorWithCause {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.2.as_deref().map(|cause| cause as _)
    }
}

fn failing(_: Vec<Change>, _: Arc<Mutex<Journal>>) -> ReplayHandlerResult {
    Box::pin(async {
        let layer = |text, cause| ErrorWithCause(text, std::marker::PhantomData, cause);
        let inner = layer("the index is gone", Some(Box::new(layer("no such file", None))));
        Err(Box::new(layer("can't apply", Some(Box::new(inner)))) as Box<dyn std::error::Error + Send>)
    })
}

#[test]
fn a_handlers_error_is_returned_with_its_whole_chain() -> Result {
    fn assert_send_and_sync<T: Send + Sync + 'static>(_: &T) {}
    run(async {
        let sim = Sim::new();
        open_sim(&sim).await?.log(&append("one")).await?;
        let mut wal: WAL<Change, Journal> = WAL::open_on(sim.clone(), Box::new(failing), None).await?;
        let error = wal.replay().await.expect_err("the handler's error was ignored");
        assert_send_and_sync(&error);
        assert!(format!("{error:?}").ends_with(": can't apply: the index is gone: no such file"), "{error:?}");
        let mut texts = Vec::new();
        let mut cause = std::error::Error::source(&error);
        while let Some(error) = cause {
            texts.push(error.to_string());
            cause = error.source();
        }
        assert_eq!(texts, ["can't apply", "the index is gone", "no such file"]);
        assert_eq!(error.fate(), Fate::NotRecorded);
        wal.log(&append("two")).await?;
        drop(wal);
        assert_eq!(open_sim(&sim).await?.replay().await?, ["one", "two"], "the failed replay wrote a checkpoint");
        Ok(())
    })
}

#[test]
fn a_handler_that_keeps_the_state_is_an_error() -> Result {
    run(async {
        let sim = Sim::new();
        let kept: Arc<std::sync::Mutex<Option<Arc<Mutex<Journal>>>>> = Arc::default();
        let keep = kept.clone();
        let handler = move |_: Vec<Change>, journal: Arc<Mutex<Journal>>| -> ReplayHandlerResult {
            if let Ok(mut keep) = keep.lock() {
                *keep = Some(journal);
            }
            Box::pin(async { Ok(()) })
        };
        let mut wal: WAL<Change, Journal> = WAL::open_on(sim.clone(), Box::new(handler), None).await?;
        wal.log(&append("one")).await?;
        let error = wal.replay().await.expect_err("the handler still holds the state");
        assert!(matches!(error, Error::Handler { .. }) && format!("{error:?}").contains("kept a clone"), "{error:?}");
        Ok(())
    })
}

#[derive(Default, Serialize, Deserialize)]
#[serde(untagged)]
enum Unreadable {
    #[default]
    Nothing,
    Something(String),
}

fn ignore<L, S>(_: Vec<L>, _: Arc<Mutex<S>>) -> ReplayHandlerResult {
    Box::pin(async { Ok(()) })
}

#[test]
fn an_undecodable_log_or_state_is_refused() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("logs");
        let mut wal: WAL<Unreadable, Journal> = WAL::open(&path, Box::new(ignore), None).await?;
        let error = wal.log(&Unreadable::Something("x".into())).await.expect_err("an undecodable log was recorded");
        assert!(matches!(error, Error::Codec { .. }) && error.to_string().contains("Unreadable"), "{error}");
        assert_eq!((wal.size, wal.replay().await?), (0, Journal::new()));
        drop(wal);
        // A refused first state leaves the folder unlocked and without a store.
        let path = folder.path().join("states");
        let refused = WAL::<Change, Unreadable>::open(&path, Box::new(ignore), None).await.map(drop);
        assert!(matches!(refused, Err(Error::Codec { .. })), "{refused:?}");
        open(&path).await?.log(&append("one")).await?;
        let mut wal: WAL<Change, Unreadable> = WAL::open(&path, Box::new(ignore), None).await?;
        assert!(matches!(wal.checkpoint(&Unreadable::Nothing).await, Err(Error::Codec { .. })));
        assert!(matches!(wal.replay().await.map(drop), Err(Error::Codec { .. })));
        drop(wal);
        assert_eq!(open(&path).await?.replay().await?, ["one"]);
        Ok(())
    })
}

#[test]
fn a_log_of_another_type_is_refused_with_its_lsn() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        open(folder.path()).await?.log_many(&[append("one"), append("two")]).await?;
        let mut other: WAL<BTreeMap<u64, u64>, Journal> = WAL::open(folder.path(), Box::new(ignore), None).await?;
        let error = other.replay().await.expect_err("logs of another type were replayed");
        assert!(matches!(error, Error::Schema { .. }) && error.to_string().contains("lsn 1 "), "{error}");
        drop(other);
        assert_eq!(open(folder.path()).await?.replay().await?, ["one", "two"]);
        Ok(())
    })
}
