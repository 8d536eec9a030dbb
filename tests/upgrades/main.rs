//! Folders that one version of a program wrote and another opens: every change of the code either works or is refused by
//! name, with nothing on disk changed. Each change is a test, and a row of the table that `table` prints.

mod arguments;
mod code;
#[path = "../common/mod.rs"]
mod common;
mod dry_run;
mod methods;
mod migrations;
mod states;
mod table;
mod verify;

use std::path::Path;
use std::pin::Pin;

use tempfile::TempDir;
use walr::{CheckpointPolicy, Durable, Error, Options, WalState};

use crate::common::{Result, snapshot};

/// A change that is being tried.
type Running = Pin<Box<dyn Future<Output = Result<Outcome>>>>;

/// A change of the code, and what it must lead to.
pub(crate) struct Row {
    pub(crate) change: &'static str,
    pub(crate) expected: Expected,
    pub(crate) run: fn() -> Running,
}

pub(crate) enum Expected {
    Works,
    /// Refused, with all of this in the message.
    Refused(&'static [&'static str]),
}

/// What an open with the changed code came to.
pub(crate) enum Outcome {
    Works(String),
    Refused(String),
}

/// How the first program's run ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// All of its records are above the newest checkpoint.
    Killed,
    /// There is a checkpoint of all of it.
    Closed,
}

/// A folder, and what the second program's open of it came to.
pub(crate) struct Seen<S: WalState> {
    pub(crate) folder: TempDir,
    pub(crate) opened: walr::Result<Durable<S>>,
}

impl<S: WalState> Seen<S> {
    /// The outcome; `check` looks at a state that was opened.
    pub(crate) fn outcome(&self, check: impl FnOnce(&Durable<S>) -> bool) -> Outcome {
        match &self.opened {
            Ok(state) => {
                assert!(check(state), "the state isn't what it was");
                let recovery = state.store().recovery();
                Outcome::Works(match (recovery.records, recovery.records_of_other_code) {
                    (0, _) => "opens from the checkpoint".to_string(),
                    (records, 0) => format!("replays {records} records"),
                    (records, other) => format!("replays {records} records, {other} of them made by other code"),
                })
            }
            Err(error) => Outcome::Refused(shown(error, self.folder.path())),
        }
    }
}

/// The message without the folder's path, which is another in each run.
pub(crate) fn shown(error: &Error, folder: &Path) -> String {
    error.to_string().replace(&folder.display().to_string(), "cache")
}

/// Options under which nothing happens by itself.
pub(crate) fn options<S: WalState>() -> Options<S> {
    Durable::<S>::options().checkpoint(CheckpointPolicy::Manual)
}

/// Lets `A` make these calls in a new folder, which `B` then opens.
pub(crate) async fn upgrade<A: WalState + Default, B: WalState + Default>(
    end: End,
    calls: Vec<A::Log>,
) -> Result<Seen<B>> {
    let folder = wrote::<A>(end, calls).await?;
    reopen(folder, options::<B>()).await
}

/// A folder in which `S` made these calls.
pub(crate) async fn wrote<S: WalState + Default>(end: End, calls: Vec<S::Log>) -> Result<TempDir> {
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

/// Opens a folder, and makes sure that a refusal changes nothing.
pub(crate) async fn reopen<S: WalState + Default>(folder: TempDir, options: Options<S>) -> Result<Seen<S>> {
    let before = snapshot(folder.path())?;
    let opened = options.open(folder.path()).await;
    if opened.is_err() {
        assert_eq!(snapshot(folder.path())?, before, "a refusal changed the folder");
    }
    Ok(Seen { folder, opened })
}

/// Runs a row's change, and holds its outcome to what is expected.
pub(crate) async fn check(row: &Row) -> Result<Outcome> {
    let outcome = (row.run)().await?;
    match (&row.expected, &outcome) {
        (Expected::Works, Outcome::Works(_)) => {}
        (Expected::Refused(words), Outcome::Refused(message)) => {
            for word in *words {
                assert!(message.contains(word), "{}: `{word}` is missing in: {message}", row.change);
            }
        }
        (Expected::Works, Outcome::Refused(message)) => panic!("{}: refused: {message}", row.change),
        (Expected::Refused(_), Outcome::Works(how)) => panic!("{}: {how}", row.change),
    }
    Ok(outcome)
}

/// Makes a test of each change, and a row of the table.
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
