//! Nothing but the README and the guides, so that their examples are compiled and run: this package owns the workspace's
//! examples, tests and benches.
#![doc = include_str!("../README.md")]

#[cfg(doctest)]
#[doc = include_str!("../docs/testing.md")]
mod testing_guide {}
