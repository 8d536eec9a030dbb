//! Rejects calls in a mutation's body that give a replay another answer than the call got.
//!
//! Only the body's own tokens are searched, not the functions that it calls.

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};
use syn::ext::IdentExt;

use crate::errors::Errors;

/// Each row: a thing that a body may not use, the parameter that records its answer, and the tokens that use it.
///
/// A path that begins with a module or a function stands for itself and for the path under `std`, so that
/// `crate::fs::read` is allowed. A path that begins with a type stands for all types of that name. `STATIC` stands
/// for any name in capitals.
#[rustfmt::skip]
const REFUSED: &[(&str, &str, &[&str])] = &[
    ("the clock", "#[record(SystemTime::now())] at: SystemTime", &[
        "SystemTime::now", "SystemTime::elapsed", "UNIX_EPOCH.elapsed()", "Instant::now", "Instant::elapsed",
        ".elapsed()?", ".elapsed().expect", ".elapsed().is_ok_and", ".elapsed().map_err", ".elapsed().ok",
        ".elapsed().unwrap", ".elapsed().unwrap_or", ".elapsed().unwrap_or_default",
    ]),
    ("the clock", "#[record(Utc::now())] at: DateTime<Utc>", &["Utc::now", "Utc::today"]),
    ("the clock", "#[record(Local::now())] at: DateTime<Local>", &["Local::now", "Local::today"]),
    ("the clock", "#[record(OffsetDateTime::now_utc())] at: OffsetDateTime", &[
        "OffsetDateTime::now_utc", "OffsetDateTime::now_local",
    ]),
    ("the clock", "#[record(Timestamp::now())] at: Timestamp", &["Timestamp::now"]),
    ("the clock", "#[record(Zoned::now())] at: Zoned", &["Zoned::now"]),
    ("the clock and a random source", "#[record(Uuid::now_v7())] id: Uuid", &[
        "Uuid::now_v1", "Uuid::now_v6", "Uuid::now_v7",
    ]),
    ("the clock and a random source", "#[record(Ulid::new())] id: Ulid", &["Ulid::new"]),
    ("a random source", "#[record(Uuid::new_v4())] id: Uuid", &["Uuid::new_v4"]),
    // A generator that is made from a recorded seed is fine, so not all of rand is here.
    ("a random source", "#[record(rand::random())] seed: u64", &[
        "rand::fill", "rand::random", "rand::random_bool", "rand::random_iter", "rand::random_range",
        "rand::random_ratio", "rand::rng", "rand::thread_rng", "thread_rng()", "ThreadRng", "OsRng", "SysRng",
        "StdRng::from_entropy", "StdRng::from_os_rng", "SmallRng::from_entropy", "SmallRng::from_os_rng", "getrandom::",
        "fastrand::Rng::new", "fastrand::alphabetic", "fastrand::alphanumeric", "fastrand::bool", "fastrand::char",
        "fastrand::choice", "fastrand::f32", "fastrand::f64", "fastrand::fill", "fastrand::i32", "fastrand::i64",
        "fastrand::shuffle", "fastrand::u8", "fastrand::u16", "fastrand::u32", "fastrand::u64", "fastrand::u128",
        "fastrand::usize",
    ]),
    ("the environment", "#[record(std::env::var(\"NAME\").ok())] name: Option<String>", &[
        "env::args", "env::args_os", "env::current_dir", "env::current_exe", "env::home_dir", "env::remove_var",
        "env::set_current_dir", "env::set_var", "env::temp_dir", "env::var", "env::var_os", "env::vars", "env::vars_os",
    ]),
    ("the file system", "#[record(std::fs::read_to_string(\"path\").ok())] text: Option<String>", &[
        "fs::canonicalize", "fs::copy", "fs::create_dir", "fs::create_dir_all", "fs::exists", "fs::hard_link",
        "fs::metadata", "fs::read", "fs::read_dir", "fs::read_link", "fs::read_to_string", "fs::remove_dir",
        "fs::remove_dir_all", "fs::remove_file", "fs::rename", "fs::set_permissions", "fs::symlink_metadata",
        "fs::write", "File::create", "File::create_new", "File::open", "File::options", "OpenOptions::new",
    ]),
    ("the network", "#[record(ask())] answer: Option<String>", &[
        "TcpStream::connect", "TcpStream::connect_timeout", "TcpListener::bind", "UdpSocket::bind",
        "UnixStream::connect", "UnixListener::bind", "UnixDatagram::bind", "reqwest::", "ureq::",
    ]),
    ("the operating system", "#[record(std::process::id())] process: u32", &[
        "process::id", "process::Command", "thread::available_parallelism",
    ]),
    ("the thread that it runs on", "#[record(format!(\"{:?}\", std::thread::current().id()))] thread: String", &[
        "thread::current",
    ]),
    ("the terminal", "#[record(ask())] answer: Option<String>", &["io::stdin"]),
    ("a static that changes", "#[record(NEXT.fetch_add(1, Ordering::Relaxed))] next: u64", &[
        "STATIC.compare_exchange", "STATIC.fetch_add", "STATIC.fetch_max", "STATIC.fetch_min", "STATIC.fetch_or",
        "STATIC.fetch_sub", "STATIC.load", "STATIC.lock()", "STATIC.read()", "STATIC.store", "STATIC.try_lock()",
        "STATIC.with_borrow", "STATIC.with_borrow_mut", "STATIC.write()",
    ]),
];

