//! Group commit: the calls that came in together become one frame and one sync, and then they are applied in order.
//!
//! A store has two halves. The *log half* ([`log_half`]) writes and syncs the log; its lock is held for I/O alone. The *state half*
//! ([`state_half`]) applies the groups that are as durable as asked, and answers them. So a mutation that takes long stops neither the
//! clock of `Periodic` nor the sync of the next group.
//!
//! A handle calls [`front`]. [`queue`] holds the calls, [`group`] commits those of one frame, and [`handover`] decides which thread continues. [`log_thread`] serves the log
//! half, and for a lone caller the state half too; under load it starts the state thread. [`checkpointer`] writes checkpoints beside
//! both, from a [`state_source`].

mod alone;
pub(crate) mod answer;
mod base;
pub(crate) mod checkpointer;
pub(crate) mod core;
mod front;
mod group;
mod handover;
pub(crate) mod log_half;
mod log_thread;
pub(crate) mod old_files;
pub(crate) mod queue;
pub(crate) mod rebuild;
mod state_half;
pub(crate) mod state_source;
mod stats;
mod sync;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_shuttle;

pub(crate) use self::core::Core;
pub(crate) use self::front::Front;
#[cfg(test)]
pub(crate) use self::handover::MOST_AHEAD;
pub(crate) use self::log_thread::run;
pub(crate) use self::queue::Request;
pub use self::stats::Stats;
