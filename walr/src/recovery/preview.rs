//! The dry run of an open.

use std::time::Instant;

use super::report::DryRun;
use super::{FolderFiles, find, refuse_without_store};
use crate::error::{Error, Result};
use crate::log::layout::{Identity, STORE, StoreDir};
use crate::options::ChangedResults;
use crate::options::progress::Watch;
use crate::panic::drop_quietly;
use crate::schema::Schema;
use crate::schema::state::WalState;

/// Performs an open of the store in `dir` up to the first change on disk.
pub(crate) fn preview<S: WalState>(dir: &StoreDir, changed: ChangedResults, watch: &Watch) -> Result<DryRun> {
    let began = Instant::now();
    let mut run = DryRun::default();
    match perform::<S>(dir, changed, watch, &mut run) {
        Ok(()) => {}
        // The folder can't be read, so that the dry run knows nothing about an open.
        Err(error @ Error::Io { .. }) => return Err(error),
        Err(error) => run.refused = Some(error),
    }
    run.recovery.took = began.elapsed();
    Ok(run)
}

fn perform<S: WalState>(dir: &StoreDir, changed: ChangedResults, watch: &Watch, run: &mut DryRun) -> Result<()> {
    Schema::check::<S>()?;
    let files = FolderFiles::list(dir)?;
    let Some(bytes) = dir.read_small(STORE)? else {
        refuse_without_store(dir, &files)?;
        run.creates = true;
        return Ok(());
    };
    let identity = Identity::decode(&bytes, &dir.file_path(STORE))?;
    let found = find::<S>(dir, &identity.store, &files, changed, watch, &mut run.recovery)?;
    run.recovery.cut = found.log.cuts.clone();
    drop_quietly(found.state);
    Ok(())
}
