//! Tests of upgrades: one version of a program writes a folder, and another one opens it. Each change of the code either works or
//! is refused by name with nothing on disk changed. Each change is a test and a row of the table that `table` prints.

mod arguments;
mod code;
#[path = "../common/mod.rs"]
mod common;
mod dry_run;
mod methods;
mod migrations;
mod results;
mod states;
mod table;
mod verify;

use std::path::Path;
use std::pin::Pin;

use tempfile::TempDir;
use walr::{CheckpointPolicy, Durable, Error, Options, WalState};

use crate::common::{Result, snapshot};

/// The future of a change.
type Running = Pin<Box<dyn Future<Output = Result<Outcome>>>>;

/// A change of the code, and its expected outcome.
pub(crate) struct Row {
    pub(crate) change: &'static str,
    pub(crate) expected: Expected,
    pub(crate) run: fn() -> Running,
}

pub(crate) enum Expected {
    Works,
    /// The open is refused with a message that holds all of these parts.
    Refused(&'static [&'static str]),
}

/// The outcome of an open with the changed code.
pub(crate) enum Outcome {
    /// A description of the open.
    Works(String),
    /// The message of the refusal.
    Refused(String),
}

/// The end of the first program.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// All records are above the newest checkpoint.
    Killed,
    /// The newest checkpoint holds all records.
    Closed,
}

/// A folder, and the result of the second program's open.
pub(crate) struct Reopened<S: WalState> {
    pub(crate) folder: TempDir,
    pub(crate) opened: walr::Result<Durable<S>>,
}

impl<S: WalState> Reopened<S> {
    /// Returns the outcome. `check` must accept an opened state.
    pub(crate) fn outcome(&self, check: impl FnOnce(&Durable<S>) -> bool) -> Outcome {
        match &self.opened {
            Ok(state) => {
                assert!(check(state), "the reopened state differs");
                let recovery = state.store().recovery();
                Outcome::Works(match (recovery.records, recovery.records_of_other_code) {
                    (0, _) => "opens from the checkpoint".to_string(),
                    (records, 0) => format!("replays {records} records"),
                    (records, other) => format!("replays {records} records, {other} of them made by other code"),
                })
            }
            Err(error) => Outcome::Refused(message(error, self.folder.path())),
        }
    }
}

/// Returns the message with `cache` in the place of the folder's path, which differs in each run.
pub(crate) fn message(error: &Error, folder: &Path) -> String {
    error.to_string().replace(&folder.display().to_string(), "cache")
}

/// Returns options under which a store writes no checkpoint by itself.
pub(crate) fn options<S: WalState>() -> Options<S> {
    Durable::<S>::options().checkpoint(CheckpointPolicy::Manual)
}

/// Lets `A` make `calls` in a new folder, and opens the folder as `B`.
pub(crate) async fn upgrade<A: WalState + Default, B: WalState + Default>(
    end: End,
    calls: Vec<A::Log>,
) -> Result<Reopened<B>> {
    let folder = written::<A>(end, calls).await?;
    reopen(folder, options::<B>()).await
}

/// Returns a folder in which `S` made `calls`.
pub(crate) async fn written<S: WalState + Default>(end: End, calls: Vec<S::Log>) -> Result<TempDir> {
    let folder = tempfile::tempdir()?;
    let state = options::<S>().open(folder.path()).await?;
    for call in calls {
        state.apply(call).await?;
    }
    if end == End::Closed {
        state.checkpoint().await?;
        state.close().await?;
    }
    Ok(folder)
}

/// Opens a folder, and asserts that a refusal changes no file.
pub(crate) async fn reopen<S: WalState + Default>(folder: TempDir, options: Options<S>) -> Result<Reopened<S>> {
    let before = snapshot(folder.path())?;
    let opened = options.open(folder.path()).await;
    if opened.is_err() {
        assert_eq!(snapshot(folder.path())?, before, "the refusal changed a file");
    }
    Ok(Reopened { folder, opened })
}

/// Runs the change of a row, and asserts the expected outcome.
pub(crate) async fn check(row: &Row) -> Result<Outcome> {
    let outcome = (row.run)().await?;
    match (&row.expected, &outcome) {
        (Expected::Works, Outcome::Works(_)) => {}
        (Expected::Refused(parts), Outcome::Refused(message)) => {
            for part in *parts {
                assert!(message.contains(part), "{}: {part:?} is missing in: {message}", row.change);
            }
        }
        (Expected::Works, Outcome::Refused(message)) => panic!("{} is refused: {message}", row.change),
        (Expected::Refused(_), Outcome::Works(how)) => panic!("{} works: {how}", row.change),
    }
    Ok(outcome)
}

/// Makes a test and a row of the table of each change.
macro_rules! changes {
    ($($name:ident, $change:literal, $expected:expr => $run:expr;)*) => {
        pub(crate) const ROWS: &[crate::Row] = &[$(
            crate::Row { change: $change, expected: $expected, run: || Box::pin($run) },
        )*];
        $(
            #[test]
            fn $name() -> crate::common::Result {
                let row = ROWS.iter().find(|row| row.change == $change).ok_or("the row is missing")?;
                crate::common::run(crate::check(row)).map(drop)
            }
        )*
    };
}
pub(crate) use changes;
