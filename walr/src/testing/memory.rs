//! Stores without a disk.

use super::Sim;
use crate::error::Result;
use crate::options::Options;
use crate::schema::state::{Begins, Recorded, WalState};
use crate::store::durable::Durable;

impl<S: Recorded> Durable<S> {
    /// Opens a new store in memory, which begins with `S::default()` and is gone when its last handle is dropped. It is for
    /// unit tests, under the feature `testing`.
    ///
    /// Only the disk is simulated: calls are encoded, checked, recorded, synced and applied as in any other store, on the
    /// same threads, with the default options. For other options, or another first state, open one on a [`Sim`]:
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
    /// [`Schema`](crate::Error::Schema) if the state can't be a store's, and [`Thread`](crate::Error::Thread) if the store's
    /// thread can't be started.
    pub async fn in_memory() -> Result<Durable<S>>
    where
        S: WalState + Begins,
    {
        let folder = Sim::new().named(format!("in-memory/{}", S::NAME));
        Options::new().open_on(folder, S::begin).await
    }
}
