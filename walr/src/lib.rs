//! A Rust struct that survives.
//!
//! Write a struct and its `&mut self` methods. [`#[derive(WalState)]`](macro@WalState) and
//! [`#[walr::mutations]`](macro@mutations) turn the methods into durable operations: a call is recorded in a write-ahead log, made
//! durable by group commit, and then applied. An open rebuilds the state from the newest checkpoint and the log after it. There is
//! no log enum to write, no replay handler, no schema and no server.
//!
//! ```
//! use serde::{Deserialize, Serialize};
//! use std::collections::HashMap;
//! use walr::{Durable, WalState};
//!
//! #[derive(Default, Serialize, Deserialize, WalState)]
//! pub struct Cache {
//!     entries: HashMap<String, String>,
//! }
//!
//! #[walr::mutations]
//! impl Cache {
//!     /// Stores `value` under `key`, and returns the value that it replaces.
//!     #[mutation]
//!     pub fn insert(&mut self, key: String, value: String) -> Option<String> {
//!         self.entries.insert(key, value)
//!     }
//!
//!     #[query]
//!     pub fn get(&self, key: &str) -> Option<String> {
//!         self.entries.get(key).cloned()
//!     }
//! }
//!
//! # #[tokio::main] async fn main() -> walr::Result<()> {
//! # let folder = tempfile::tempdir().unwrap();
//! # let path = folder.path().join("cache");
//! let state: Durable<Cache> = Durable::open(&path).await?; // recovers what was there
//! state.insert("some id".into(), "some data".into()).await?; // durable when it returns
//! assert_eq!(state.get("some id"), Some("some data".into())); // a query: no I/O, no await
//! state.close().await
//! # }
//! ```
//!
//! # Overview
//!
//! - [`Durable`] is the handle of an open store: mutations, [`read`](Durable::read), batches, checkpoints,
//!   [`close`](Durable::close). [`Options`] has the settings.
//! - [`Durability`] decides what an acknowledged mutation survives. By default it survives a power cut.
//! - Mutations are replayed, so they must be [deterministic](macro@mutations#replay-must-be-deterministic). Clocks and random
//!   numbers go in as arguments, or as `#[record(EXPR)]` parameters.
//! - A mutation that returns `Err` is recorded like any other. A mutation that panics is rolled back; with `panic = "abort"` it ends
//!   the process, also on each replay.
//! - [`Error::fate`] tells whether a failed call may be recorded.
//! - [`WAL`] takes a log type and a replay of your own. It has the API of walr 0.1.
//! - Checksums find corruption, but not forgery: protect the folder from untrusted writers.
//!
//! # Features
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `testing` | no | the module `walr::testing` for `[dev-dependencies]`: stores in memory, crash tests of your state, a simulated disk |

#[doc(hidden)]
#[path = "schema/private.rs"]
pub mod __private;
mod checkpoint;
mod codec;
mod commit;
#[cfg(test)]
mod crash_tests;
pub mod error;
pub mod fs;
mod log;
mod lsn;
mod manual;
pub mod options;
mod panic;
mod recovery;
mod schema;
#[cfg(any(test, feature = "testing"))]
mod sim;
mod store;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

#[doc(inline)]
pub use commit::Stats;
#[doc(inline)]
pub use error::{Error, Fate, Result};
#[doc(inline)]
pub use lsn::Lsn;
#[doc(inline)]
pub use manual::{ReplayHandler, ReplayHandlerResult, WAL};
#[doc(inline)]
pub use options::{ChangedCode, ChangedResults, CheckpointPolicy, Durability, Options, Phase, Progress};
#[doc(inline)]
pub use recovery::{Bypassed, Cut, DryRun, Recovery, is_replaying};
#[doc(inline)]
pub use schema::state::WalState;
#[doc(inline)]
pub use store::{Durable, Store, Verified};
#[doc = include_str!("docs/wal_state.md")]
pub use walr_derive::WalState;
#[doc = include_str!("docs/mutations.md")]
pub use walr_derive::mutations;
/// Marks a method in a block of [`mutations`](macro@mutations), whose docs list the options.
///
/// The mark needs no import. This item reports a mark outside of such a block.
pub use walr_derive::{mutation, query};
