//! The view of an open store: its folder, its recovery, its verification.

use std::fmt;
use std::path::Path;

use crate::commit::Front;
use crate::error::Result;
use crate::recovery::Recovery;
use crate::schema::state::{Recorded, WalState};
use crate::store::verify::{Verified, verify};

/// A view of an open store; [`Durable::store`](crate::Durable::store) returns it.
pub struct Store<'a, S: Recorded> {
    pub(super) front: &'a Front<S>,
}

impl<'a, S: Recorded> Store<'a, S> {
    /// Returns the absolute path of the folder, as it was at the open.
    ///
    /// A renamed folder still belongs to the store, under its old path here. A folder that isn't on a disk has a name instead, such as
    /// `simulated store`.
    pub fn path(&self) -> &'a Path {
        &self.front.core.dir.path
    }

    /// Returns what the open found and did.
    pub fn recovery(&self) -> &'a Recovery {
        &self.front.core.recovery
    }

    /// Replays the log into a second state, and compares it with the live state. A mutation that isn't deterministic shows here, and
    /// not only at the next open.
    ///
    /// The replay begins with the older of the two checkpoints if this program's code made all records since, and otherwise with the
    /// newest one. It runs on a thread of its own, and takes the memory of a second state; the search for the record at which two
    /// replays part takes that of a third. Mutations go on meanwhile. They wait for the comparison, and for the last records if the
    /// replay can't catch up otherwise. No checkpoint is removed during a verification.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use walr::{Durable, WalState};
    /// #[derive(Default, PartialEq, Serialize, Deserialize, WalState)]
    /// struct Cache {
    ///     hits: u64,
    /// }
    /// # #[walr::mutations]
    /// # impl Cache { #[mutation] fn hit(&mut self) { self.hits += 1 } }
    ///
    /// # #[tokio::main] async fn main() -> walr::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// let cache = Durable::<Cache>::open(folder.path()).await?;
    /// cache.hit().await?;
    /// let verified = cache.store().verify_replay().await?;
    /// assert_eq!(verified.at.get(), 1);
    /// # cache.close().await
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// - [`Diverged`](crate::Error::Diverged) if the states differ. The error names the first record at which two replays part and its
    ///   mutation, or a range of LSNs if the log holds more than a thousand records. The wrong record may be an earlier one, because the
    ///   order of a `HashMap` can be the same by chance. No record is named if only the live state differs.
    /// - [`ReplayPanicked`](crate::Error::ReplayPanicked) if a mutation panics
    /// - [`Closed`](crate::Error::Closed), [`Failed`](crate::Error::Failed), and the errors of reading the folder
    ///
    /// # Cancel safety
    ///
    /// A verification changes nothing. Once polled, it runs to its end even if the future is dropped.
    pub async fn verify_replay(&self) -> Result<Verified>
    where
        S: WalState + PartialEq,
    {
        verify(self.front).await
    }
}

impl<S: Recorded> fmt::Debug for Store<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("path", &self.front.core.dir.path).finish_non_exhaustive()
    }
}
