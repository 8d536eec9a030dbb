//! The replay of a `WAL`: the newest checkpoint, and the logs after it through the handler.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;

use super::WAL;
use super::pages::Pages;
use crate::codec;
use crate::commit::Request;
use crate::error::{Error, Result};
use crate::lsn::Lsn;

impl<Log, State> WAL<Log, State>
where
    Log: Serialize + DeserializeOwned,
    State: Default + Serialize + DeserializeOwned,
{
    /// Returns the state: the newest checkpoint, with the logs after it applied by the handler.
    ///
    /// The handler gets the logs in order, at most `iter_batch_size` at a time. If there were any, the state is then written as a
    /// [`checkpoint`](WAL::checkpoint).
    ///
    /// # Errors
    ///
    /// After an error the log is as it was.
    ///
    /// - [`Handler`](Error::Handler) if the handler failed, or kept its `Arc` of the state
    /// - [`Codec`](Error::Codec) and [`Schema`](Error::Schema) if the state or a log can't be decoded as these types
    /// - [`Io`](Error::Io) and [`Corrupt`](Error::Corrupt) if the log can't be read
    /// - the errors of [`checkpoint`](WAL::checkpoint)
    ///
    /// # Cancel safety
    ///
    /// A dropped replay leaves the log as it was, or as its checkpoint leaves it.
    pub async fn replay(&mut self) -> Result<State, Error> {
        self.settle().await?;
        let snapshot = self.front().ask(Request::Snapshot).await?;
        let behind = snapshot.checkpoint < snapshot.up_to;
        let mut pages = Pages::read(&self.front().core, snapshot, self.options.iter_chunk_size)?;
        let state = pages.state().await?;
        let state = codec::decode::<State>(&state).map_err(|reason| Error::Codec {
            what: std::any::type_name::<State>().to_string(),
            step: "decoded",
            reason,
        })?;
        let state = Arc::new(Mutex::new(state));
        let most = self.options.iter_batch_size.max(1);
        let mut logs = Vec::new();
        while let Some(records) = pages.next().await? {
            for (lsn, record) in records {
                logs.push(self.decode(lsn, &record)?);
                if logs.len() == most {
                    self.handle(std::mem::take(&mut logs), &state).await?;
                }
            }
        }
        if !logs.is_empty() {
            self.handle(logs, &state).await?;
        }
        let kept = |_| Error::handler(&HandlerKeptState);
        let state = Arc::try_unwrap(state).map_err(kept)?.into_inner();
        if behind {
            self.checkpoint(&state).await?;
        }
        Ok(state)
    }

    fn decode(&self, lsn: Lsn, record: &[u8]) -> Result<Log> {
        codec::decode(record).map_err(|reason| Error::Schema {
            path: self.front().core.dir.path.clone(),
            reason: format!(
                "the log of lsn {lsn} can't be decoded as a `{}`: {reason}; replay it with the type that it was logged as",
                std::any::type_name::<Log>()
            ),
        })
    }

    async fn handle(&self, logs: Vec<Log>, state: &Arc<Mutex<State>>) -> Result<()> {
        (self.replay_handler)(logs, state.clone()).await.map_err(|error| Error::handler(&*error))
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the handler kept a clone of the state's `Arc`")]
struct HandlerKeptState;
