//! From a folder to a state: which checkpoint, which records on top of it, and where the log goes on.
//!
//! 1. `STORE` says which store it is; without it, a creation was interrupted, and begins anew.
//! 2. The newest checkpoint is loaded; if its bytes are damaged, the one before it.
//! 3. [`scan`] reads the log above it without applying anything, and decides where it ends ([`table`]).
//! 4. [`replay`] applies it.
//! 5. Only then is anything on disk changed: a copy of what is cut is kept, a damaged checkpoint is renamed, and what
//!    nobody needs is removed. All of it can be done again after a crash.

mod decode;
mod decode_ahead;
mod preview;
mod replay;
mod replica;
mod report;
mod salvage;
mod scan;
mod table;

pub(crate) use preview::preview;
pub(crate) use replica::{LogSnapshot, Replica, read, rebuild, replay_again};
pub use report::{Bypassed, Cut, DryRun, Recovery};

use std::time::Instant;

use self::decode::{RecordPanic, ReplayError};
use self::replay::{ReplayCounts, without_aborted};
use self::salvage::salvage;
use self::scan::{ScanRequest, ScannedLog, scan};
use crate::checkpoint::{self, LoadError, LoadedCheckpoint};
use crate::error::{Error, Result};
use crate::fs::Open;
use crate::log::frame::{BLOCK, LsnRange};
use crate::log::journal::LogPosition;
use crate::log::layout::{
    BAD, FileKind, Identity, STORE, StoreDir, StoreId, checkpoint_name, parse_name, segment_name,
};
use crate::log::segment::{NextFrame, Segment, SegmentSpace};
use crate::log::view::Span;
use crate::lsn::Lsn;
use crate::options::ChangedCode;
use crate::options::progress::{Phase, Watch};
use crate::pace::Pace;
use crate::panic::drop_quietly;
use crate::schema::state::WalState;
use crate::schema::{Held, Schema};

/// The first segment of a new store, which the first mutation replaces.
const FIRST_SEGMENT: u64 = 4 * BLOCK;

/// An opened store.
#[derive(Debug)]
pub(crate) struct OpenedStore<S> {
    pub(crate) state: S,
    pub(crate) identity: Identity,
    pub(crate) position: LogPosition,
    /// The checkpoints that count, oldest first; at least one.
    pub(crate) checkpoints: Vec<Lsn>,
    /// LSNs that were taken back.
    pub(crate) aborts: Vec<LsnRange>,
    pub(crate) report: Recovery,
}

/// The names in the folder.
#[derive(Debug, Default)]
struct FolderFiles {
    segments: Vec<u64>,
    checkpoints: Vec<Lsn>,
    unfinished: Vec<String>,
    /// Files of walr 0.1.
    old: Vec<String>,
}

impl FolderFiles {
    fn list(dir: &StoreDir) -> Result<FolderFiles> {
        let mut names = FolderFiles::default();
        for entry in dir.folder.list().map_err(|e| Error::io("list", &dir.path, e))? {
            match parse_name(&entry.name) {
                Some(FileKind::Segment(seq)) => names.segments.push(seq),
                Some(FileKind::Checkpoint(lsn)) => names.checkpoints.push(lsn),
                Some(FileKind::Unfinished) => names.unfinished.push(entry.name),
                Some(FileKind::Old) => names.old.push(entry.name),
                None => {}
            }
        }
        names.segments.sort_unstable();
        names.checkpoints.sort_unstable();
        Ok(names)
    }
}

