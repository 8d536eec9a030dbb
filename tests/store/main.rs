//! A store, as its users meet it: opened, written, crashed, damaged and opened again. One topic a file, one small scenario
//! a test.

mod batches;
mod cancellation;
mod checkpoints;
mod close;
#[path = "../common/mod.rs"]
mod common;
mod concurrent_writers;
mod damaged_checkpoints;
mod damaged_logs;
mod damaged_while_opening;
mod durability_modes;
mod executors;
mod failures_latch;
mod full_disk;
mod large_records;
mod locking;
mod million_entries;
mod missing_and_foreign_files;
mod moved_folder;
mod outdated_files;
mod panicking_values;
mod panicking_wakers;
mod panics;
mod periodic;
mod progress;
mod reentrancy;
mod reopen;
mod replay_panics;
mod self_describing;
mod short_runs;
mod silent_changes;
mod skipped_variants;
mod slices;
mod space_ahead;
mod undecodable_arguments;
mod undecodable_states;
mod unsafe_overwrites;
