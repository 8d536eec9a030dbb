//! Tests of the forms that the macros accept: each state is opened, called and replayed.
#![allow(unreachable_pub, reason = "the states are written as a library's would be")]

mod compared;
mod conditional;
mod forms;
mod generic;
mod hygiene;
mod lints;
mod logs;
mod no_prelude;
mod re_encode_check;
mod recorded;
mod results;
mod states;
mod visibility;

use std::error::Error;

use tempfile::TempDir;
use walr::{Durable, WalState};

type Result<T = (), E = Box<dyn Error>> = std::result::Result<T, E>;

/// Opens a store in a new folder.
async fn open<S: WalState + Default>() -> Result<(TempDir, Durable<S>)> {
    let folder = tempfile::tempdir()?;
    let state = Durable::<S>::open(folder.path()).await?;
    Ok((folder, state))
}
