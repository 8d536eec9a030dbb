//! A small state: words in the order in which they were pushed.

use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use walr::testing::Sim;
use walr::{CheckpointPolicy, Durability, Durable, Options, WalState};

/// What every panic of [`Words`] says.
pub(crate) const PANIC: &str = "this word is not for us";

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, WalState)]
pub(crate) struct Words {
    pub(crate) words: Vec<String>,
}

#[walr::mutations]
impl Words {
    /// How many words there are, this one included.
    #[mutation]
    pub(crate) fn push(&mut self, word: &str) -> usize {
        self.words.push(word.to_string());
        self.words.len()
    }

    /// Takes words of up to five letters; a longer one is a domain error.
    #[mutation]
    pub(crate) fn push_short(&mut self, word: &str) -> Result<usize, String> {
        if word.len() > 5 {
            return Err(format!("{word} is too long"));
        }
        self.words.push(word.to_string());
        Ok(self.words.len())
    }

    /// Panics when it has changed half of what it changes.
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

/// Every way to be durable; the last never syncs by itself while a test runs.
pub(crate) const DURABILITIES: [Durability; 3] =
    [Durability::Sync, Durability::Os, Durability::Periodic(Duration::from_secs(24 * 3600))];

/// Options under which nothing happens by itself: no checkpoints, no marks.
pub(crate) fn options() -> Options<Words> {
    Durable::<Words>::options().checkpoint(CheckpointPolicy::Manual).idle_mark(Duration::MAX)
}

pub(crate) async fn open(folder: &Path) -> walr::Result<Durable<Words>> {
    Durable::open(folder).await
}

/// Opens with [`options`] on a simulated folder.
pub(crate) async fn open_sim(sim: &Sim) -> walr::Result<Durable<Words>> {
    options().open_on(sim.clone(), Words::default).await
}

/// The words that an open of this simulated folder finds.
pub(crate) async fn words_in(sim: &Sim) -> walr::Result<Vec<String>> {
    Ok(open_sim(sim).await?.words())
}

/// `word 0`, `word 1`, …
pub(crate) fn numbered(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("word {number}")).collect()
}
