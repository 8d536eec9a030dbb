//! Helpers of the integration tests: a runtime under a watchdog, a small state, simulated disks, and access to files.
#![allow(dead_code, unused_imports, reason = "each test binary uses a part of it")]

mod gate;
mod panicking;
mod sim;
mod wait;
mod words;

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

pub(crate) use gate::Gate;
pub(crate) use panicking::PanickingWaker;
pub(crate) use sim::{crashes, fail_call, fail_from_call, fill_disk, images_during, sim_files_with};
pub(crate) use wait::{Watchdog, begun, block_on, eventually, in_tasks, poll_once, poll_times, run};
pub(crate) use words::{
    DURABILITIES, PANIC, Words, WordsLog, WordsOutcome, assert_closed, assert_locked, long_word, numbered, open,
    open_sim, open_when_unlocked, open_with_small_queue, options, push_log, push_numbered, sim_with_words, words_in,
};

pub(crate) type Result<T = (), E = Box<dyn Error + Send + Sync>> = std::result::Result<T, E>;

/// Returns the bytes of every file below `folder`, except for `LOCK`.
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

/// Copies the files of `from` into the folder `to`. The copy of an open store is what the end of its process would leave.
pub(crate) fn copy_folder(from: &Path, to: &Path) -> Result {
    for (name, bytes) in snapshot(from)? {
        let path = to.join(name);
        fs::create_dir_all(path.parent().unwrap_or(to))?;
        fs::write(path, bytes)?;
    }
    Ok(())
}

/// Copies the files of `from` into a new folder.
pub(crate) fn copy_of(from: &Path) -> Result<TempDir> {
    let to = tempfile::tempdir()?;
    copy_folder(from, to.path())?;
    Ok(to)
}

/// Returns the files in `folder` whose names end in `ending`, in the order of their names.
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

/// Returns the last of [`files_with`]: the newest segment, or the newest checkpoint.
pub(crate) fn newest_with(folder: &Path, ending: &str) -> Result<PathBuf> {
    files_with(folder, ending)?.pop().ok_or_else(|| format!("no file ends in {ending}").into())
}

/// Changes the bytes of a file.
pub(crate) fn change_file(path: &Path, change: impl FnOnce(&mut Vec<u8>)) -> Result {
    let mut bytes = fs::read(path)?;
    change(&mut bytes);
    Ok(fs::write(path, bytes)?)
}

/// Returns the offset of the first `needle` in `bytes`.
pub(crate) fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    bytes.windows(needle.len()).position(|window| window == needle)
}

/// Asserts that a message holds all of these parts.
#[track_caller]
pub(crate) fn assert_contains(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "{part:?} is missing in: {message}");
    }
}
