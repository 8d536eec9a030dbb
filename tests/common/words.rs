//! The state that most tests use, and ways to open and fill a store of it.

use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use walr::testing::Sim;
use walr::{CheckpointPolicy, Durability, Durable, Error, Options, WalState};

/// The message of every panic of [`Words`].
pub(crate) const PANIC: &str = "this word panics";

/// A list of words, in the order in which they were pushed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, WalState)]
pub(crate) struct Words {
    pub(crate) words: Vec<String>,
}

#[walr::mutations]
impl Words {
    /// Appends a word and returns the number of words.
    #[mutation]
    pub(crate) fn push(&mut self, word: &str) -> usize {
        self.words.push(word.to_string());
        self.words.len()
    }

    /// Appends a word of up to five letters. A longer word is a domain error.
    #[mutation]
    pub(crate) fn push_short(&mut self, word: &str) -> Result<usize, String> {
        if word.len() > 5 {
            return Err(format!("{word} is too long"));
        }
        self.words.push(word.to_string());
        Ok(self.words.len())
    }

    /// Replaces all words by this one, and panics.
    #[mutation]
    pub(crate) fn push_and_panic(&mut self, word: &str) -> usize {
        self.words.clear();
        self.words.push(word.to_string());
        panic!("{PANIC}");
    }

    #[mutation]
    pub(crate) fn clear(&mut self) {
        self.words.clear();
    }

    #[query]
    pub(crate) fn words(&self) -> Vec<String> {
        self.words.clone()
    }

    #[query]
    pub(crate) fn count(&self) -> usize {
        self.words.len()
    }
}

/// One durability of each kind. The last one never syncs by itself during a test.
pub(crate) const DURABILITIES: [Durability; 3] =
    [Durability::Sync, Durability::Os, Durability::Periodic(Duration::from_secs(24 * 3600))];

/// Returns options under which a store does nothing by itself: no checkpoints, no marks.
pub(crate) fn options() -> Options<Words> {
    Durable::<Words>::options().checkpoint(CheckpointPolicy::Manual).idle_mark(Duration::MAX)
}

/// Opens the store in `folder` with walr's default options.
pub(crate) async fn open(folder: &Path) -> walr::Result<Durable<Words>> {
    Durable::open(folder).await
}

/// Opens the store in `folder` as soon as no other handle or thread holds its lock.
pub(crate) async fn open_when_unlocked(folder: &Path) -> walr::Result<Durable<Words>> {
    loop {
        match open(folder).await {
            Err(Error::Locked { .. }) => tokio::task::yield_now().await,
            opened => return opened,
        }
    }
}

/// Opens the store on a simulated disk with [`options`].
pub(crate) async fn open_sim(sim: &Sim) -> walr::Result<Durable<Words>> {
    options().open_on(sim.clone(), Words::default).await
}

/// Opens a store whose queue [`long_word`] fills.
pub(crate) async fn open_with_small_queue(sim: &Sim) -> walr::Result<Durable<Words>> {
    options().queue_size(4096).open_on(sim.clone(), Words::default).await
}

/// Creates a store on a new simulated disk with [`options`], and pushes `count` numbered words.
pub(crate) async fn sim_with_words(count: usize) -> walr::Result<(Sim, Durable<Words>)> {
    let sim = Sim::new();
    let words = open_sim(&sim).await?;
    push_numbered(&words, count).await?;
    Ok((sim, words))
}

/// Returns the words that an open of this simulated disk recovers.
pub(crate) async fn words_in(sim: &Sim) -> walr::Result<Vec<String>> {
    Ok(open_sim(sim).await?.words())
}

/// Returns `word 0`, `word 1`, and so on.
pub(crate) fn numbered(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("word {number}")).collect()
}

/// Pushes the next `count` of the [`numbered`] words.
pub(crate) async fn push_numbered(words: &Durable<Words>, count: usize) -> walr::Result<()> {
    let first = words.count();
    for number in first..first + count {
        words.push(&format!("word {number}")).await?;
    }
    Ok(())
}

/// Returns a word of 4,000 bytes.
pub(crate) fn long_word() -> String {
    "x".repeat(4000)
}

/// Returns the log value of a push.
pub(crate) fn push_log(word: impl Into<String>) -> WordsLog {
    WordsLog::Push { word: word.into() }
}

/// Asserts that a call was refused because the store is closed.
#[track_caller]
pub(crate) fn assert_closed<T: std::fmt::Debug>(result: walr::Result<T>) {
    assert!(matches!(result, Err(Error::Closed)), "{result:?}");
}

/// Asserts that the store in `folder` is in use.
pub(crate) async fn assert_locked(folder: &Path) {
    let opened = open(folder).await;
    assert!(matches!(opened, Err(Error::Locked { .. })), "{opened:?}");
}
