//! The types that a program and its files agree on: what the macros implement for a state, the names and shapes that describe
//! it in each file, and how older states are read.

pub(crate) mod faithful;
pub(crate) mod migrate;
pub(crate) mod shape;
mod signature;
pub(crate) mod state;
pub(crate) mod waiting;

#[cfg(test)]
pub(crate) use self::signature::Signature;
pub(crate) use self::signature::{Form, Held, MANUAL, Schema, newer_version, other_state};
