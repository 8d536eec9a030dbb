//! What the user asks for.

use std::ffi::OsString;
use std::path::PathBuf;

pub(crate) const USAGE: &str = "\
usage: cache                              import, be killed, recover, check
       cache [--dir DIR] set KEY VALUE    store VALUE under KEY
       cache [--dir DIR] get KEY          print what is under KEY; status 1 if nothing is
       cache [--dir DIR] remove KEY       take out what is under KEY; status 1 if nothing is
       cache [--dir DIR] list             print all keys and values
       cache [--dir DIR] import FILE      store each line of FILE under FILE:NUMBER
       cache [--dir DIR] checkpoint       write the whole cache as one file

DIR is the store's folder, ./cache if it isn't given, and is made if it is missing.
Behind `--`, a word that begins with a dash is a word like any other.";

pub(crate) enum Command {
    Help,
    /// The whole demonstration.
    Crash,
    /// Its child process: it isn't meant for users.
    UntilKilled {
        dir: PathBuf,
    },
    /// Something on a store of the user's own.
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

/// Reads the arguments, or says what is wrong with them.
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
        Some(word) => Err(format!("{word:?} is one word too many for `{verb}`; put quotes around text with spaces")),
        None => Ok(Command::On { dir: dir.unwrap_or_else(|| "cache".into()), action }),
    }
}

/// Takes `--dir DIR` and `--help` out of the words.
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
