//! Tests of the manual layer, with a log type and a handler of the user's own. Each file has one topic, each test one small
//! scenario.

mod cancellation;
#[path = "../common/mod.rs"]
mod common;
mod crashes;
mod foreign_folders;
mod handler_errors;
mod journal;
mod lost_by_the_original;
mod lost_on_disk;
mod misread_values;
mod replays;
mod unchanged_program;
mod undo;
