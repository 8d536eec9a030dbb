//! Tests of `walr::testing`: stores in memory, crash tests that pass, and crash tests that fail.

#[path = "../common/mod.rs"]
mod common;
mod crash_tests;
mod failures;
mod in_memory;
mod ledger;