/// A row of the table, for one of its paths.
pub(super) type Row = (&'static str, &'static str, Vec<Word>);

/// Returns the table, with a row for each path.
pub(super) fn rows() -> Vec<Row> {
    let paths = |row: &'static (&'static str, &'static str, &'static [&'static str])| {
        let (what, instead, paths) = *row;
        paths.iter().map(move |path| (what, instead, words(path.parse().unwrap_or_default())))
    };
    REFUSED.iter().flat_map(paths).collect()
}

/// Reports all calls in `body` that the table has.
pub(super) fn check(body: TokenStream, rows: &[Row], errors: &mut Errors) {
    let body = words(body);
    let mut at = 0;
    while at < body.len() {
        let (before, rest) = body.split_at(at);
        let is_used = |refused: &[Word]| begins(rest, refused) && stands_alone(before, &refused[0].text);
        let Some((what, instead, refused)) = rows.iter().find(|(_, _, refused)| is_used(refused)) else {
            at += 1;
            continue;
        };
        let used = &rest[..refused.len()];
        let text: String = used.iter().map(|word| word.text.as_str()).collect();
        let message = format!(
            "`{text}` uses {what}, and a replay would get another answer: record the answer at the call, in a parameter: \
             `{instead}`; if neither the state nor the result depends on it, write `#[mutation(allow_nondeterminism)]`"
        );
        errors.at(used.iter().map(|word| word.token.clone()).collect::<TokenStream>(), message);
        at += refused.len();
    }
}

/// A token as text: an identifier, a literal, a delimiter, or a punctuation mark. `::` and `..` are single words.
pub(super) struct Word {
    text: String,
    token: TokenTree,
}

fn words(tokens: TokenStream) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    for token in tokens {
        let mut push = |text: &str| words.push(Word { text: text.to_owned(), token: token.clone() });
        match &token {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::None => ("", ""),
                };
                push(open);
                words.extend(self::words(group.stream()));
                words.push(Word { text: close.to_owned(), token });
            }
            TokenTree::Ident(name) => push(&name.unraw().to_string()),
            TokenTree::Punct(punct) => match words.last_mut() {
                Some(last) if is_first_half(last, punct.as_char()) => last.text.push(punct.as_char()),
                _ => words.push(Word { text: punct.as_char().to_string(), token }),
            },
            TokenTree::Literal(_) => push("literal"),
        }
    }
    words.retain(|word| !word.text.is_empty());
    words
}

/// Returns whether `last` and the next punctuation mark are a `::` or a `..`.
fn is_first_half(last: &Word, next: char) -> bool {
    let is_joint = matches!(&last.token, TokenTree::Punct(punct) if punct.spacing() == Spacing::Joint);
    is_joint && matches!((last.text.as_str(), next), (":", ':') | (".", '.'))
}

fn begins(rest: &[Word], refused: &[Word]) -> bool {
    let is_one = |(word, refused): (&Word, &Word)| {
        word.text == refused.text || refused.text == "STATIC" && is_static(&word.text)
    };
    rest.len() >= refused.len() && rest.iter().zip(refused).all(is_one)
}

/// Returns whether `name` is that of a static or a constant, such as `NEXT_ID`. A single letter is a const parameter.
fn is_static(name: &str) -> bool {
    name.len() > 1 && name.contains(|c: char| c.is_ascii_uppercase()) && !name.contains(|c: char| c.is_lowercase())
}

