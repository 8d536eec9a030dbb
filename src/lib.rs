//! Nothing but the README, so that its example is compiled and run: this package owns the workspace's examples, tests and
//! benches.
#![doc = include_str!("../README.md")]
