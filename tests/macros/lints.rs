//! Generated code under the lints that users turn on: a single warning breaks this build.
#![deny(warnings, missing_docs, missing_debug_implementations, unreachable_pub, clippy::all, clippy::pedantic)]

use serde::{Deserialize, Serialize};
use walr::WalState;

/// A state.
#[derive(Debug, Default, Serialize, Deserialize, WalState)]
pub(crate) struct Strict {
    values: Vec<u64>,
}

#[walr::mutations]
impl Strict {
    /// Appends a value.
    #[mutation]
    pub(crate) fn put(&mut self, value: u64, _unused: &str) -> bool {
        self.values.push(value);
        true
    }

    /// Removes all values, and fails.
    ///
    /// # Errors
    ///
    /// Always, unlike [`Self::put`].
    #[mutation]
    #[must_use = "or lose it"]
    pub(crate) fn fail(&mut self) -> Result<(), u8> {
        self.values.clear();
        Err(1)
    }

    /// Appends a value.
    #[mutation]
    #[deprecated = "use `put`"]
    pub(crate) fn old(&mut self, value: u64) {
        self.values.push(value);
    }

    /// Appends seven values, and returns the number of values.
    #[mutation]
    #[expect(clippy::too_many_arguments, reason = "a test of `expect`")]
    pub(crate) fn many(&mut self, one: u8, two: u8, three: u8, four: u8, five: u8, six: u8, seven: u8) -> usize {
        self.values.extend([one, two, three, four, five, six, seven].map(u64::from));
        self.values.len()
    }

    /// Appends the length of `text`, which only the recorded expression uses.
    #[mutation]
    pub(crate) fn measured(&mut self, text: &str, #[record(text.len() as u64)] length: u64) {
        self.values.push(length);
    }

    /// Is never called.
    #[mutation]
    fn lonely(&mut self) {
        self.values.clear();
    }

    /// Returns the number of values.
    #[query]
    #[must_use]
    pub(crate) fn count(&self) -> usize {
        self.values.len()
    }
}

#[tokio::test]
async fn generated_code_gives_no_warning_and_runs() -> crate::Result {
    let (_folder, strict) = crate::open::<Strict>().await?;
    assert!(strict.put(1, "").await?);
    assert_eq!(strict.fail().await?, Err(1));
    #[expect(deprecated, reason = "the mark is carried to the handle")]
    strict.old(2).await?;
    assert_eq!(strict.many(1, 1, 1, 1, 1, 1, 1).await?, 8);
    strict.measured("").await?;
    assert_eq!(strict.count(), 9);
    Ok(())
}
