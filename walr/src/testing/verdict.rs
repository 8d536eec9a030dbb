//! The result of an invariant.

use std::fmt::Display;

/// The result of an invariant: `()` for an invariant that panics (`assert!`), a `bool`, or a `Result` whose error says what is wrong.
pub trait Verdict {
    /// Returns `Ok` if the invariant holds, or else the reason why it doesn't.
    fn verdict(self) -> Result<(), String>;
}

impl Verdict for () {
    fn verdict(self) -> Result<(), String> {
        Ok(())
    }
}

impl Verdict for bool {
    fn verdict(self) -> Result<(), String> {
        if self { Ok(()) } else { Err("it returned `false`".to_string()) }
    }
}

impl<E: Display> Verdict for Result<(), E> {
    fn verdict(self) -> Result<(), String> {
        self.map_err(|error| error.to_string())
    }
}
