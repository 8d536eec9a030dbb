//! Recovery: builds the state from the files of a folder, and finds the end of the log.
//!
//! 1. `STORE` identifies the store. Without it, a creation was interrupted, and begins anew.
//! 2. The newest checkpoint is loaded, or the one before it if its bytes are corrupt.
//! 3. [`scan`] reads the log above it without applying anything, and decides where the log ends ([`table`]).
//! 4. [`replay`] applies the records.
//! 5. Only then does recovery change anything on disk: it copies torn ends, renames corrupt checkpoints, and removes old files. After a
//!    crash the next open repeats this.

mod create;
mod decode;
mod decode_ahead;
mod preview;
mod replay;
mod replaying;
mod replica;
mod report;
mod results;
mod salvage;
mod scan;
mod segments;
mod tail;

pub(crate) use preview::preview;
pub use replaying::is_replaying;
pub(crate) use replica::{LogSnapshot, Replica, read, rebuild, replay_again};
pub use report::{Bypassed, Cut, DryRun, Recovery};

use std::time::Instant;

use self::create::{create, refuse_without_store};
use self::decode::{RecordPanic, ReplayError};
use self::replay::ReplayCounts;
use self::replica::NOT_DETERMINISTIC;
use self::results::ResultCheck;
use self::salvage::salvage;
use self::scan::{ScanRequest, ScannedLog, scan};
use crate::checkpoint::{self, LoadError, LoadedCheckpoint};
use crate::error::{Error, Result};
use crate::fs::Throttle;
use crate::log::frame::LsnRange;
use crate::log::journal::LogPosition;
use crate::log::layout::{
    BAD, FileKind, Identity, STORE, StoreDir, StoreId, checkpoint_name, parse_name, segment_name,
};
use crate::log::view::Span;
use crate::lsn::Lsn;
use crate::options::ChangedResults;
use crate::options::progress::{Phase, Watch};
use crate::panic::drop_quietly;
use crate::schema::state::WalState;
use crate::schema::{MutationCounts, Schema};

/// An opened store.
#[derive(Debug)]
pub(crate) struct OpenedStore<S> {
    /// `None` once it is taken.
    pub(crate) state: Option<S>,
    pub(crate) identity: Identity,
    pub(crate) position: LogPosition,
    /// The intact checkpoints, oldest first; at least one.
    pub(crate) checkpoints: Vec<Lsn>,
    /// The aborted LSNs.
    pub(crate) aborts: Vec<LsnRange>,
    pub(crate) report: Recovery,
}

/// The files in a store's folder.
#[derive(Debug, Default)]
struct FolderFiles {
    segments: Vec<u64>,
    checkpoints: Vec<Lsn>,
    /// The corrupt checkpoints that earlier opens have renamed.
    bad: Vec<Lsn>,
    unfinished: Vec<String>,
    /// Files of walr 0.1.
    old: Vec<String>,
}

impl FolderFiles {
    fn list(dir: &StoreDir) -> Result<FolderFiles> {
        let mut files = FolderFiles::default();
        for entry in dir.folder.list().map_err(|e| Error::io("list", &dir.path, e))? {
            match parse_name(&entry.name) {
                Some(FileKind::Segment(seq)) => files.segments.push(seq),
                Some(FileKind::Checkpoint(lsn)) => files.checkpoints.push(lsn),
                Some(FileKind::Unfinished) => files.unfinished.push(entry.name),
                Some(FileKind::Old) => files.old.push(entry.name),
                None => {
                    if let Some(FileKind::Checkpoint(lsn)) = entry.name.strip_suffix(BAD).and_then(parse_name) {
                        files.bad.push(lsn);
                    }
                }
            }
        }
        files.segments.sort_unstable();
        files.checkpoints.sort_unstable();
        Ok(files)
    }
}

/// Opens the store in `dir`, or creates it with the state that `first` returns. The caller holds the lock.
pub(crate) fn open<S: WalState>(
    dir: &StoreDir,
    changed: ChangedResults,
    watch: &Watch,
    first: impl FnOnce() -> Result<S>,
) -> Result<OpenedStore<S>> {
    let began = Instant::now();
    // The steps below rely on renames, which an earlier process may not have synced.
    dir.sync()?;
    let files = FolderFiles::list(dir)?;
    let mut opened = match dir.read_small(STORE)? {
        Some(bytes) => {
            let identity = Identity::decode(&bytes, &dir.file_path(STORE))?;
            recover(dir, identity, &files, changed, watch)?
        }
        None => {
            refuse_without_store(dir, &files)?;
            create(dir, &files, first()?)?
        }
    };
    opened.report.took = began.elapsed();
    Ok(opened)
}

