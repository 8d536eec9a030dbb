//! A library as a strict user writes it: each lint that one may turn on is an error here, and a word from generated code would
//! break the build. It is compiled in two editions, and walr is called `journal` in its manifest.
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

/// A door, which is a state and an argument of another's mutations.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, WalState)]
#[wal(crate = journal)]
#[non_exhaustive]
pub enum Door {
    /// Nobody comes in.
    #[default]
    Closed,
    /// Everybody does.
    #[non_exhaustive]
    Open {
        /// When it was opened.
        since: u64,
    },
}

#[journal::mutations(crate = journal)]
impl Door {
    /// Opens it, and says since when it is open.
    #[mutation]
    pub const fn open(&mut self, #[record(1 + 1)] now: u64) -> u64 {
        let since = match *self {
            Self::Closed => now,
            Self::Open { since } => since,
        };
        *self = Self::Open { since };
        since
    }

    /// Nobody outside calls it.
    #[mutation]
    const fn slam(&mut self) {
        *self = Self::Closed;
    }

    /// Whether it is open.
    #[query]
    #[must_use]
    pub const fn is_open(&self) -> bool {
        matches!(self, Self::Open { .. })
    }
}

/// Closes the door behind those who came in.
///
/// # Errors
///
/// Those of the store.
pub async fn close(door: &journal::Durable<Door>) -> journal::Result<()> {
    door.slam().await
}