/// Returns whether the path that begins with `first` is complete: no field or method, and no path in a module of the
/// user's.
fn stands_alone(before: &[Word], first: &str) -> bool {
    let before: Vec<&str> = before.iter().rev().take(2).map(|word| word.text.as_str()).collect();
    match before[..] {
        [".", ..] => false,
        ["::", module] => module == "std" || first.starts_with(|first: char| first.is_uppercase()),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    fn mistakes(body: TokenStream) -> String {
        let mut errors = Errors::default();
        check(body, &rows(), &mut errors);
        quote!(#errors).to_string()
    }

    #[track_caller]
    fn refused(body: &str, text: &str) {
        let found = mistakes(body.parse().unwrap());
        assert_eq!(found.matches("compile_error").count(), 1, "{body}: {found}");
        assert!(found.contains(text), "{body}: {found}");
    }

    #[test]
    fn each_row_is_refused_in_each_spelling() {
        refused("let at = SystemTime::now();", "`SystemTime::now` uses the clock");
        refused("self.at = std::time::Instant::now();", "`Instant::now` uses the clock");
        refused("self.at.unwrap_or_else(::std::time::SystemTime::now)", "uses the clock");
        refused("vec![1, format!(\"{:?}\", chrono::Utc::now())]", "DateTime<Utc>");
        refused("return Local::now()", "DateTime<Local>");
        refused("UNIX_EPOCH.elapsed()", "uses the clock");
        refused("self.since.elapsed()? > TTL", "`.elapsed()?` uses the clock");
        refused("at.elapsed().unwrap_or_default()", "#[record(SystemTime::now())] at: SystemTime");
        refused("if self.since.elapsed().is_ok_and(|age| age > TTL) {}", "uses the clock");
        refused("0..rand::random::<u8>()", "seed: u64");
        refused("use rand::{Rng, rngs::{self, OsRng}};", "`OsRng` uses a random source");
        refused("thread_rng().gen()", "a random source");
        refused("StdRng::from_os_rng()", "a random source");
        refused("Uuid::new_v4()", "#[record(Uuid::new_v4())] id: Uuid");
        refused("uuid::Uuid::now_v7()", "#[record(Uuid::now_v7())] id: Uuid");
        refused("env::var(\"A\")", "the environment");
        refused("|| { if true { std::fs::read(\"a\") } }", "the file system");
        refused("fs::write(\"a\", b\"b\")", "the file system");
        refused("File::open(\"a\")", "the file system");
        refused("std::net::TcpStream::connect(\"a:1\")", "the network");
        refused("std::process::id()", "the operating system");
        refused("thread::current().id()", "the thread that it runs on");
        refused("std::io::stdin().lines()", "the terminal");
        refused("NEXT.fetch_add(1, Ordering::Relaxed)", "`NEXT.fetch_add` uses a static that changes");
        refused("crate::ids::NEXT.load(SeqCst)", "`NEXT.load` uses a static");
        refused("TABLE.lock().len()", "a static");
        refused("SCRATCH.with_borrow(|scratch| scratch.len())", "a static");
    }

    #[test]
    fn what_only_looks_alike_is_left_alone() {
        let bodies = [
            quote!(let now = self.now(); self.clock.now(now); Clock::now(self)),
            quote!(let env = self.env; env.var("A"); self.fs.read("a"); Env { env, fs: 1 }),
            quote!(crate::fs::read(self); my::env::var("A"); fs::Node::new(); env::Setting::Off),
            quote!(self.watch.elapsed() > TTL; elapsed()?; watch.elapsed(since)?; self.elapsed.ok()),
            quote!("SystemTime::now()"; 'a'; r"std::env"),
            quote!(rand::rngs::StdRng::seed_from_u64(seed).random_range(0..6)),
            quote!(
                use rand::{Rng, SeedableRng, rngs::StdRng};
            ),
            quote!(let thread_rng = 1; self.thread_rng(); random(seed)),
            quote!(
                use std::{env, process};
                use rand::prelude::*;
                use std::fs::Permissions;
            ),
            quote!(SystemTime::UNIX_EPOCH + Duration::from_secs(at); SystemTime::from(at)),
            quote!(Uuid::new_v5(&NAMESPACE, name); Uuid::from_u128(id); Mnemonic::from_entropy(bytes)),
            quote!(env!("CARGO_PKG_NAME"); concat!(env!("A"), "b")),
            quote!(let ip = std::net::Ipv4Addr::LOCALHOST; process::step(self); Command::new(name)),
            quote!(static WORDS: LazyLock<Vec<&'static str>> = LazyLock::new(Vec::new);, WORDS.first()),
            quote!(TABLE.read(place); LIMITS.swap(1, 2); LIMITS.get(1); NAMES.with(name); N.load(a); limit.load()),
            quote!(
                fn name<'a>(a: &'a str) -> &'static str {
                    a.lock();
                    "b"
                }
            ),
        ];
        for body in bodies {
            assert_eq!(mistakes(body.clone()), "", "{body}");
        }
    }
}