fn recover<S: WalState>(
    dir: &StoreDir,
    identity: Identity,
    files: &FolderFiles,
    changed: ChangedResults,
    watch: &Watch,
) -> Result<OpenedStore<S>> {
    let mut report = Recovery::default();
    let RecoveredState { state, mut log, oldest } = find(dir, &identity.store, files, changed, watch, &mut report)?;
    let checkpoints = change_files(dir, files, oldest, &mut log, &mut report)?;
    let aborts = std::mem::take(&mut log.aborts);
    let position = end_of(log, &report);
    Ok(OpenedStore { state: Some(state), identity, position, checkpoints, aborts, report })
}

/// Returns the end of a recovered log, where the journal goes on.
fn end_of(log: ScannedLog, report: &Recovery) -> LogPosition {
    // After an unclean end the last segment still has its reserved space, and perhaps a torn tail. Both can go once a later segment begins.
    let last = log.extents.last().filter(|_| !log.marked || !log.cuts.is_empty());
    let first_abort = report.aborted.iter().map(|(first, _)| *first).min();
    let trim = last.map(|extent| (extent.seq, extent.end));
    LogPosition {
        next: log.next,
        unwritten_aborts: report.aborted.clone(),
        accepted: report.accepted_results,
        applied: first_abort.map_or(report.last, |first| Lsn::new(first.get() - 1)),
        marked: log.marked,
        trim: trim.filter(|_| report.cut.iter().all(|cut| cut.copy.is_some())),
        extents: log.extents,
    }
}

/// The state and the log that a folder holds.
struct RecoveredState<S> {
    state: S,
    log: ScannedLog,
    /// The oldest checkpoint that is kept. The log was scanned from there.
    oldest: Lsn,
}

/// Builds the state from the folder, without a change on disk.
fn find<S: WalState>(
    dir: &StoreDir,
    store: &StoreId,
    files: &FolderFiles,
    changed: ChangedResults,
    watch: &Watch,
    report: &mut Recovery,
) -> Result<RecoveredState<S>> {
    let loaded = load_newest::<S>(dir, store, &files.checkpoints, &mut report.bypassed, &Throttle::off(), watch)?;
    (report.checkpoint, report.checkpoint_bytes) = (loaded.lsn, loaded.bytes);
    report.migrated_from = Some(loaded.version).filter(|version| *version != S::VERSION);
    let mut held = MutationCounts::default();
    // The two newest checkpoints are kept, with the log above them. A crash or a failed removal can leave older ones.
    let needed = &files.checkpoints[files.checkpoints.len().saturating_sub(2)..];
    let oldest = needed.first().copied().unwrap_or_default().min(loaded.lsn);
    let mut log = scan(ScanRequest {
        dir,
        store,
        segments: &files.segments,
        oldest,
        newest: files.checkpoints.last().copied().unwrap_or_default(),
        applied: files.checkpoints.iter().chain(&files.bad).max().copied().unwrap_or_default(),
        loaded: loaded.lsn,
        watch,
        accept: &mut |schema, uses| {
            held.add(schema, uses);
            Ok(())
        },
    })?;
    report.last = Lsn::new(log.next.lsn.get() - 1);
    report.log_bytes = log.bytes;
    held.check(&Schema::of::<S>(), &dir.path).map_err(|error| explain_bypassed(&report.bypassed, error))?;
    let (state, replayed) = replay_all(dir, store, Replica::from(loaded), &mut log, (changed, watch), report)?;
    report.records = replayed.records;
    report.bytes = replayed.bytes;
    report.records_of_other_code = replayed.of_other_code;
    Ok(RecoveredState { state, log, oldest })
}

/// Adds to a refusal that the records are only needed because a checkpoint is corrupt.
fn explain_bypassed(bypassed: &[Bypassed], error: Error) -> Error {
    match (bypassed.first(), error) {
        (Some(Bypassed { path: corrupt, offset, reason: finding }), Error::Schema { path, reason }) => {
            let file = corrupt.display();
            let reason = format!("{reason} (they are needed because {file} is corrupt at byte {offset}: {finding})");
            Error::Schema { path, reason }
        }
        (_, error) => error,
    }
}

/// Loads the newest intact checkpoint.
fn load_newest<S: WalState>(
    dir: &StoreDir,
    store: &StoreId,
    checkpoints: &[Lsn],
    bypassed: &mut Vec<Bypassed>,
    throttle: &Throttle<'_>,
    watch: &Watch,
) -> Result<LoadedCheckpoint<S>> {
    for &lsn in checkpoints.iter().rev() {
        let name = checkpoint_name(lsn);
        match checkpoint::load(dir, store, &name, lsn, throttle, watch) {
            Ok(loaded) => return Ok(loaded),
            Err(LoadError::Refused(error)) => return Err(error),
            Err(LoadError::Corrupt { offset, reason }) => {
                bypassed.push(Bypassed { path: dir.file_path(&name), offset, reason: reason.to_string() });
            }
        }
    }
    Err(no_intact_checkpoint(dir, bypassed))
}

