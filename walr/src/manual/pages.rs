//! The records of a replay, read ahead on a thread of its own, a page at a time.

use std::sync::Arc;

use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::encoded::{Encoded, Entry};
use crate::commit::Core;
use crate::error::{Error, Result};
use crate::fs::spawn;
use crate::lsn::Lsn;
use crate::pace::{Pace, Signals};
use crate::panic::woken_quietly;
use crate::recovery::{self, Snapshot};

/// How many pages may wait to be taken.
const AHEAD: usize = 2;

/// One log value's LSN and encoding.
pub(super) type Record = (Lsn, Vec<u8>);

/// What the thread sends.
enum Page {
    /// What the checkpoint holds: first, and once.
    State(Vec<u8>),
    Records(Vec<Record>),
    /// There is no more.
    End(Result<()>),
}

/// A replay's records, as they come.
pub(super) struct Pages {
    pages: Receiver<Page>,
}

impl Pages {
    /// Begins to read what `snapshot` holds, in pages of about `size` bytes. The thread ends when this is dropped.
    pub(super) fn read(core: &Arc<Core<Encoded>>, snapshot: Snapshot, size: usize) -> Result<Pages> {
        let (send, pages) = channel(AHEAD);
        let core = core.clone();
        spawn("walr-replay", Box::new(move || send_pages(&core, &snapshot, size, &send)))?;
        Ok(Pages { pages })
    }

    /// The next page; `None` where the thread has ended early. It isn't for the thread what a waker does.
    async fn page(&mut self) -> Option<Page> {
        woken_quietly(self.pages.recv()).await
    }

    /// The encoding of the state that the replay begins with.
    pub(super) async fn state(&mut self) -> Result<Vec<u8>> {
        match self.page().await {
            Some(Page::State(state)) => Ok(state),
            Some(Page::End(Err(error))) => Err(error),
            Some(Page::Records(_) | Page::End(Ok(()))) | None => Err(ended()),
        }
    }

    /// The next records; `None` behind the last.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<Record>>> {
        match self.page().await {
            Some(Page::Records(records)) => Ok(Some(records)),
            Some(Page::End(end)) => end.map(|()| None),
            Some(Page::State(_)) | None => Err(ended()),
        }
    }
}

fn ended() -> Error {
    Error::Thread { reason: "the replay's thread ended before the log's end".to_string() }
}

fn send_pages(core: &Core<Encoded>, snapshot: &Snapshot, size: usize, pages: &Sender<Page>) {
    let signals = Signals::default();
    // Somebody waits for it.
    signals.hurry();
    let send = |page| {
        if pages.blocking_send(page).is_err() {
            // Nobody waits for it any more.
            signals.stop();
        }
    };
    let (mut page, mut bytes) = (Vec::new(), 0);
    let begin = |state: Encoded| send(Page::State(state.into_bytes()));
    let mut each = |lsn, entry: Entry| {
        let log = entry.into_bytes();
        // A record takes memory beside its bytes.
        bytes += log.len() + size_of::<Record>();
        page.push((lsn, log));
        if bytes >= size {
            send(Page::Records(std::mem::take(&mut page)));
            bytes = 0;
        }
    };
    let end = recovery::read(&core.dir, &core.store, snapshot, &Pace::gentle(&signals), begin, &mut each);
    if end.is_ok() && !page.is_empty() {
        send(Page::Records(page));
    }
    send(Page::End(end));
}
