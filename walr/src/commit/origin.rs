//! Where a checkpoint takes the state from, and how it is written from there.

use std::io::{self, Write};

use tokio::sync::oneshot;

use super::queue::Request;
use super::rebuild::Lost;
use super::{Committer, Core};
use crate::checkpoint;
use crate::codec::{self, StreamError, Tokens};
use crate::error::{Error, Result};
use crate::fs::Throttle;
use crate::lsn::{Lsn, Position};
use crate::options::Durability;
use crate::panic::{self, drop_quietly};
use crate::recovery::{LogSnapshot, rebuild};
use crate::schema::state::{Recorded, WalState};

/// A checkpoint's LSN and its file's length.
pub(crate) type Done = Result<(Lsn, u64)>;

/// Where a checkpoint takes the state from.
pub(super) enum Origin<S> {
    /// The live state, under the read lock until it is written.
    Live,
    /// The live state, under the read lock until it is encoded in memory; a replay if the encoding would take more than `most` bytes.
    Encoded { most: usize },
    /// A clone of the live state.
    Copy(fn(&S) -> S),
    /// A state of its own, built from disk: the live one isn't touched.
    Replay(LogSnapshot),
    /// The caller's own, as of this LSN.
    Given(S, Lsn),
}

/// What a checkpoint wants of the log while it is written.
pub(super) trait CheckpointLog {
    /// Makes the log durable.
    fn sync(&mut self) -> Result<()>;
    /// Makes the log durable, and says where it stands.
    fn snapshot(&mut self) -> Result<LogSnapshot>;
}

/// On the writer's thread.
impl<S: WalState> CheckpointLog for Committer<S> {
    fn sync(&mut self) -> Result<()> {
        Committer::sync(self).map(drop)
    }

    fn snapshot(&mut self) -> Result<LogSnapshot> {
        Committer::snapshot(self)
    }
}

/// On a thread beside the writer, which is asked for everything.
pub(super) struct ViaWriter<'a, S: Recorded>(pub(super) &'a Core<S>);

impl<S: Recorded> ViaWriter<'_, S> {
    /// Asks the writer for something, and waits for the answer.
    pub(super) fn ask<T>(&self, request: impl FnOnce(oneshot::Sender<T>) -> Request<S>) -> Result<T> {
        let (answer, answered) = oneshot::channel();
        let ended = || Error::Thread { reason: "the writer has ended".to_string() };
        self.0.queue.request(request(answer)).map_err(|_| ended())?;
        answered.blocking_recv().map_err(|_| ended())
    }
}

impl<S: Recorded> CheckpointLog for ViaWriter<'_, S> {
    fn sync(&mut self) -> Result<()> {
        self.ask(Request::Sync)?.map(drop)
    }

    fn snapshot(&mut self) -> Result<LogSnapshot> {
        self.ask(Request::Snapshot)?
    }
}

/// Writes, checks and names a checkpoint. A panic of the state's own code is an error, and after an error nothing unfinished stays.
pub(super) fn write<S: WalState>(core: &Core<S>, from: Origin<S>, log: &mut dyn CheckpointLog) -> Done {
    let failed = |message| Error::Thread { reason: format!("the checkpoint panicked: {message}") };
    let done = panic::catch(|| write_unguarded(core, from, log)).unwrap_or_else(|message| Err(failed(message)));
    if done.is_err() {
        checkpoint::remove_unfinished(&core.dir);
    }
    done
}

/// Writes and names a checkpoint of a clone of the live state, as the thread does under `Sync`, whatever the writer does.
#[cfg(test)]
pub(crate) fn write_beside<S: WalState>(core: &Core<S>, copy: fn(&S) -> S) -> Done {
    write(core, Origin::Copy(copy), &mut ViaWriter(core))
}

fn write_unguarded<S: WalState>(core: &Core<S>, from: Origin<S>, log: &mut dyn CheckpointLog) -> Done {
    let throttle = match from {
        Origin::Live | Origin::Given(..) => Throttle::off(),
        _ => Throttle::background(&core.checkpoint),
    };
    let put = |state: &S, lsn| checkpoint::write(&core.dir, &core.store, lsn, Position::default(), state, &throttle);
    // What is written of a state of the checkpoint's own goes when it is written.
    let put_own = |state: S, lsn| {
        let written = put(&state, lsn);
        drop_quietly(state);
        written
    };
    let from_replay = |snapshot: &LogSnapshot| {
        let state = rebuild(&core.dir, &core.store, snapshot, None, &throttle)?;
        put_own(state, snapshot.up_to)
    };
    let written = match from {
        Origin::Live => {
            let live = core.look();
            put(live.state.as_ref().map_err(Lost::error)?, live.lsn)?
        }
        Origin::Encoded { most } => match encoded(core, most)? {
            Some((bytes, tokens, lsn)) => checkpoint::write_encoded::<S>(
                &core.dir,
                &core.store,
                lsn,
                Position::default(),
                (&bytes, tokens),
                &throttle,
            )?,
            None => from_replay(&log.snapshot()?)?,
        },
        Origin::Copy(copy) => {
            let live = core.look();
            let (state, lsn) = (copy(live.state.as_ref().map_err(Lost::error)?), live.lsn);
            drop(live);
            put_own(state, lsn)?
        }
        Origin::Replay(snapshot) => from_replay(&snapshot)?,
        Origin::Given(state, lsn) => put_own(state, lsn)?,
    };
    let written = written.sync(&core.dir)?;
    drop_quietly(written.read_back::<S>(&core.dir, &core.store, &throttle)?);
    if core.config.durability != Durability::Sync {
        // Under `Sync` nothing is applied that isn't durable.
        log.sync()?;
    }
    let (lsn, bytes) = (written.lsn, written.bytes);
    written.commit(&core.dir)?;
    Ok((lsn, bytes))
}

/// Encodes the live state under the read lock; `None` if that would take more than `most` bytes.
fn encoded<S: WalState>(core: &Core<S>, most: usize) -> Result<Option<(Vec<u8>, Tokens, Lsn)>> {
    let live = core.look();
    let mut bytes = Bounded { bytes: Vec::new(), most, is_full: false };
    match codec::encode_to(live.state.as_ref().map_err(Lost::error)?, &mut bytes) {
        Ok(tokens) => Ok(Some((bytes.bytes, tokens, live.lsn))),
        Err(_) if bytes.is_full => Ok(None),
        Err(StreamError::Io(e)) => {
            Err(Error::Codec { what: S::NAME.to_string(), step: "encoded", reason: e.to_string() })
        }
        Err(StreamError::Codec(refusal)) => Err(refusal.of_state(S::NAME)),
    }
}

/// Bytes in memory, up to so many.
struct Bounded {
    bytes: Vec<u8>,
    most: usize,
    is_full: bool,
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len().saturating_add(bytes.len()) > self.most {
            self.is_full = true;
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
