//! The manual layer, as its users meet it: a log type and a handler of their own. One topic a file, one small scenario a
//! test.

mod cancellation;
#[path = "../common/mod.rs"]
mod common;
mod crashes;
mod foreign_folders;
mod handler_errors;
mod journal;
mod lost_by_the_original;
mod lost_on_disk;
mod replays;
mod unchanged_program;
mod undo;
