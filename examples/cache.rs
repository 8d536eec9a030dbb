//! A cache that survives, as a small program.
//!
//! `cargo run --example cache` imports the text of this workspace in a second process, kills that in the middle of writing,
//! opens the store again and checks that everything acknowledged is there. With arguments it works on a cache of your own;
//! `cargo run --example cache -- --help` lists them.

use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use walr::{Durable, WalState};

#[derive(Default, Serialize, Deserialize, WalState)]
struct Cache {
    entries: HashMap<String, String>,
}

#[walr::mutations]
impl Cache {
    /// Stores `value` under `key` and hands back the value it replaces.
    #[mutation]
    fn insert(&mut self, key: String, value: String) -> Option<String> {
        self.entries.insert(key, value)
    }

    /// Takes out what is under `key` and hands it back.
    #[mutation]
    fn remove(&mut self, key: &str) -> Option<String> {
        self.entries.remove(key)
    }
}

// That was the domain; the rest is the program around it.

#[path = "cache/bar.rs"]
mod bar;
#[path = "cache/command.rs"]
mod command;
#[path = "cache/crash.rs"]
mod crash;
#[path = "cache/import.rs"]
mod import;
#[path = "shared/victim.rs"]
mod victim;

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use command::Command;

/// What can fail here fails with a message for the user.
type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

#[tokio::main]
async fn main() -> ExitCode {
    let command = match command::parse(std::env::args_os().skip(1)) {
        Ok(command) => command,
        Err(mistake) => {
            eprintln!("cache: {mistake}\n\n{}", command::USAGE);
            return ExitCode::from(2);
        }
    };
    match run(command).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("cache: {error}");
            let mut cause = error.source();
            while let Some(error) = cause {
                eprintln!("  caused by: {error}");
                cause = error.source();
            }
            ExitCode::FAILURE
        }
    }
}

/// Does what was asked for, and says whether it was there to be done.
async fn run(command: Command) -> Outcome<bool> {
    match command {
        Command::Help => say(command::USAGE).map(|()| true),
        Command::Crash => crash::run().await,
        Command::UntilKilled { dir } => crash::import_until_killed(&dir).await.map(|()| true),
        Command::On { dir, action } => {
            let state = Durable::open(&dir).await?;
            let done = act(&state, action).await;
            let closed = state.close().await;
            let done = done?;
            closed?;
            Ok(done)
        }
    }
}

async fn act(state: &Durable<Cache>, action: command::Action) -> Outcome<bool> {
    use command::Action;
    match action {
        Action::Set { key, value } => match state.insert(key, value).await? {
            Some(old) => say(format!("stored; it was {old:?}"))?,
            None => say("stored")?,
        },
        Action::Get { key } => match state.read(|cache| cache.entries.get(&key).cloned()) {
            Some(value) => say(value)?,
            None => return missing(&key),
        },
        Action::Remove { key } => match state.remove(&key).await? {
            Some(old) => say(format!("removed; it was {old:?}"))?,
            None => return missing(&key),
        },
        Action::List => list(state)?,
        Action::Import { file } => import_file(state, &file).await?,
        Action::Checkpoint => say(format!("the checkpoint holds everything up to lsn {}", state.checkpoint().await?))?,
    }
    Ok(true)
}

fn missing(key: &str) -> Outcome<bool> {
    eprintln!("cache: nothing is stored under {key:?}");
    Ok(false)
}

/// Prints a line per entry, sorted by key.
fn list(state: &Durable<Cache>) -> Outcome<()> {
    let mut lines: Vec<String> =
        state.read(|cache| cache.entries.iter().map(|(key, value)| format!("{key}\t{value}")).collect());
    lines.sort();
    if lines.is_empty() { Ok(()) } else { say(lines.join("\n")) }
}

async fn import_file(state: &Durable<Cache>, file: &Path) -> Outcome<()> {
    let began = std::time::Instant::now();
    let lines = import::lines_of(file, &file.display().to_string())?;
    let count = lines.len();
    import::import(state, lines).await?;
    let syncs = state.stats().syncs;
    say(format!("imported {count} lines in {:.2?}, with {syncs} syncs", began.elapsed()))
}

/// Prints a line. Whoever reads it may have seen enough, as `head` has.
fn say(line: impl std::fmt::Display) -> Outcome<()> {
    match writeln!(io::stdout(), "{line}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