fn no_intact_checkpoint(dir: &StoreDir, bypassed: &[Bypassed]) -> Error {
    match bypassed.first() {
        Some(Bypassed { path, offset, reason }) => Error::Corrupt {
            path: path.clone(),
            offset: *offset,
            after: Lsn::default(),
            reason: format!("{reason}, and there is no intact checkpoint before it"),
        },
        None => Error::Missing { path: dir.path.clone(), reason: "there is no checkpoint".to_string() },
    }
}

/// Replays the log on top of `replica`. Aborts a record that panics with the code that recorded it, if the record lies above every LSN that
/// is known to have been applied: the process ended before the abort.
fn replay_all<S: WalState>(
    dir: &StoreDir,
    store: &StoreId,
    mut replica: Replica<S>,
    log: &mut ScannedLog,
    (changed, watch): (ChangedResults, &Watch),
    report: &mut Recovery,
) -> Result<(S, ReplayCounts)> {
    let (checkpoint, last) = (replica.lsn, report.last);
    loop {
        let view = log.view(dir, store);
        watch.begin(Phase::Replay, view.bytes(Span { above: checkpoint, up_to: last }));
        let mut results = ResultCheck::new(dir.path.clone(), log.uncompared.clone(), changed, checkpoint);
        let advanced = replica.advance(&view, last, watch, &mut results);
        (report.accepted_results, report.results_not_compared) = (results.is_accepted, results.changed_types);
        match advanced {
            Ok(replayed) => {
                // An open that accepted other results may have ended before its checkpoint.
                report.needs_checkpoint = report.accepted_results || log.uncompared.accepted > checkpoint;
                watch.end();
                return Ok((replica.state, replayed));
            }
            Err(ReplayError::Failed(error)) => return Err(error),
            Err(ReplayError::Panicked(panic)) => {
                // The state is half changed, and its `Drop` may panic.
                drop_quietly(replica);
                abort_panicked(dir, log, report, panic)?;
                let off = Throttle::off();
                replica = load_newest(dir, store, &[checkpoint], &mut Vec::new(), &off, watch)?.into();
            }
        }
    }
}

/// Aborts a record that panicked, or refuses the open if the record may be that of an acknowledged call.
fn abort_panicked(dir: &StoreDir, log: &mut ScannedLog, report: &mut Recovery, panic: RecordPanic) -> Result<()> {
    let advice = if panic.batch.1 <= log.applied {
        NOT_DETERMINISTIC
    } else if !panic.is_same_code {
        "other code of the same mutations made the record; open the store with that code, or fix this code"
    } else {
        log.aborts.push(panic.batch);
        report.aborted.push(panic.batch);
        return Ok(());
    };
    let RecordPanic { lsn, mutation, message, .. } = panic;
    Err(Error::ReplayPanicked { path: dir.path.clone(), mutation, lsn, message, advice })
}

/// Makes recovery's changes on disk, and returns the kept checkpoints.
fn change_files(
    dir: &StoreDir,
    files: &FolderFiles,
    oldest: Lsn,
    log: &mut ScannedLog,
    report: &mut Recovery,
) -> Result<Vec<Lsn>> {
    for cut in &mut log.cuts {
        cut.copy = salvage(dir, cut);
        report.cut.push(cut.clone());
    }
    let mut kept = files.checkpoints.clone();
    let old = kept.partition_point(|&lsn| lsn < oldest);
    for lsn in kept.drain(..old) {
        dir.remove_if_there(&checkpoint_name(lsn))?;
    }
    for bypassed in &report.bypassed {
        kept.retain(|&lsn| dir.file_path(&checkpoint_name(lsn)) != bypassed.path);
    }
    for bypassed in &report.bypassed {
        if let Some(name) = bypassed.path.file_name().and_then(|name| name.to_str()) {
            dir.rename(name, &format!("{name}{BAD}"))?;
        }
    }
    // The removal of checkpoints is made durable first. Otherwise a crash could leave one without the log above it.
    if old > 0 && !log.old_segments.is_empty() {
        dir.sync()?;
    }
    for name in &files.unfinished {
        dir.remove_if_there(name)?;
    }
    for &seq in &log.old_segments {
        dir.remove_if_there(&segment_name(seq))?;
    }
    Ok(kept)
}
