//! Which names a folder takes: one component, or one component in `salvage`.

use std::io;

use super::SALVAGE;

/// Splits `name` into whether it lies in `salvage`, and the name there. Whatever could lead out of the folder is refused.
pub(crate) fn split(name: &str) -> io::Result<(bool, &str)> {
    let (below, leaf) = match name.split_once('/') {
        None => (false, name),
        Some((SALVAGE, leaf)) => (true, leaf),
        Some(_) => return Err(refusal(name)),
    };
    // `\` and `:` lead elsewhere on Windows, and a store has to be portable from one system to another.
    let special = matches!(leaf, "" | "." | "..") || leaf.contains(['/', '\\', ':', '\0']);
    // The folder below has its own name, which is never a file's.
    if special || (!below && leaf == SALVAGE) { Err(refusal(name)) } else { Ok((below, leaf)) }
}

fn refusal(name: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, format!("{name:?} is no file name for a store"))
}
