//! The agreement between a program and its files: the traits that the macros implement for a state, the names and shapes that
//! describe it in each file, and the migration of older states.

mod bytes;
pub(crate) mod migrate;
pub(crate) mod reentry;
pub(crate) mod result_types;
pub(crate) mod results;
pub(crate) mod shape;
pub(crate) mod state;
mod stored_schema;
#[cfg(test)]
mod tests;
mod trace;
mod type_form;
pub(crate) mod unchecked_types;
mod upgrade;
pub(crate) mod waiting;

pub(crate) use self::stored_schema::Schema;
pub(crate) use self::stored_schema::Signature;
#[cfg(test)]
pub(crate) use self::type_form::TypeForm;
pub(crate) use self::upgrade::{MANUAL, MutationCounts, newer_version, other_state};
