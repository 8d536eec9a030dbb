//! The agreement between a program and its files: the traits that the macros implement for a state, the names and shapes that
//! describe it in each file, and the migration of older states.

pub(crate) mod migrate;
pub(crate) mod reads_back;
pub(crate) mod reentry;
pub(crate) mod results;
pub(crate) mod shape;
mod signature;
pub(crate) mod state;
pub(crate) mod waiting;

pub(crate) use self::signature::{MANUAL, MutationCounts, Schema, newer_version, other_state};
#[cfg(test)]
pub(crate) use self::signature::{Signature, TypeForm};
