//! The fence around a mutation's body: what it may not ask, because a replay would get another answer.
//!
//! Bodies are tokens, so that only what tokens show is found: paths, and statics that change. A function that the body
//! calls isn't looked into.

use proc_macro2::{Delimiter, Group, Ident, Spacing, TokenStream, TokenTree};
use syn::ext::IdentExt;

use super::outside::{self, Outside};
use crate::errors::Errors;

const LIFTED: &str = "where it can't change the state or the result, `#[mutation(allow_nondeterminism)]` lets it stand";

/// Reports each place of `body` that asks what lies outside the state and the arguments.
pub(super) fn check(body: TokenStream, errors: &mut Errors) {
    let tokens = ungrouped(body);
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        match token {
            TokenTree::Group(group) => check(group.stream(), errors),
            TokenTree::Ident(word) if word == "static" && !is_lifetime(&tokens[..at]) => {
                declaration(&tokens[at + 1..], errors);
            }
            // What follows a dot is a field or a method of some type's own, but for one that only clocks have.
            TokenTree::Ident(method) if method == "elapsed" && is_of_a_clock(&tokens[..at], &tokens[at + 1..]) => {
                if let Some(clock) = outside::asked(&["SystemTime".to_owned(), "elapsed".to_owned()], true) {
                    report(&tokens[at..=at], ".elapsed", clock, errors);
                }
            }
            TokenTree::Ident(_) if !follows_dot(&tokens[..at]) => {
                let path = Path::read(&tokens[at..]);
                at += path.length;
                path.check(&tokens[at..], errors);
                continue;
            }
            _ => {}
        }
        at += 1;
    }
}

/// A path, from its first identifier to its last, or to the group of imports that it leads to.
struct Path<'a> {
    segments: Vec<String>,
    tokens: &'a [TokenTree],
    imports: Option<&'a Group>,
    /// How many tokens it takes.
    length: usize,
}

