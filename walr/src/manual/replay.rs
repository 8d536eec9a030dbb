//! The replay: the newest checkpoint, and the logs above it through the handler.

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
    /// The state: that of the newest checkpoint, with the logs above it applied by the handler, in order and at most
    /// `iter_batch_size` at a time. If there were any, the state is then written as a [`checkpoint`](WAL::checkpoint).
    ///
    /// # Errors
    ///
    /// [`Handler`](Error::Handler) if the handler failed, or kept its `Arc` of the state; [`Codec`](Error::Codec) and
    /// [`Schema`](Error::Schema) if the state or a log can't be decoded as these types; [`Io`](Error::Io) and
    /// [`Corrupt`](Error::Corrupt) where the log can't be read any more; and what `checkpoint` returns. The log is as it was
    /// after any of them.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it leaves the log as it was, or as the checkpoint at its end does.
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
        let kept = |_| Error::handler(&Kept);
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
                "lsn {lsn} isn't the encoding of a `{}`: {reason}; replay it with the type that it was logged as",
                std::any::type_name::<Log>()
            ),
        })
    }

    async fn handle(&self, logs: Vec<Log>, state: &Arc<Mutex<State>>) -> Result<()> {
        (self.replay_handler)(logs, state.clone()).await.map_err(|error| Error::handler(&*error))
    }
}

#[derive(Debug, thiserror::Error)]
#[error("it kept a clone of the state's `Arc`, so that the state can't be handed back")]
struct Kept;
