//! A library of a strict user: each lint that a user may turn on is an error here, so that a warning in generated code breaks the
//! build. The library is compiled in two editions, and its manifest renames walr to `journal`.
#![deny(warnings, missing_docs, clippy::all, clippy::pedantic)]
#![forbid(unsafe_code)]
#![warn(
    clippy::nursery,
    clippy::absolute_paths,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    clippy::exhaustive_enums,
    clippy::exhaustive_structs,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_docs_in_private_items,
    clippy::multiple_inherent_impl,
    clippy::panic,
    clippy::shadow_unrelated,
    clippy::unwrap_used,
    missing_copy_implementations,
    missing_debug_implementations,
    rust_2018_idioms,
    single_use_lifetimes,
    trivial_casts,
    unnameable_types,
    unreachable_pub,
    unused_lifetimes,
    unused_qualifications,
    unused_results
)]

mod shelf;
mod table;

pub use self::shelf::{clear, Refused, Shelf, ShelfLog, ShelfMutations, ShelfOutcome};
pub use self::table::{Table, TableLog, TableMutations, TableOutcome};

use journal::WalState;
use serde::{Deserialize, Serialize};

/// A door. It is a state, and an argument of mutations of [`Shelf`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, WalState)]
#[wal(crate = journal)]
#[non_exhaustive]
pub enum Door {
    /// The door is closed.
    #[default]
    Closed,
    /// The door is open.
    #[non_exhaustive]
    Open {
        /// The time at which the door was opened.
        since: u64,
    },
}

#[journal::mutations(crate = journal)]
impl Door {
    /// Opens the door, and returns the time since which it is open.
    #[mutation]
    pub const fn open(&mut self, #[record(1 + 1)] now: u64) -> u64 {
        let since = match *self {
            Self::Closed => now,
            Self::Open { since } => since,
        };
        *self = Self::Open { since };
        since
    }

    /// Closes the door.
    #[mutation]
    const fn slam(&mut self) {
        *self = Self::Closed;
    }

    /// Returns true if the door is open.
    #[query]
    #[must_use]
    pub const fn is_open(&self) -> bool {
        matches!(self, Self::Open { .. })
    }
}

/// Closes the door with its private mutation.
///
/// # Errors
///
/// Returns the errors of the store.
pub async fn close(door: &journal::Durable<Door>) -> journal::Result<()> {
    door.slam().await
}
