//! Errors can be sent anywhere, know the fate of a call, and repeat nothing.

use std::error::Error as _;

use super::*;

/// A message that no other message contains.
const BOTTOM: &str = "the bottom";

fn bottom() -> Arc<io::Error> {
    Arc::new(io::Error::other(BOTTOM))
}

fn commit() -> Error {
    Error::Commit { action: "sync", path: "x".into(), offset: 8, lsn: Lsn::new(3), source: bottom() }
}

/// Returns the messages of an error and its sources, the outermost first.
fn chain(error: &Error) -> Vec<String> {
    let mut messages = vec![error.to_string()];
    let mut source = error.source();
    while let Some(error) = source {
        messages.push(error.to_string());
        source = error.source();
    }
    messages
}

/// Returns an error of each variant with a source.
fn with_sources() -> Vec<Error> {
    let cause = Arc::new(commit());
    vec![
        Error::Io { action: "open", path: "x".into(), source: bottom() },
        Error::Full { path: "x".into(), needed: 4096, source: bottom() },
        commit(),
        Error::Failed { cause: cause.clone() },
        Error::NoCheckpoint { cause },
        Error::handler(&Error::Failed { cause: Arc::new(commit()) }),
    ]
}

/// Returns an error of each variant without a source.
fn without_sources() -> Vec<Error> {
    let (path, reason, message) = (PathBuf::from("x"), "a reason".to_string(), "a message".to_string());
    let (lsn, mutation) = (Lsn::new(3), "put".to_string());
    vec![
        Error::Closed,
        Error::Forked,
        Error::Reentrant { place: "a `read`", fate: Fate::NotRecorded },
        Error::Codec { what: "`put`".into(), step: "encoded", reason: reason.clone() },
        Error::TooLarge { mutation: "put", size: 2, max: 1 },
        Error::TooMany { records: 2, max: 1 },
        Error::Panicked { mutation: "put", lsn, message: message.clone() },
        Error::ReplayPanicked {
            path: path.clone(),
            mutation: mutation.clone(),
            lsn,
            message: message.clone(),
            advice: "advice",
        },
        Error::Corrupt { path: path.clone(), offset: 8, after: lsn, reason: reason.clone() },
        Error::Missing { path: path.clone(), reason: reason.clone() },
        Error::Newer { path: path.clone(), what: "the format", found: 3 },
        Error::Older { path: path.clone(), format: "a format", advice: "advice" },
        Error::Schema { path: path.clone(), reason: reason.clone() },
        Error::Migration { path: path.clone(), from: 1, to: 2, migration: "a migration".into(), message },
        Error::ChangedCode { path: path.clone(), records: 3, checkpoint: lsn },
        Error::ChangedResults {
            path: path.clone(),
            first: lsn,
            last: Lsn::new(7),
            mutations: vec![mutation.clone()],
            reason: "a reason",
        },
        Error::Diverged { path: path.clone(), trusted: lsn, lsn: None, mutation: None, reason: reason.clone() },
        Error::Locked { path },
        Error::Option { option: "segment_size", value: "0".into(), reason: "it is at least 1" },
        Error::Thread { reason },
    ]
}

#[test]
fn errors_can_go_anywhere() {
    fn anywhere<T: Send + Sync + 'static + std::error::Error>() {}
    anywhere::<Error>();
}

#[test]
fn a_chain_repeats_nothing() {
    for error in with_sources() {
        let texts = chain(&error);
        assert!(texts.len() > 1, "{error:?} has no source");
        for (at, above) in texts.iter().enumerate() {
            let repeated = texts[at + 1..].iter().find(|below| above.contains(below.as_str()));
            assert!(repeated.is_none(), "{above:?} repeats its source {repeated:?}");
        }
        assert_eq!(texts.last().map(String::as_str), Some(BOTTOM), "{texts:?}");
    }
    for error in without_sources() {
        assert_eq!(chain(&error).len(), 1, "{error:?}");
    }
}

#[test]
fn the_lists_hold_every_variant() {
    let name = |error: &Error| std::mem::discriminant(error);
    let all: std::collections::HashSet<_> = with_sources().iter().chain(&without_sources()).map(name).collect();
    assert_eq!(all.len(), include_str!("../error.rs").matches("#[error(").count());
}

#[test]
fn debug_prints_the_whole_chain_in_one_line() {
    let error = Error::NoCheckpoint { cause: Arc::new(commit()) };
    assert_eq!(format!("{error:?}"), chain(&error).join(": "));
}

#[test]
fn a_handlers_error_keeps_every_message() {
    let middle = Error::Io { action: "open", path: "x".into(), source: bottom() };
    let error = Error::handler(&Error::Failed { cause: Arc::new(middle.clone()) });
    assert_eq!(chain(&error)[2..], [middle.to_string(), BOTTOM.to_string()]);
    assert_eq!(error.fate(), Fate::NotRecorded);
}

#[test]
fn a_handlers_error_that_repeats_its_source_says_it_once() {
    #[derive(Debug, thiserror::Error)]
    #[error("can't apply: {0}")]
    struct Repeats(#[source] io::Error);
    let error = Error::handler(&Repeats(io::Error::other(BOTTOM)));
    assert_eq!(chain(&error)[1..], ["can't apply: the bottom"]);
}

#[test]
fn the_fate_is_unknown_only_if_the_call_may_be_on_disk() {
    assert_eq!(Error::Closed.fate(), Fate::NotRecorded);
    assert_eq!(commit().fate(), Fate::Unknown);
    assert_eq!(Error::Failed { cause: Arc::new(commit()) }.fate(), Fate::NotRecorded);
}
