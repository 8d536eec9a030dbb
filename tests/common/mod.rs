//! What the integration tests share: a runtime under a watchdog, a small state, and ways to look at futures and folders.
#![allow(dead_code, unused_imports, reason = "each test binary uses a part of it")]

mod gate;
mod panicking;
mod wait;
mod words;

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

pub(crate) use gate::Gate;
pub(crate) use panicking::Panicking;
pub(crate) use wait::{Watchdog, begun, block_on, eventually, poll_once, poll_times, run};
pub(crate) use words::{
    DURABILITIES, PANIC, Words, WordsLog, WordsOutcome, numbered, open, open_sim, options, words_in,
};

pub(crate) type Result<T = (), E = Box<dyn Error + Send + Sync>> = std::result::Result<T, E>;

/// Every file below `folder` but `LOCK`, with its bytes.
pub(crate) fn snapshot(folder: &Path) -> Result<BTreeMap<PathBuf, Vec<u8>>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if !path.ends_with("LOCK") {
                files.insert(path.strip_prefix(folder)?.to_path_buf(), fs::read(path)?);
            }
        }
    }
    Ok(files)
}

/// Copies the files of `from` into the new folder `to`: while the store in `from` is open, that is what the end of its
/// process would leave.
pub(crate) fn copy_folder(from: &Path, to: &Path) -> Result {
    for (name, bytes) in snapshot(from)? {
        let path = to.join(name);
        fs::create_dir_all(path.parent().unwrap_or(to))?;
        fs::write(path, bytes)?;
    }
    Ok(())
}

/// The files in `folder` with this ending, in the order of their names.
pub(crate) fn files_with(folder: &Path, ending: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.to_string_lossy().ends_with(ending) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Where `needle` first stands in `bytes`.
pub(crate) fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    bytes.windows(needle.len()).position(|window| window == needle)
}
