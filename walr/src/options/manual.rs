//! The options of the manual layer.

use super::Durability;

/// Options to open and replay a [`WAL`](crate::WAL) with; [`WALOptionsBuilder`] builds them.
///
/// ```
/// use walr::Durability;
/// use walr::options::WALOptionsBuilder;
///
/// let options = WALOptionsBuilder::new().max_size(64 << 20).durability(Durability::Os).build();
/// assert_eq!(options.iter_batch_size, 1_000);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WALOptions {
    /// The bytes of log at which [`should_checkpoint`](crate::WAL::should_checkpoint) returns `true`. Default: 1 GiB.
    pub max_size: usize,
    /// The most logs that a replay passes to the handler in one call, at least 1. Default: 1,000.
    pub iter_batch_size: usize,
    /// The bytes of records that a replay reads ahead at a time, at least 1. A larger record is read alone. Default: 65,536.
    pub iter_chunk_size: usize,
    /// The moment at which a call is acknowledged. A change after the open has no effect. Default: [`Durability::Sync`].
    pub durability: Durability,
}

impl Default for WALOptions {
    fn default() -> Self {
        WALOptionsBuilder::new().build()
    }
}

/// A builder of [`WALOptions`].
#[derive(Clone, Debug)]
pub struct WALOptionsBuilder {
    options: WALOptions,
}

impl Default for WALOptionsBuilder {
    fn default() -> Self {
        WALOptionsBuilder::new()
    }
}

impl WALOptionsBuilder {
    /// Creates a builder with the defaults.
    pub fn new() -> WALOptionsBuilder {
        let durability = Durability::Sync;
        let options = WALOptions { max_size: 1 << 30, iter_batch_size: 1_000, iter_chunk_size: 1 << 16, durability };
        WALOptionsBuilder { options }
    }

    /// Returns the options as they are set.
    pub fn build(&self) -> WALOptions {
        self.options.clone()
    }

    /// Sets [`WALOptions::max_size`].
    pub fn max_size(&mut self, max_size: usize) -> &mut Self {
        self.options.max_size = max_size;
        self
    }

    /// Sets [`WALOptions::iter_batch_size`].
    pub fn iter_batch_size(&mut self, iter_batch_size: usize) -> &mut Self {
        self.options.iter_batch_size = iter_batch_size;
        self
    }

    /// Sets [`WALOptions::iter_chunk_size`].
    pub fn iter_chunk_size(&mut self, iter_chunk_size: usize) -> &mut Self {
        self.options.iter_chunk_size = iter_chunk_size;
        self
    }

    /// Sets [`WALOptions::durability`].
    pub fn durability(&mut self, durability: Durability) -> &mut Self {
        self.options.durability = durability;
        self
    }
}