/// Opens the store in `dir`, whose lock is held; creates it from `first` if there is none.
pub(crate) fn open<S: WalState>(
    dir: &StoreDir,
    changed: ChangedCode,
    watch: &Watch,
    first: impl FnOnce() -> Result<S>,
) -> Result<OpenedStore<S>> {
    let began = Instant::now();
    // A rename that an earlier process had not yet made durable is acted on below.
    dir.sync()?;
    let names = FolderFiles::list(dir)?;
    let mut opened = match dir.read_small(STORE)? {
        Some(bytes) => {
            let identity = Identity::decode(&bytes, &dir.file_path(STORE))?;
            recover(dir, identity, names, changed, &Pace::watched(watch))?
        }
        None => {
            refuse_without_store(dir, &names)?;
            create(dir, names, first()?)?
        }
    };
    opened.report.took = began.elapsed();
    Ok(opened)
}

/// Without `STORE` there may be no more than an interrupted creation leaves.
fn refuse_without_store(dir: &StoreDir, names: &FolderFiles) -> Result<()> {
    if let Some(name) = names.old.first() {
        return Err(Error::Older { path: dir.file_path(name) });
    }
    let missing = |reason| Err(Error::Missing { path: dir.file_path(STORE), reason });
    if let Some(lsn) = names.checkpoints.iter().find(|lsn| lsn.get() > 0) {
        return missing(format!("it is missing, and the folder holds a checkpoint of lsn {lsn}"));
    }
    for &seq in &names.segments {
        let name = segment_name(seq);
        let path = dir.file_path(&name);
        let file = dir.folder.open(&name, Open::Read).map_err(|e| Error::io("open", &path, e))?;
        let mut bytes = vec![0; FIRST_SEGMENT as usize];
        let len = file.read_at(&mut bytes, 0).map_err(|e| Error::io("read", &path, e))?;
        let empty = bytes[..len].iter().skip(BLOCK as usize).all(|&byte| byte == 0);
        if seq != 1 || !empty {
            return missing(format!("it is missing, and the segment {name} holds records"));
        }
    }
    Ok(())
}

/// Creates a store that begins with `first`. `STORE` comes last: until then there is no store.
fn create<S: WalState>(dir: &StoreDir, names: FolderFiles, first: S) -> Result<OpenedStore<S>> {
    for name in names.unfinished.iter().cloned().chain(names.segments.iter().map(|&seq| segment_name(seq))) {
        dir.remove_if_there(&name)?;
    }
    dir.remove_if_there(&checkpoint_name(Lsn::default()))?;
    let identity = Identity::random()?;
    let written = checkpoint::write(dir, &identity.store, Lsn::default(), &first, &Pace::full())?;
    drop_quietly(first);
    let written = written.sync(dir)?;
    let bytes = written.bytes;
    let state = written.read_back::<S>(dir, &identity.store, &Pace::full())?;
    written.commit(dir)?;
    Segment::create(dir, &identity.store, 1, SegmentSpace { reserved: FIRST_SEGMENT, written: false }, &Pace::full())?;
    identity.write(dir)?;
    let next = NextFrame { number: 1, chain: 0, lsn: Lsn::new(1) };
    Ok(OpenedStore {
        state,
        identity,
        position: LogPosition { extents: Vec::new(), next, unwritten_aborts: Vec::new(), marked: true, trim: None },
        checkpoints: vec![Lsn::default()],
        aborts: Vec::new(),
        report: Recovery { created: true, checkpoint_bytes: bytes, ..Recovery::default() },
    })
}

fn recover<S: WalState>(
    dir: &StoreDir,
    identity: Identity,
    names: FolderFiles,
    changed: ChangedCode,
    pace: &Pace<'_>,
) -> Result<OpenedStore<S>> {
    let mut report = Recovery::default();
    let RecoveredState { state, mut log, oldest } = find(dir, &identity.store, &names, changed, pace, &mut report)?;
    let kept = tidy_up(dir, &names, oldest, &mut log, &mut report)?;
    // After an unclean end the last segment has its reserve still, and perhaps a torn tail: of no use once a later one is begun.
    let last = log.extents.last().filter(|_| !log.marked || !log.cuts.is_empty());
    let trim = last.map(|extent| (extent.seq, extent.end));
    Ok(OpenedStore {
        state,
        identity,
        position: LogPosition {
            extents: log.extents,
            next: log.next,
            unwritten_aborts: report.aborted.clone(),
            marked: log.marked,
            trim: trim.filter(|_| report.cut.iter().all(|cut| cut.copy.is_some())),
        },
        checkpoints: kept,
        aborts: log.aborts,
        report,
    })
}

