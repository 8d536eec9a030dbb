//! The forms that the macros accept, each opened, called and replayed.
// The states are written as a library's would be.
#![allow(unreachable_pub)]

mod compared;
mod conditional;
mod faithful;
mod forms;
mod generic;
mod hygiene;
mod lints;
mod logs;
mod no_prelude;
mod recorded;
mod states;
mod visibility;

use std::error::Error;

use tempfile::TempDir;
use walr::{Durable, WalState};

type Result<T = (), E = Box<dyn Error>> = std::result::Result<T, E>;

/// A store of its own.
async fn open<S: WalState + Default>() -> Result<(TempDir, Durable<S>)> {
    let folder = tempfile::tempdir()?;
    let state = Durable::<S>::open(folder.path()).await?;
    Ok((folder, state))
}
