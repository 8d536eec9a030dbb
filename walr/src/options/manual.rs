//! The options of the manual layer.

use super::Durability;

/// How a [`WAL`](crate::WAL) is opened and replayed.
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
    /// From how many bytes of log on [`should_checkpoint`](crate::WAL::should_checkpoint) says so. Default: 1 GiB.
    pub max_size: usize,
    /// How many logs a replay hands to the handler at a time, at most; at least 1. Default: 1,000.
    pub iter_batch_size: usize,
    /// How many bytes of records a replay reads ahead at a time, at least 1; a larger record is read by itself. Default:
    /// 65,536.
    pub iter_chunk_size: usize,
    /// When a call is acknowledged, and so what it survives. A change after the open has no effect. Default:
    /// [`Durability::Sync`].
    pub durability: Durability,
}

impl Default for WALOptions {
    fn default() -> Self {
        WALOptionsBuilder::new().build()
    }
}

/// Builds [`WALOptions`]; what isn't set has its default.
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
    /// A builder in which nothing is set.
    pub fn new() -> WALOptionsBuilder {
        let durability = Durability::Sync;
        let options = WALOptions { max_size: 1 << 30, iter_batch_size: 1_000, iter_chunk_size: 1 << 16, durability };
        WALOptionsBuilder { options }
    }

    /// The options, as they are set.
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
