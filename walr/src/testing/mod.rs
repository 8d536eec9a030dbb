//! Tools to test your own state: stores in memory, crash tests, a simulated disk.
//!
//! The feature `testing` adds this module. Enable it for tests alone:
//!
//! ```toml
//! [dev-dependencies]
//! walr = { version = "0.2", features = ["testing"] }
//! ```
//!
//! The guide in `docs/testing.md` of the repository has more examples.
//!
//! # Unit tests
//!
//! [`Durable::in_memory`](crate::Durable::in_memory) opens a store that needs no disk. A store on a [`Sim`] can also be reopened, and
//! its disk can fail or be full.
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
//! The invariant must hold between any two calls of the workload, and in the first state, because a crash can come there. It may
//! panic, return a `bool`, or return a `Result`; see [`Verdict`]. The workload runs on a tokio runtime of one thread, and may spawn
//! tasks.
//!
//! ## Crashes
//!
//! After each call of the store to the file system, those of its creation and its close included, the test forks the folder and crashes
//! each fork in several ways:
//!
//! | crash | what it leaves |
//! |---|---|
//! | the process is killed | everything that was written, synced or not |
//! | the power fails, 3 to 15 times | everything that was synced; of the rest, each sector of 512 bytes, each length and each name is kept or lost, and a sector may also be torn or garbled |
//!
//! A test makes at most [1,000](CrashTest::states) crashes, and spreads those of a long run evenly over its calls. It opens each folder
//! that differs from the others, and checks that
//!
//! 1. the store opens;
//! 2. every record is there that was acknowledged before the crash, as far as the durability promises it: under `Sync` all, under `Os`
//!    all after a kill and the synced ones after a power cut, under `Periodic` the synced ones;
//! 3. the log holds the same bytes that the run wrote;
//! 4. the invariant holds;
//! 5. the store goes on: it writes a checkpoint, is closed, and loses power again. Then it opens with the same records, and the
//!    invariant holds. This finds a field that a checkpoint doesn't restore.
//!
//! The first failure ends the test.
//!
//! ## Repeating a failure
//!
//! A failure names its crash by the seed, the call and the kind, such as `0:37:cut2`, and prints the command that tries this crash
//! alone: `WALR_CRASH=0:37:cut2 cargo test no_cent_is_lost`. [`CrashTest::only`] does the same in code, and [`Failure::folder`] holds
//! the files.
//!
//! A name means the same crash in the next run if the workload awaits its calls one after the other, because the store then makes the
//! same calls to the file system: in a crash test it makes checkpoints and segments on its one thread. If several calls are in flight
//! at once, the threads decide which of them share a write. A pause of more than a second, and
//! [`Periodic`](crate::Durability::Periodic), depend on the clock. In these cases keep the folder of the failure.
//!
//! ## Limits
//!
//! A test that passes shows that none of its crashes lost an acknowledged call or broke the invariant.
//!
//! - It crashes only the calls of this workload, in this order.
//! - It doesn't see effects outside of the state. An email that was sent before the crash stays sent.
//! - The simulated disk keeps its promises: a sync that returned is durable. A [`folder`](CrashTest::folder) can break them
//!   ([`Sim::break_it`]), or be on a medium where a torn write damages the bytes next to it ([`Medium`]).
//! - It finds a mutation that isn't deterministic only if the invariant breaks.
//!   [`verify_replay`](crate::Store::verify_replay) compares the states themselves.

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
