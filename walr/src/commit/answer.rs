//! What a call is answered.

use tokio::sync::oneshot;

use super::queue::send;
use crate::error::{Error, Result};
use crate::panic::Quiet;
use crate::schema::state::Recorded;

/// The result of a call of one record.
pub(crate) type OneResult<S> = Result<Quiet<<S as Recorded>::Outcome>>;
/// The result of a batch.
pub(crate) type BatchResult<S> = Result<Vec<Quiet<<S as Recorded>::Outcome>>>;

/// What a call will be answered, once nothing of its group can be rolled back.
pub(super) enum Answer<S: Recorded> {
    One(oneshot::Sender<OneResult<S>>, OneResult<S>),
    Many(oneshot::Sender<BatchResult<S>>, BatchResult<S>),
}

impl<S: Recorded> Answer<S> {
    pub(super) fn give(self) {
        match self {
            Answer::One(answer, result) => send(answer, result),
            Answer::Many(answer, results) => send(answer, results),
        }
    }

    pub(super) fn fail(self, error: Error) {
        match self {
            Answer::One(answer, _) => send(answer, Err(error)),
            Answer::Many(answer, _) => send(answer, Err(error)),
        }
    }
}
