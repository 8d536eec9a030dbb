//! A cache that survives, as a command-line program.
//!
//! `cargo run --example cache` starts a second process that imports the text of this workspace, kills it while it writes, opens
//! the store again, and checks that everything acknowledged is recovered. With arguments the program works on a cache of your
//! own: `cargo run --example cache -- --help`.

use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use walr::{Durable, WalState};

#[derive(Default, Serialize, Deserialize, WalState)]
struct Cache {
    entries: HashMap<String, String>,
}

#[walr::mutations]
impl Cache {
    /// Stores `value` under `key` and returns the value it replaces.
    #[mutation]
    fn insert(&mut self, key: String, value: String) -> Option<String> {
        self.entries.insert(key, value)
    }

    /// Removes the entry of `key` and returns its value.
    #[mutation]
    fn remove(&mut self, key: &str) -> Option<String> {
        self.entries.remove(key)
    }

    /// Returns the value of `key`.
    #[query]
    fn get(&self, key: &str) -> Option<String> {
        self.entries.get(key).cloned()
    }
}

// The program around the cache begins here.

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

use command::{Action, Command};

/// A result whose error is a message for the user.
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
        Ok(()) => ExitCode::SUCCESS,
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

async fn run(command: Command) -> Outcome<()> {
    match command {
        Command::Help => say(command::USAGE),
        Command::Crash => crash::run().await,
        Command::UntilKilled { dir } => crash::import_until_killed(&dir).await,
        Command::On { dir, action } => {
            let cache = Durable::open(&dir).await?;
            let done = act(&cache, action).await;
            cache.close().await?;
            done
        }
    }
}

async fn act(cache: &Durable<Cache>, action: Action) -> Outcome<()> {
    match action {
        Action::Set { key, value } => match cache.insert(key, value).await? {
            Some(old) => say(format!("stored in the place of {old:?}")),
            None => say("stored"),
        },
        Action::Get { key } => say(cache.get(&key).ok_or_else(|| missing(&key))?),
        Action::Remove { key } => {
            let old = cache.remove(&key).await?.ok_or_else(|| missing(&key))?;
            say(format!("removed {old:?}"))
        }
        Action::List => list(cache),
        Action::Import { file } => import_file(cache, &file).await,
        Action::Checkpoint => say(format!("the checkpoint holds everything up to lsn {}", cache.checkpoint().await?)),
    }
}

fn missing(key: &str) -> String {
    format!("nothing is stored under {key:?}")
}

/// Prints the entries, sorted by key.
fn list(cache: &Durable<Cache>) -> Outcome<()> {
    let mut lines: Vec<String> =
        cache.read(|cache| cache.entries.iter().map(|(key, value)| format!("{key}\t{value}")).collect());
    lines.sort();
    lines.iter().try_for_each(say)
}

async fn import_file(cache: &Durable<Cache>, file: &Path) -> Outcome<()> {
    let began = std::time::Instant::now();
    let lines = import::lines_of(file, &file.display().to_string())?;
    let count = lines.len();
    import::import(cache, lines).await?;
    let syncs = cache.stats().syncs;
    say(format!("imported {count} lines in {:.2?} with {syncs} syncs", began.elapsed()))
}

/// Prints a line. A closed pipe is no error: `list | head` needs only the first lines.
fn say(line: impl std::fmt::Display) -> Outcome<()> {
    match writeln!(io::stdout(), "{line}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