/// What a folder holds.
struct RecoveredState<S> {
    state: S,
    log: ScannedLog,
    /// The oldest checkpoint that the log was scanned from.
    oldest: Lsn,
}

/// Builds the state from the folder, and changes nothing there.
fn find<S: WalState>(
    dir: &StoreDir,
    store: &StoreId,
    names: &FolderFiles,
    changed: ChangedCode,
    pace: &Pace<'_>,
    report: &mut Recovery,
) -> Result<RecoveredState<S>> {
    let loaded = load_newest::<S>(dir, store, &names.checkpoints, &mut report.bypassed, pace)?;
    (report.checkpoint, report.checkpoint_bytes) = (loaded.lsn, loaded.bytes);
    report.migrated_from = Some(loaded.version).filter(|version| *version != S::VERSION);
    let mut held = Held::default();
    // Two checkpoints are kept, with the log above the older one; an even older one is what a crash or a failed removal left.
    let needed = &names.checkpoints[names.checkpoints.len().saturating_sub(2)..];
    let oldest = needed.first().copied().unwrap_or_default().min(loaded.lsn);
    let mut log = scan(ScanRequest {
        dir,
        store,
        segments: &names.segments,
        oldest,
        newest: names.checkpoints.last().copied().unwrap_or_default(),
        loaded: loaded.lsn,
        pace,
        accept: &mut |schema, uses| {
            held.add(schema, uses);
            Ok(())
        },
    })?;
    report.last = Lsn::new(log.next.lsn.get() - 1);
    report.log_bytes = log.bytes;
    accept::<S>(dir, &held, changed, loaded.lsn).map_err(|error| in_place_of(&report.bypassed, error))?;
    let (state, replayed) = match S::IS_REPLAYED {
        true => replay_all(dir, store, Replica::from(loaded), &mut log, pace, report)?,
        false => {
            let span = Span { above: loaded.lsn, up_to: report.last };
            (loaded.state, without_aborted(log.held, &log.view(dir, store), span)?)
        }
    };
    report.records = replayed.records;
    report.bytes = replayed.bytes;
    report.records_of_other_code = replayed.of_other_code;
    Ok(RecoveredState { state, log, oldest })
}

/// Refuses what this program can't replay, or shouldn't.
fn accept<S: WalState>(dir: &StoreDir, held: &Held, changed: ChangedCode, checkpoint: Lsn) -> Result<()> {
    let now = Schema::of::<S>();
    held.check(&now, &dir.path)?;
    let records = held.of_other_code(&now);
    if changed == ChangedCode::Refuse && records > 0 {
        return Err(Error::ChangedCode { path: dir.path.clone(), records, checkpoint });
    }
    Ok(())
}

/// A refusal of records that a damaged checkpoint holds the outcome of says so: its program may have closed properly.
fn in_place_of(bypassed: &[Bypassed], error: Error) -> Error {
    match (bypassed.first(), error) {
        (Some(damaged), Error::Schema { path, reason }) => {
            let (file, offset, damage) = (damaged.path.display(), damaged.offset, &damaged.reason);
            let reason = format!("{reason} (they are needed because {file} is damaged at byte {offset}: {damage})");
            Error::Schema { path, reason }
        }
        (_, error) => error,
    }
}

