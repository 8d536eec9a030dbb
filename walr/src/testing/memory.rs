//! Stores in memory.

use super::Sim;
use crate::error::Result;
use crate::options::Options;
use crate::schema::state::{FirstState, Recorded, WalState};
use crate::store::durable::Durable;

impl<S: Recorded> Durable<S> {
    /// Opens a new store in memory, for unit tests. It begins with `S::default()`, and ends with the drop of its last handle.
    ///
    /// Only the disk is simulated. The store encodes, checks, records, syncs and applies calls like any other, on the same threads and
    /// with the default options. For other options, or another first state, open a store on a [`Sim`]:
    /// `Durable::<Cache>::options().open_on(Sim::new(), || cache)`.
    ///
    /// ```
    /// use serde::{Deserialize, Serialize};
    /// use walr::{Durable, WalState};
    ///
    /// #[derive(Default, Serialize, Deserialize, WalState)]
    /// struct Visits {
    ///     count: u64,
    /// }
    ///
    /// #[walr::mutations]
    /// impl Visits {
    ///     #[mutation]
    ///     fn visit(&mut self) -> u64 {
    ///         self.count += 1;
    ///         self.count
    ///     }
    /// }
    ///
    /// #[tokio::main]
    /// async fn main() -> walr::Result<()> {
    ///     let visits: Durable<Visits> = Durable::in_memory().await?;
    ///     assert_eq!(visits.visit().await?, 1);
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`Codec`](crate::Error::Codec) if a type of the state or of an argument can't be read back, and
    /// [`Thread`](crate::Error::Thread) if the store's thread can't be started.
    pub async fn in_memory() -> Result<Durable<S>>
    where
        S: WalState + FirstState,
    {
        let folder = Sim::new().named(format!("in-memory/{}", S::NAME));
        Options::new().open_on(folder, S::first_state).await
    }
}
