//! The commands, and the parser of the arguments.

use std::ffi::OsString;
use std::path::PathBuf;

pub(crate) const USAGE: &str = "\
usage: cache                              kill a process that imports, recover its cache, and check it
       cache [--dir DIR] set KEY VALUE    store VALUE under KEY
       cache [--dir DIR] get KEY          print the value of KEY; status 1 if there is none
       cache [--dir DIR] remove KEY       remove KEY; status 1 if there is none
       cache [--dir DIR] list             print all keys and values
       cache [--dir DIR] import FILE      store each line of FILE under FILE:NUMBER
       cache [--dir DIR] checkpoint       write the whole cache to one file

DIR is the folder of the store (default: cache). It is created if it is missing.
Words after `--` may begin with a dash.";

pub(crate) enum Command {
    Help,
    /// Kills a process that imports, and checks what its store recovers.
    Crash,
    /// Imports until it is killed, as the child process of [`Command::Crash`].
    UntilKilled {
        dir: PathBuf,
    },
    /// Opens a store, and acts on it.
    On {
        dir: PathBuf,
        action: Action,
    },
}

pub(crate) enum Action {
    Set { key: String, value: String },
    Get { key: String },
    Remove { key: String },
    List,
    Import { file: PathBuf },
    Checkpoint,
}

/// Parses the arguments. The error says what is wrong with them.
pub(crate) fn parse(args: impl Iterator<Item = OsString>) -> Result<Command, String> {
    let (dir, words) = split(args)?;
    let mut words = words.into_iter();
    let Some(verb) = words.next() else {
        return match dir {
            None => Ok(Command::Crash),
            Some(_) => Err("`--dir` needs a command".to_string()),
        };
    };
    let verb = text(verb, "the command")?;
    let mut next = |what: &str| words.next().ok_or_else(|| format!("`{verb}` needs {what}"));
    let action = match verb.as_str() {
        "help" => return Ok(Command::Help),
        crate::victim::UNTIL_KILLED => return Ok(Command::UntilKilled { dir: next("a folder")?.into() }),
        "set" => Action::Set { key: text(next("a key")?, "the key")?, value: text(next("a value")?, "the value")? },
        "get" => Action::Get { key: text(next("a key")?, "the key")? },
        "remove" => Action::Remove { key: text(next("a key")?, "the key")? },
        "list" => Action::List,
        "import" => Action::Import { file: next("a file")?.into() },
        "checkpoint" => Action::Checkpoint,
        other => return Err(format!("there is no command {other:?}")),
    };
    match words.next() {
        Some(word) => Err(format!("{word:?} is a word too many for `{verb}`; put quotes around a text with spaces")),
        None => Ok(Command::On { dir: dir.unwrap_or_else(|| "cache".into()), action }),
    }
}

/// Separates `--dir DIR` and `--help` from the other words.
fn split(mut args: impl Iterator<Item = OsString>) -> Result<(Option<PathBuf>, Vec<OsString>), String> {
    let (mut dir, mut words) = (None, Vec::new());
    while let Some(arg) = args.next() {
        match arg.to_str() {
            Some("--") => words.extend(args.by_ref()),
            Some("--help" | "-h") => return Ok((None, vec!["help".into()])),
            Some("--dir") if dir.is_some() => return Err("`--dir` is given twice".to_string()),
            Some("--dir") => {
                dir = Some(args.next().filter(|dir| !dir.is_empty()).ok_or("`--dir` needs a folder")?.into())
            }
            Some(option) if option.starts_with('-') && option.len() > 1 => {
                return Err(format!("there is no option {option:?}; put `--` before a word that begins with a dash"));
            }
            _ => words.push(arg),
        }
    }
    Ok((dir, words))
}

fn text(word: OsString, what: &str) -> Result<String, String> {
    word.into_string().map_err(|word| format!("{what} {word:?} isn't UTF-8"))
}
