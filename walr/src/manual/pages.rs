//! Reads the records of a replay ahead, on a thread of its own.

use std::sync::Arc;

use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::encoded::{EncodedLog, EncodedState};
use crate::commit::Core;
use crate::error::{Error, Result};
use crate::fs::{Throttle, WorkSignals, spawn};
use crate::lsn::Lsn;
use crate::panic::woken_quietly;
use crate::recovery::{self, LogSnapshot};

/// The most pages that are read ahead.
const AHEAD: usize = 2;

/// The LSN and the encoding of a log value.
pub(super) type EncodedRecord = (Lsn, Vec<u8>);

/// A message of the reading thread.
enum Page {
    /// The encoding of the checkpoint's state. Comes first, and once.
    State(Vec<u8>),
    Records(Vec<EncodedRecord>),
    /// The last page.
    End(Result<()>),
}

/// The pages of a replay, in order.
pub(super) struct Pages {
    pages: Receiver<Page>,
}

impl Pages {
    /// Starts the thread that reads the contents of `snapshot`, in pages of about `size` bytes. The drop ends the thread.
    pub(super) fn read(core: &Arc<Core<EncodedState>>, snapshot: LogSnapshot, size: usize) -> Result<Pages> {
        let (send, pages) = channel(AHEAD);
        let core = core.clone();
        spawn("walr-replay", Box::new(move || send_pages(&core, &snapshot, size, &send)))?;
        Ok(Pages { pages })
    }

    /// Returns the next page, or `None` if the thread ended early. A panic of the caller's waker doesn't reach the thread.
    async fn page(&mut self) -> Option<Page> {
        woken_quietly(self.pages.recv()).await
    }

    /// Returns the encoding of the state that the replay begins with.
    pub(super) async fn state(&mut self) -> Result<Vec<u8>> {
        match self.page().await {
            Some(Page::State(state)) => Ok(state),
            Some(Page::End(Err(error))) => Err(error),
            Some(Page::Records(_) | Page::End(Ok(()))) | None => Err(ended()),
        }
    }

    /// Returns the next records, or `None` after the last.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<EncodedRecord>>> {
        match self.page().await {
            Some(Page::Records(records)) => Ok(Some(records)),
            Some(Page::End(end)) => end.map(|()| None),
            Some(Page::State(_)) | None => Err(ended()),
        }
    }
}

fn ended() -> Error {
    Error::Thread { reason: "the replay's thread ended before the end of the log".to_string() }
}

fn send_pages(core: &Core<EncodedState>, snapshot: &LogSnapshot, size: usize, pages: &Sender<Page>) {
    let signals = WorkSignals::default();
    // The caller waits for each page.
    signals.unthrottle();
    let send = |page| {
        if pages.blocking_send(page).is_err() {
            // The caller has dropped the replay.
            signals.cancel();
        }
    };
    let (mut page, mut bytes) = (Vec::new(), 0);
    let begin = |state: EncodedState| send(Page::State(state.into_bytes()));
    let mut each = |lsn, entry: EncodedLog| {
        let log = entry.into_bytes();
        // The bytes of the list count too.
        bytes += log.len() + size_of::<EncodedRecord>();
        page.push((lsn, log));
        if bytes >= size {
            send(Page::Records(std::mem::take(&mut page)));
            bytes = 0;
        }
    };
    let end = recovery::read(&core.dir, &core.store, snapshot, &Throttle::background(&signals), begin, &mut each);
    if end.is_ok() && !page.is_empty() {
        send(Page::Records(page));
    }
    send(Page::End(end));
}