impl<'a> Path<'a> {
    /// The path that `tokens` begin with.
    fn read(tokens: &'a [TokenTree]) -> Path<'a> {
        let mut segments = Vec::new();
        let mut imports = None;
        let mut length = 0;
        while let Some(TokenTree::Ident(name)) = tokens.get(length) {
            segments.push(name.unraw().to_string());
            length += 1;
            match &tokens[length..] {
                [colon, other, TokenTree::Ident(_), ..] if is_separator(colon, other) => length += 2,
                [colon, other, TokenTree::Group(group), ..] if is_separator(colon, other) => {
                    imports = Some(group);
                    break;
                }
                _ => break,
            }
        }
        let tokens = &tokens[..length];
        Path { segments, tokens, imports, length: if imports.is_some() { length + 3 } else { length } }
    }

    fn check(&self, rest: &[TokenTree], errors: &mut Errors) {
        if let Some(imports) = self.imports {
            return imported(&self.segments, imports.stream(), errors);
        }
        // A macro's name; what is passed to it is looked at like all else.
        if let [not, TokenTree::Group(_), ..] = rest
            && is_punct(not, '!')
        {
            return;
        }
        if let Some(outside) = outside::asked(&self.segments, is_call(rest)) {
            report(self.tokens, &self.segments.join("::"), outside, errors);
        } else if let [dot, TokenTree::Ident(method), TokenTree::Group(arguments), ..] = rest
            && is_punct(dot, '.')
        {
            self.method(method, arguments.stream(), errors);
        }
    }

    /// A call of a method: of a static, where the path's last name is written as one.
    fn method(&self, method: &Ident, arguments: TokenStream, errors: &mut Errors) {
        let Some(name) = self.segments.last() else { return };
        let method = method.to_string();
        if is_static(name) && changes(&method, arguments) {
            let path = self.segments.join("::");
            let parameter = name.to_lowercase();
            let message = format!(
                "`{path}` is a static that changes, and a replay would find it otherwise: keep it in the state, or read \
                 it once, at the call, and record what it holds in a parameter: `#[record({path}.{method}(..))] \
                 {parameter}: ..`; {LIFTED}"
            );
            errors.at(self.tokens.iter().cloned().collect::<TokenStream>(), message);
        }
    }
}

fn report(tokens: &[TokenTree], path: &str, outside: &Outside, errors: &mut Errors) {
    let Outside { what, instead, .. } = outside;
    let message = format!(
        "`{path}` asks {what}, and a replay would get another answer: ask once, at the call, and record the answer in a \
         parameter: `{instead}`; {LIFTED}"
    );
    errors.at(tokens.iter().cloned().collect::<TokenStream>(), message);
}

/// What `use prefix::{..}` brings in.
fn imported(prefix: &[String], imports: TokenStream, errors: &mut Errors) {
    let tokens = ungrouped(imports);
    let mut at = 0;
    while at < tokens.len() {
        let path = Path::read(&tokens[at..]);
        let segments = [prefix, &path.segments].concat();
        match path.imports {
            Some(inner) => imported(&segments, inner.stream(), errors),
            None if path.segments.is_empty() => {}
            None => {
                if let Some(outside) = outside::asked(&segments, false) {
                    report(path.tokens, &segments.join("::"), outside, errors);
                }
            }
        }
        at += path.length.max(1);
    }
}

/// A `static` inside the body, without the keyword: refused where its type can change behind a shared reference. Of one
/// that is only made late, such as a `LazyLock` of a table, every replay finds the same.
fn declaration(tokens: &[TokenTree], errors: &mut Errors) {
    let is_end = |token: &TokenTree| matches!(token, TokenTree::Punct(punct) if matches!(punct.as_char(), '=' | ';'));
    let declared = tokens.iter().take_while(|token| !is_end(token)).cloned().collect::<TokenStream>();
    let name = tokens.iter().find_map(|token| match token {
        TokenTree::Ident(word) if word != "mut" => Some(word),
        _ => None,
    });
    if let Some(name) = name
        && is_changing(declared)
    {
        let message = format!(
            "`{name}` is a static that changes, and a replay would find it otherwise: make it a field of the state; \
             {LIFTED}"
        );
        errors.at(name, message);
    }
}

fn is_changing(declared: TokenStream) -> bool {
    declared.into_iter().any(|token| match token {
        TokenTree::Group(group) => is_changing(group.stream()),
        TokenTree::Ident(word) => {
            let word = word.to_string();
            let changing = ["mut", "Cell", "RefCell", "UnsafeCell", "Mutex", "RwLock"];
            changing.contains(&word.as_str()) || word.starts_with("Atomic")
        }
        _ => false,
    })
}

/// `NEXT_ID`, as only statics and constants are called; a single letter is a const parameter.
fn is_static(name: &str) -> bool {
    name.len() > 1 && name.contains(|c: char| c.is_ascii_uppercase()) && !name.contains(|c: char| c.is_lowercase())
}

/// Whether `.elapsed` between these is a `SystemTime`'s: the epoch's, or one whose result is a `Result`, which a stopwatch of the
/// user's own needn't return.
fn is_of_a_clock(before: &[TokenTree], after: &[TokenTree]) -> bool {
    let [TokenTree::Group(arguments), after @ ..] = after else { return false };
    if !follows_dot(before) || !arguments.stream().is_empty() {
        return false;
    }
    if matches!(before, [.., TokenTree::Ident(name), _] if name == "UNIX_EPOCH") {
        return true;
    }
    match after {
        [question, ..] if is_punct(question, '?') => true,
        [dot, TokenTree::Ident(method), ..] if is_punct(dot, '.') => {
            let handlers = ["expect", "is_err", "is_ok", "is_ok_and", "map_err", "ok", "unwrap"];
            let method = method.to_string();
            handlers.contains(&method.as_str()) || method.starts_with("unwrap_or")
        }
        _ => false,
    }
}

/// Whether a call of `method` reads or writes what can change, judged by the types that statics change through.
fn changes(method: &str, arguments: TokenStream) -> bool {
    let mut arguments = arguments.into_iter();
    match method {
        "lock" | "try_lock" | "read" | "try_read" | "write" | "try_write" => arguments.next().is_none(),
        "with_borrow" | "with_borrow_mut" => true,
        "take" => arguments.next().is_none(),
        // A thread-local's, which takes a closure, or a cell's method.
        "with" => match arguments.next() {
            Some(TokenTree::Punct(punct)) => punct.as_char() == '|',
            Some(TokenTree::Ident(word)) => word == "move" || word == "Cell" || word == "RefCell",
            _ => false,
        },
        "load" | "store" | "swap" => arguments.any(|token| match token {
            TokenTree::Ident(word) => {
                let word = word.to_string();
                ["Ordering", "Relaxed", "Acquire", "Release", "AcqRel", "SeqCst"].contains(&word.as_str())
            }
            _ => false,
        }),
        "compare_exchange" | "compare_exchange_weak" => true,
        other => other.starts_with("fetch_"),
    }
}

/// The tokens, out of the invisible groups that `macro_rules!` leaves.
fn ungrouped(tokens: TokenStream) -> Vec<TokenTree> {
    let mut all = Vec::new();
    for token in tokens {
        match token {
            TokenTree::Group(group) if group.delimiter() == Delimiter::None => all.extend(ungrouped(group.stream())),
            other => all.push(other),
        }
    }
    all
}

fn is_punct(token: &TokenTree, wanted: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == wanted)
}

/// `::`.
fn is_separator(first: &TokenTree, second: &TokenTree) -> bool {
    matches!(first, TokenTree::Punct(colon) if colon.as_char() == ':' && colon.spacing() == Spacing::Joint)
        && is_punct(second, ':')
}

/// Whether what comes next is behind a dot; two dots are a range.
fn follows_dot(before: &[TokenTree]) -> bool {
    match before {
        [.., earlier, dot] if is_punct(dot, '.') => !is_punct(earlier, '.'),
        [dot] => is_punct(dot, '.'),
        _ => false,
    }
}

