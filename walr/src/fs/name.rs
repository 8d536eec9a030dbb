//! The names that a folder accepts: one component, or one component in `salvage`.

use std::io;

use super::SALVAGE;

/// Returns whether `name` is in `salvage`, and the name there. Refuses names that lead out of the folder.
pub(crate) fn split(name: &str) -> io::Result<(bool, &str)> {
    let (in_salvage, leaf) = match name.split_once('/') {
        None => (false, name),
        Some((SALVAGE, leaf)) => (true, leaf),
        Some(_) => return Err(refusal(name)),
    };
    // `\` and `:` lead elsewhere on Windows, and a store has to be portable from one system to another.
    let special = matches!(leaf, "" | "." | "..") || leaf.contains(['/', '\\', ':', '\0']);
    let is_folder = !in_salvage && leaf == SALVAGE;
    if special || is_folder { Err(refusal(name)) } else { Ok((in_salvage, leaf)) }
}

fn refusal(name: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, format!("{name:?} can't be the name of a store's file"))
}
