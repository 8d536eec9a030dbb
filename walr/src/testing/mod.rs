//! Tests for states of one's own: stores in memory, and crash tests.
//!
//! The feature `testing` adds this module; no default build contains it. Enable it for tests alone:
//!
//! ```toml
//! [dev-dependencies]
//! walr = { version = "0.2", features = ["testing"] }
//! ```
//!
//! # Unit tests
//!
//! [`Durable::in_memory`](crate::Durable::in_memory) opens a store that needs no disk.
//!
//! # Crash tests
//!
//! [`crash_test`] runs a workload once, crashes it after every call to the file system, and opens what each crash leaves:
//!
//! ```
//! use serde::{Deserialize, Serialize};
//! use walr::testing::crash_test;
//! use walr::{Durable, WalState};
//!
//! /// Two accounts, which hold 100 cents together.
//! #[derive(Serialize, Deserialize, WalState)]
//! struct Purse {
//!     left: u64,
//!     right: u64,
//! }
//!
//! impl Default for Purse {
//!     fn default() -> Self {
//!         Purse { left: 100, right: 0 }
//!     }
//! }
//!
//! #[walr::mutations]
//! impl Purse {
//!     #[mutation]
//!     fn move_right(&mut self, cents: u64) -> Result<(), String> {
//!         self.left = self.left.checked_sub(cents).ok_or("that is too much")?;
//!         self.right += cents;
//!         Ok(())
//!     }
//! }
//!
//! # /*
//! #[test]
//! # */
//! fn no_cent_is_lost() {
//!     crash_test(
//!         async |purse: Durable<Purse>| {
//!             purse.move_right(60).await??;
//!             purse.move_right(30).await??;
//!             Ok(())
//!         },
//!         |purse: &Purse| assert_eq!(purse.left + purse.right, 100),
//!     )
//!     .assert_ok();
//! }
//! # no_cent_is_lost();
//! ```
//!
//! The invariant is asked of every state that a crash can leave, the first one included, so it must hold between any two
//! calls of the workload. It may panic, answer a `bool`, or answer a `Result`; see [`Verdict`]. The workload has a tokio
//! runtime of one thread, and may spawn tasks.
//!
//! ## What is tried
//!
//! After each call of the store to the file system, its creation and its close included, the folder is forked, and each fork
//! is crashed:
//!
//! - **The process is killed**: everything that was written is there, synced or not.
//! - **The power fails**, 3 to 15 times, each time with another outcome: each 512-byte sector, each length and each name that
//!   wasn't synced is kept or lost, and a sector may also be torn or garbled.
//!
//! A run makes [1,000](CrashTest::states) crashes at most. A long one is sampled: its crashes are spread evenly over its
//! calls. [`Report::states`] counts the crashes that left different folders, and each of these is opened:
//!
//! 1. The store must open.
//! 2. Every record that was acknowledged before the crash must be there, as far as the durability promises it: all under
//!    `Sync`; under `Os` all after a kill, and those that were synced after a power cut; under `Periodic` those that were
//!    synced.
//! 3. The log must hold the very bytes that the run wrote.
//! 4. The invariant must hold.
//! 5. The store must go on: it writes a checkpoint, is closed, and loses power once more. Then it must open with the same
//!    records, and the invariant must hold again. This finds what a checkpoint doesn't bring back.
//!
//! The first failure ends the test.
//!
//! ## How to repeat a failure
//!
//! A failure names its crash by the seed, the call and the way, such as `0:37:cut2`, and prints the command that tries this
//! crash alone: `WALR_CRASH=0:37:cut2 cargo test no_cent_is_lost`. [`CrashTest::only`] does the same in code, and
//! [`Failure::folder`] has the files.
//!
//! It is the same crash again where the workload makes the same calls in the same order. In a crash test, checkpoints and
//! new segments are made on the store's own thread, so that it is, for a workload that awaits its calls one after the other.
//! Where several calls are in flight at once, the threads decide which of them share a write. A pause of more than a second
//! or [`Periodic`](crate::Durability::Periodic) brings in the clock. Then the number may name another moment in the next
//! run.
//!
//! ## What it doesn't prove
//!
//! - Only the workload's own order of calls is crashed. What the workload doesn't call isn't tested.
//! - Whatever the program does outside of the store is no part of the state: an email that was sent before the crash stays
//!   sent.
//! - The simulated disk keeps its promises: a sync that returned is durable. A [`folder`](CrashTest::folder) can break them.
//! - A mutation that isn't deterministic is only found where it breaks the invariant. For these there is
//!   [`verify_replay`](crate::Store::verify_replay).

mod crash;
mod crash_test;
mod forks;
mod judge;
mod memory;
mod report;
mod verdict;

pub use self::crash_test::{CrashTest, crash_test};
pub use self::report::{Failure, Report};
pub use self::verdict::Verdict;
pub use crate::sim::{Broken, Fault, Kind, Medium, Observer, Sim};
