//! A Rust struct that survives.
//!
//! Write plain domain code: a struct and its `&mut self` methods. [`#[derive(WalState)]`](macro@WalState) and
//! [`#[walr::mutations]`](macro@mutations) turn the methods into durable operations: each call is recorded in a write-ahead
//! log, made durable by group commit, and then applied; on open, the state is rebuilt from the newest checkpoint and the
//! log after it. There is no log enum to write, no replay handler, no schema and no server.
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
//!     /// Stores `value` under `key` and hands back the value it replaces.
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
//! # What to know
//!
//! - [`Durable`] is the handle: mutations, [`read`](Durable::read), batches, checkpoints, [`close`](Durable::close).
//! - [`Durability`] says what an acknowledged mutation survives; by default a power cut.
//! - Mutations are replayed, so they must be deterministic: the same state and arguments, the same effect. Clocks and random
//!   numbers go in as arguments, or as `#[record(EXPR)]` parameters.
//! - A mutation that returns `Err` is recorded like any other. One that panics never happened.
//! - [`WAL`] is for a log type and a replay of your own, on the same files: the API of walr 0.1.
//! - [`Error::fate`] tells whether a failed call may be recorded.
//! - Whoever can write the folder is trusted: checksums find damage, and not forgery.
//! - With `panic = "abort"` a panicking mutation ends the process, and does so again on each replay.

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;
mod checkpoint;
mod codec;
mod commit;
#[cfg(test)]
mod crash;
mod durable;
pub mod error;
mod faithful;
mod frame;
pub mod fs;
#[cfg(test)]
mod golden;
mod journal;
mod layout;
mod lsn;
mod migrate;
mod open;
pub mod options;
mod pace;
mod panic;
mod recovery;
mod reentry;
mod schema;
mod segment;
mod shape;
mod state;
mod verify;
mod wal;

pub use commit::Stats;
pub use durable::{Durable, Store};
pub use error::{Error, Fate, Result};
pub use lsn::Lsn;
pub use options::{ChangedCode, CheckpointPolicy, CheckpointSource, Durability, Options, Phase, Progress};
pub use recovery::{Bypassed, Cut, DryRun, Recovery};
pub use reentry::is_replaying;
pub use state::WalState;
pub use verify::Verified;
pub use wal::{ReplayHandler, ReplayHandlerResult, WAL};
#[doc = include_str!("docs/wal_state.md")]
pub use walr_derive::WalState;
#[doc = include_str!("docs/mutations.md")]
pub use walr_derive::mutations;
/// Marks of methods inside a block of [`mutations`](macro@mutations), which says what they mean. They need no import; here
/// they are for what they say where that block's attribute is missing.
pub use walr_derive::{mutation, query};