/// The newest checkpoint whose bytes are sound.
fn load_newest<S: WalState>(
    dir: &StoreDir,
    store: &StoreId,
    checkpoints: &[Lsn],
    bypassed: &mut Vec<Bypassed>,
    pace: &Pace<'_>,
) -> Result<LoadedCheckpoint<S>> {
    for &lsn in checkpoints.iter().rev() {
        let name = checkpoint_name(lsn);
        match checkpoint::load(dir, store, &name, lsn, pace) {
            Ok(loaded) => return Ok(loaded),
            Err(LoadError::Refused(error)) => return Err(error),
            Err(LoadError::Corrupt { offset, reason }) => {
                bypassed.push(Bypassed { path: dir.file_path(&name), offset, reason: reason.to_string() });
            }
        }
    }
    match bypassed.first() {
        Some(Bypassed { path, offset, reason }) => Err(Error::Corrupt {
            path: path.clone(),
            offset: *offset,
            after: Lsn::default(),
            reason: format!("{reason}, and there is no sound checkpoint before it"),
        }),
        None => Err(Error::Missing { path: dir.path.clone(), reason: "there is no checkpoint".to_string() }),
    }
}

/// Replays the log on top of `replica`. A record that panics in the last frame, under the code that recorded it, was never
/// acknowledged: the process ended before its abort was written. It is aborted now.
fn replay_all<S: WalState>(
    dir: &StoreDir,
    store: &StoreId,
    mut replica: Replica<S>,
    log: &mut ScannedLog,
    pace: &Pace<'_>,
    report: &mut Recovery,
) -> Result<(S, ReplayCounts)> {
    let (checkpoint, last) = (replica.lsn, report.last);
    loop {
        let view = log.view(dir, store);
        pace.begin(Phase::Replay, view.bytes(Span { above: checkpoint, up_to: last }));
        match replica.advance(&view, last, pace) {
            Ok(replayed) => {
                pace.end();
                return Ok((replica.state, replayed));
            }
            Err(ReplayError::Failed(error)) => return Err(error),
            Err(ReplayError::Panicked(panic)) => {
                // Its own `Drop` may panic on a state that is half changed.
                drop_quietly(replica);
                take_back::<S>(dir, log, report, panic)?;
                replica = Replica::load(dir, store, checkpoint, pace)?;
            }
        }
    }
}

fn take_back<S: WalState>(
    dir: &StoreDir,
    log: &mut ScannedLog,
    report: &mut Recovery,
    panic: RecordPanic,
) -> Result<()> {
    let (last, code) = log.last_batch.unwrap_or_default();
    let advice = if last == panic.frame && code != S::FINGERPRINT {
        "the record was made by other code of the same mutations: open the store with that, or mend this one"
    } else if last != panic.frame {
        "it succeeded when it was recorded, so that the mutation isn't deterministic: mend it"
    } else {
        log.aborts.push(panic.batch);
        report.aborted.push(panic.batch);
        return Ok(());
    };
    let RecordPanic { lsn, mutation, message, .. } = panic;
    Err(Error::ReplayPanicked { path: dir.path.clone(), mutation, lsn, message, advice })
}

/// Changes on disk what the recovery decided, and returns the checkpoints that count.
fn tidy_up(
    dir: &StoreDir,
    names: &FolderFiles,
    oldest: Lsn,
    log: &mut ScannedLog,
    report: &mut Recovery,
) -> Result<Vec<Lsn>> {
    for cut in &mut log.cuts {
        cut.copy = salvage(dir, cut);
        report.cut.push(cut.clone());
    }
    let mut kept = names.checkpoints.clone();
    // Below the oldest that the log was scanned from, there may be no log.
    let needless = kept.partition_point(|&lsn| lsn < oldest);
    for lsn in kept.drain(..needless) {
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
    // A checkpoint's removal first, and durably: else a crash could leave it without the log above it.
    if needless > 0 && !log.residue.is_empty() {
        dir.sync()?;
    }
    for name in &names.unfinished {
        dir.remove_if_there(name)?;
    }
    for &seq in &log.residue {
        dir.remove_if_there(&segment_name(seq))?;
    }
    Ok(kept)
}
