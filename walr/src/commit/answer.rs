//! What a call is answered.

use tokio::sync::oneshot;

use super::queue::send;
use crate::error::{Error, Result};
use crate::panic::drop_quietly;
use crate::schema::state::Recorded;

/// What a call will be answered, once nothing of its group can be taken back.
pub(super) enum Answer<S: Recorded> {
    One(oneshot::Sender<Result<S::Outcome>>, Result<S::Outcome>),
    Many(oneshot::Sender<Result<Vec<S::Outcome>>>, Result<Vec<S::Outcome>>),
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
            Answer::One(answer, result) => {
                drop_quietly(result);
                Answer::<S>::One(answer, Err(error)).give();
            }
            Answer::Many(answer, results) => {
                drop_quietly(results);
                Answer::<S>::Many(answer, Err(error)).give();
            }
        }
    }
}