fn is_lifetime(before: &[TokenTree]) -> bool {
    before.last().is_some_and(|quote| is_punct(quote, '\''))
}

/// Whether arguments follow, behind a turbofish or not.
fn is_call(rest: &[TokenTree]) -> bool {
    match rest {
        [TokenTree::Group(group), ..] => group.delimiter() == Delimiter::Parenthesis,
        [colon, other, open, ..] => is_separator(colon, other) && is_punct(open, '<'),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    fn mistakes(body: TokenStream) -> String {
        let mut errors = Errors::default();
        check(body, &mut errors);
        quote!(#errors).to_string()
    }

    #[track_caller]
    fn asks(body: TokenStream, what: &str) {
        let text = body.to_string();
        let found = mistakes(body);
        assert_eq!(found.matches("compile_error").count(), 1, "{text}: {found}");
        assert!(found.contains(what), "{text}: {found}");
    }

    #[test]
    fn what_lies_outside_is_found_in_each_spelling() {
        asks(quote!(let at = SystemTime::now();), "asks the clock");
        asks(quote!(self.at = std::time::Instant::now();), "asks the clock");
        asks(quote!(self.at.unwrap_or_else(::std::time::SystemTime::now)), "asks the clock");
        asks(quote!(vec![1, format!("{:?}", chrono::Utc::now())]), "DateTime<Utc>");
        asks(quote!(return Local::now()), "DateTime<Local>");
        asks(quote!(0..rand::random::<u8>()), "seed: u64");
        asks(
            quote!(
                use rand::{
                    Rng,
                    rngs::{self, OsRng},
                };
            ),
            "`rand::rngs::OsRng`",
        );
        asks(quote!(thread_rng().gen()), "a random source");
        asks(quote!(StdRng::from_os_rng()), "a random source");
        asks(quote!(Uuid::new_v4()), "#[record(Uuid::new_v4())] id: Uuid");
        asks(quote!(uuid::Uuid::now_v7()), "#[record(Uuid::now_v7())] id: Uuid");
        asks(
            quote!(
                use std::{env, cmp::min};
            ),
            "`std::env` asks the environment",
        );
        asks(quote!(env::var("A")), "the environment");
        asks(
            quote!(|| {
                if true {
                    std::fs::read("a")
                }
            }),
            "the file system",
        );
        asks(quote!(fs::write("a", b"b")), "the file system");
        asks(quote!(File::open("a")), "the file system");
        asks(quote!(std::net::TcpStream::connect("a:1")), "the network");
        asks(quote!(std::process::id()), "the operating system");
        asks(quote!(thread::current().id()), "which thread");
        asks(quote!(std::io::stdin().lines()), "the terminal");
        asks(quote!(UNIX_EPOCH.elapsed()), "the clock");
        asks(quote!(self.since.elapsed()? > TTL), "`.elapsed` asks the clock");
        asks(quote!(at.elapsed().unwrap_or_default()), "#[record(SystemTime::now())] at: SystemTime");
        asks(quote!(if self.since.elapsed().is_ok_and(|age| age > TTL) {}), "the clock");
    }

    #[test]
    fn statics_that_change_are_found() {
        asks(quote!(NEXT.fetch_add(1, Ordering::Relaxed)), "`#[record(NEXT.fetch_add(..))] next: ..`");
        asks(quote!(crate::ids::NEXT.load(SeqCst)), "`crate::ids::NEXT` is a static");
        asks(quote!(TABLE.lock().len()), "`TABLE` is a static");
        asks(quote!(SCRATCH.with(|scratch| scratch.take())), "`SCRATCH` is a static");
        asks(quote!(SCRATCH.with(Cell::get) + 1), "`SCRATCH` is a static");
        asks(quote!(SCRATCH.take()), "`SCRATCH` is a static");
        asks(
            quote!(
                static NEXT: AtomicU64 = AtomicU64::new(0);
            ),
            "a field of the state",
        );
        asks(
            quote!(
                static CACHE: LazyLock<Mutex<Vec<u8>>> = LazyLock::new(Mutex::default);
            ),
            "a field of the state",
        );
        asks(
            quote!(thread_local! { static SCRATCH: RefCell<u8> = const { RefCell::new(0) }; }),
            "a field of the state",
        );
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
            quote!(SystemTime::UNIX_EPOCH + Duration::from_secs(at); SystemTime::from(at)),
            quote!(Uuid::new_v5(&NAMESPACE, name); Uuid::from_u128(id); Mnemonic::from_entropy(bytes)),
            quote!(env!("CARGO_PKG_NAME"); concat!(env!("A"), "b")),
            quote!(let ip = std::net::Ipv4Addr::LOCALHOST; process::step(self); Command::new(name)),
            quote!(static WORDS: LazyLock<Vec<&'static str>> = LazyLock::new(Vec::new);, WORDS.first()),
            quote!(TABLE.read(place); LIMITS.swap(1, 2); LIMITS.get(1); NAMES.with(name); N.load(a)),
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
