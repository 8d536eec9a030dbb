//! Errors as texts.

use std::error::Error;
use std::sync::Arc;

/// The text of an error that may not go everywhere, with its causes' texts as sources.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{text}")]
pub struct Told {
    text: String,
    source: Option<Arc<Told>>,
}

impl Told {
    /// The texts of `error` and its causes. A cause whose text stands in the one above it is left out.
    pub(super) fn by(error: &dyn Error) -> Told {
        let mut above = error.to_string();
        let mut chain = Vec::new();
        let mut cause = error.source();
        while let Some(error) = cause {
            let text = error.to_string();
            if !above.contains(&text) {
                chain.push(std::mem::replace(&mut above, text));
            }
            cause = error.source();
        }
        let mut told = Told { text: above, source: None };
        for text in chain.into_iter().rev() {
            told = Told { text, source: Some(Arc::new(told)) };
        }
        told
    }
}

/// The texts of `error` and its causes in one line.
pub(crate) fn in_one_line(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        line = format!("{line}: {error}");
        cause = error.source();
    }
    line
}
