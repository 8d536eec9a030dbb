//! The messages of errors that walr didn't make.

use std::error::Error;
use std::sync::Arc;

/// The error of a [`ReplayHandler`](crate::ReplayHandler), as text. Its sources are the messages of the original's sources.
///
/// The original isn't kept, because it need not be `Sync`.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct HandlerError {
    message: String,
    source: Option<Arc<HandlerError>>,
}

impl HandlerError {
    /// Copies the messages of `error` and its sources.
    pub(super) fn new(error: &dyn Error) -> HandlerError {
        let mut messages = messages(error);
        let innermost = HandlerError { message: messages.pop().unwrap_or_default(), source: None };
        messages
            .into_iter()
            .rfold(innermost, |source, message| HandlerError { message, source: Some(Arc::new(source)) })
    }
}

/// Joins the messages of `error` and its sources in one line.
pub(crate) fn in_one_line(error: &dyn Error) -> String {
    messages(error).join(": ")
}

/// Returns the messages of `error` and its sources, the outermost first. A message that the one before it contains is left
/// out: many errors repeat their source.
fn messages(error: &dyn Error) -> Vec<String> {
    let mut messages = vec![error.to_string()];
    let mut source = error.source();
    while let Some(error) = source {
        let message = error.to_string();
        if !messages.last().is_some_and(|before| before.contains(&message)) {
            messages.push(message);
        }
        source = error.source();
    }
    messages
}
