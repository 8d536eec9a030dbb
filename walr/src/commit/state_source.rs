//! The sources of a checkpoint's state, and how a checkpoint is written from them.

use std::io::{self, Write};

use super::core::Core;
use super::rebuild::Lost;
use crate::checkpoint;
use crate::codec::{self, StreamError, Tokens};
use crate::error::{Error, Result};
use crate::fs::Throttle;
use crate::lsn::{Lsn, Position};
use crate::panic::{self, drop_quietly};
use crate::recovery::{LogSnapshot, rebuild};
use crate::schema::state::WalState;

/// A checkpoint's LSN and its file's length.
pub(crate) type Done = Result<(Lsn, u64)>;

/// The source of a checkpoint's state, which is as of a published LSN.
pub(crate) enum StateSource<S> {
    /// The live state, under the read lock until it is written.
    Live,
    /// The live state, under the read lock until it is encoded in memory; a replay if the encoding takes more than `most` bytes.
    Encoded { most: usize },
    /// A clone of the live state.
    Copy(fn(&S) -> S),
    /// A second state, built from disk. The live state isn't touched.
    Replay,
    /// A state of the caller, as of this LSN.
    Given(S, Lsn),
}

/// Writes, checks and names a checkpoint. A panic of the state's own code is an error. After an error no unfinished file remains.
pub(crate) fn write<S: WalState>(core: &Core<S>, source: StateSource<S>) -> Done {
    let failed = |message| Error::Thread { reason: format!("the checkpoint panicked: {message}") };
    let done = panic::catch(|| write_unguarded(core, source)).unwrap_or_else(|message| Err(failed(message)));
    if done.is_err() {
        checkpoint::remove_unfinished(&core.dir);
    }
    done
}

fn write_unguarded<S: WalState>(core: &Core<S>, source: StateSource<S>) -> Done {
    let throttle = match source {
        StateSource::Live | StateSource::Given(..) => Throttle::off(),
        _ => Throttle::background(&core.checkpoint),
    };
    let position = Position::default();
    let put = |state: &S, lsn| checkpoint::write(&core.dir, &core.store, lsn, position, state, &throttle);
    // A state that only the checkpoint uses is dropped as soon as it is written.
    let put_own = |state: S, lsn| {
        let written = put(&state, lsn);
        drop_quietly(state);
        written
    };
    let from_replay = |snapshot: LogSnapshot| {
        let state = rebuild(&core.dir, &core.store, &snapshot, None, &throttle)?;
        put_own(state, snapshot.up_to)
    };
    let written = match source {
        StateSource::Live => {
            let live = core.look();
            put(live.state.as_ref().map_err(Lost::error)?, live.lsn)?
        }
        StateSource::Encoded { most } => match encoded(core, most)? {
            Some((bytes, tokens, lsn)) => {
                checkpoint::write_encoded::<S>(&core.dir, &core.store, lsn, position, (&bytes, tokens), &throttle)?
            }
            None => from_replay(snapshot(core)?)?,
        },
        StateSource::Copy(copy) => {
            let live = core.look();
            let (state, lsn) = (copy(live.state.as_ref().map_err(Lost::error)?), live.lsn);
            drop(live);
            put_own(state, lsn)?
        }
        StateSource::Replay => from_replay(snapshot(core)?)?,
        StateSource::Given(state, lsn) => put_own(state, lsn)?,
    };
    let written = written.sync(&core.dir)?;
    drop_quietly(written.read_back::<S>(&core.dir, &core.store, &throttle)?);
    // The log must be durable up to where it stood when the state was taken. A record below the state's LSN may be aborted above it, and
    // without that abort the next open couldn't continue from an older checkpoint.
    core.log.lock().sync()?;
    let (lsn, bytes) = (written.lsn, written.bytes);
    written.commit(&core.dir)?;
    Ok((lsn, bytes))
}

fn snapshot<S: WalState>(core: &Core<S>) -> Result<LogSnapshot> {
    core.log.lock().snapshot()
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
