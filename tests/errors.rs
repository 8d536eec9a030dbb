//! `docs/errors.md` holds every message of the macros and every variant of `walr::Error` word by word, and `tests/ui` holds a case
//! of each message of the macros.
//!
//! The docs show the placeholders of a message as `…`.

use std::fs;
use std::path::Path;

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

#[test]
fn every_message_of_the_macros_is_explained() {
    let messages = macro_messages();
    assert!(messages.len() > 90, "only {} messages were found", messages.len());
    assert_explained(&docs(), messages);
}

#[test]
fn every_refusal_of_changed_code_is_explained() {
    let docs = docs();
    let mut messages = Vec::new();
    for path in [
        "walr/src/schema/upgrade.rs",
        "walr/src/schema/migrate.rs",
        "walr/src/checkpoint/read.rs",
        "walr/src/schema/shape/compare.rs",
    ] {
        let mut found = Vec::new();
        // A corrupt file is bypassed, or is an `Error::Corrupt` with its own row.
        literals(without_calls(tokens(&read(path)), "corrupt"), &mut found);
        let before = messages.len();
        messages.extend(found.into_iter().filter(|text| is_message(text) && !text.starts_with("corrupt at byte")));
        assert!(messages.len() > before, "{path} holds no message of a refusal");
    }
    assert!(messages.len() > 6, "only {} messages were found", messages.len());
    assert_explained(&docs, messages);
}

#[test]
fn every_refusal_of_a_value_is_explained() {
    let docs = docs();
    let mut messages = Vec::new();
    for path in ["codec/refusal.rs", "codec/self_describing.rs", "schema/trace/misread.rs"] {
        literals(tokens(&read(&format!("walr/src/{path}"))), &mut messages);
    }
    // The replacements of types are in the table of crates, and the parts of a message in its row.
    let is_part =
        |text: &String| ["keep ", "turn on ", "never read", "read as "].iter().any(|part| text.starts_with(part));
    messages.retain(|message| is_message(message) && !is_part(message) && !message.starts_with("the argument"));
    assert!(messages.len() >= 12, "only {} messages were found: {messages:#?}", messages.len());
    assert_explained(&docs, messages);
}

#[test]
fn every_message_of_the_compiler_for_walr_is_explained() {
    let docs = docs();
    let mut messages = Vec::new();
    in_folder("walr/src", &mut |tokens| of_attributes(tokens, "diagnostic", &mut messages));
    assert!(messages.len() >= 15, "only {} messages were found", messages.len());
    assert_explained(&docs, messages);
}

#[test]
fn every_message_of_the_macros_has_a_case() {
    let mut messages = macro_messages();
    in_folder("walr/src", &mut |tokens| of_attributes(tokens, "diagnostic", &mut messages));
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ui");
    let paths = fs::read_dir(folder).expect("the cases").map(|entry| entry.expect("a case").path());
    let outputs = paths.filter(|path| path.extension().is_some_and(|extension| extension == "stderr"));
    let outputs: String = outputs.map(|path| fs::read_to_string(path).expect("an output")).collect();
    let is_seen = |message: &String| outputs.lines().any(|line| holds(line, &shown(message)));
    let unseen: Vec<&String> = messages.iter().filter(|message| !is_seen(message)).collect();
    assert!(unseen.is_empty(), "no case in tests/ui shows these {} messages:\n{unseen:#?}", unseen.len());
}

#[test]
fn every_error_is_explained() {
    let docs = docs();
    let source = read("walr/src/error.rs");
    let arms = arms_of_fate(&source);
    let (_, source) = source.split_once("pub enum Error {").expect("walr/src/error.rs has an enum `Error`");
    let (source, _) = source.split_once("\n}").expect("the enum has an end");
    let variants: Vec<&str> = source.lines().filter_map(variant).collect();
    let mut messages = Vec::new();
    of_attributes(tokens(source), "error", &mut messages);
    assert!(variants.len() > 20 && variants.len() == messages.len(), "{variants:?}, {messages:?}");
    let fates: Vec<&str> = source.split("Fate:").skip(1).collect();
    assert_eq!(fates.len(), variants.len(), "the docs of a variant don't say its fate");
    for ((name, message), fate) in variants.iter().zip(messages).zip(fates) {
        let row = format!("| `{name}` | {} |", shown(&message));
        let (_, rest) =
            docs.split_once(&row).unwrap_or_else(|| panic!("docs/errors.md has no row that begins with\n{row}"));
        let fate = fate.split_whitespace().filter(|word| *word != "///").collect::<Vec<_>>().join(" ");
        let fates = ["unknown", "as the field `fate` says", "not recorded"];
        let fate = fates.iter().position(|known| fate.starts_with(known));
        let fate = fate.unwrap_or_else(|| panic!("the docs of `{name}` say a fate that this test doesn't know"));
        let cells: Vec<&str> = rest.splitn(4, '|').map(str::trim).collect();
        assert_eq!(cells[2], fates[fate], "the fate of `{name}` in docs/errors.md");
        assert_eq!(fate, arm_of_fate(&arms, name), "`Error::fate()` of `{name}`");
    }
}

#[test]
fn messages_begin_with_a_lower_case_letter() {
    let mut messages = Vec::new();
    in_folder("walr/src", &mut |tokens| of_attributes(tokens, "error", &mut messages));
    assert!(messages.len() > 20, "only {} messages were found", messages.len());
    let wrong: Vec<&String> = messages.iter().filter(|message| message.starts_with(char::is_uppercase)).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Returns all messages of the macros.
fn macro_messages() -> Vec<String> {
    let mut messages = Vec::new();
    in_folder("walr-derive/src", &mut |tokens| literals(tokens, &mut messages));
    messages.retain(|message| is_message(message));
    messages
}

/// Returns the variants for which `Error::fate()` is `Unknown`, and those that hold their fate. This reads the code, because only
/// walr can make most of the errors.
fn arms_of_fate(source: &str) -> [Vec<String>; 2] {
    let (_, body) = source.split_once("pub fn fate(&self) -> Fate {").expect("walr/src/error.rs has a function `fate`");
    let (unknown, rest) = body.split_once("=> Fate::Unknown,").expect("`Error::fate` has an arm of unknown fates");
    let (held, rest) = rest.split_once("=> *fate,").expect("`Error::fate` has an arm of fields");
    assert!(
        rest.trim_start().starts_with("_ => Fate::NotRecorded,"),
        "`Error::fate` has an arm that this test doesn't know"
    );
    let name = |part: &str| part.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_owned();
    [unknown, held].map(|arm| arm.split("Error::").skip(1).map(name).collect())
}

/// Returns the number of the arm of `Error::fate()` that matches this variant.
fn arm_of_fate(arms: &[Vec<String>; 2], name: &str) -> usize {
    arms.iter().position(|arm| arm.iter().any(|other| other == name)).unwrap_or(arms.len())
}

/// Returns `docs/errors.md` with one space between words, and without the escapes of bars in its tables.
fn docs() -> String {
    read("docs/errors.md").split_whitespace().collect::<Vec<_>>().join(" ").replace("\\|", "|")
}

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[track_caller]
fn assert_explained(docs: &str, messages: Vec<String>) {
    // A whole cell must match: a row that begins with a message, or mentions it, explains another one.
    let is_missing = |message: &String| match message.starts_with("#[") {
        true => !docs.contains(&format!("`{message}`")),
        false => !docs.contains(&format!("| {message} |")),
    };
    let missing: Vec<String> = messages.iter().map(|message| shown(message)).filter(is_missing).collect();
    assert!(
        missing.is_empty(),
        "docs/errors.md doesn't hold these {} messages:\n{}",
        missing.len(),
        missing.join("\n")
    );
}

/// Returns true if `line` holds the parts of `message` between its dots, in their order.
fn holds(line: &str, message: &str) -> bool {
    message.split('…').try_fold(line, |rest, part| rest.split_once(part).map(|(_, rest)| rest)).is_some()
}

/// Returns the name of the variant that begins on `line` of the enum.
fn variant(line: &str) -> Option<&str> {
    let line = line.strip_prefix("    ").filter(|line| line.starts_with(|first: char| first.is_uppercase()))?;
    line.split([' ', ',', '(']).next()
}

/// Calls `each` with the tokens of each source in a folder, except for tests.
fn in_folder(folder: &str, each: &mut impl FnMut(TokenStream)) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for entry in fs::read_dir(root.join(folder)).expect("a folder of sources") {
        let entry = entry.expect("an entry of a folder");
        let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            in_folder(&path, each);
        } else if path.ends_with(".rs") && !path.contains("/tests") {
            each(tokens(&read(&path)));
        }
    }
}

fn tokens(source: &str) -> TokenStream {
    source.parse().expect("the source is valid Rust")
}

/// Collects the strings of `tokens`, except for those of tests and doc comments.
fn literals(tokens: TokenStream, found: &mut Vec<String>) {
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Punct(hash) if hash.as_char() == '#' => {
                let attribute = tokens.peek().and_then(attribute).map(|attribute| attribute.stream().to_string());
                let Some(attribute) = attribute else { continue };
                if attribute.starts_with("doc") {
                    tokens.next();
                } else if attribute.replace(' ', "") == "cfg(test)" {
                    tokens.find(is_end);
                }
            }
            TokenTree::Group(group) => literals(group.stream(), found),
            TokenTree::Literal(literal) => {
                found.extend(syn::parse_str::<syn::LitStr>(&literal.to_string()).map(|text| text.value()));
            }
            _ => {}
        }
    }
}

/// Returns `tokens` without the arguments of calls of `name`.
fn without_calls(tokens: TokenStream, name: &str) -> TokenStream {
    let mut is_called = false;
    let part = |token: TokenTree| {
        let was_called = std::mem::replace(&mut is_called, matches!(&token, TokenTree::Ident(word) if word == name));
        match token {
            TokenTree::Group(_) if was_called => None,
            TokenTree::Group(group) => Some(Group::new(group.delimiter(), without_calls(group.stream(), name)).into()),
            other => Some(other),
        }
    };
    tokens.into_iter().filter_map(part).collect()
}

/// Collects the strings of the attributes `#[name(..)]` and `#[name::..]`.
fn of_attributes(tokens: TokenStream, name: &str, found: &mut Vec<String>) {
    let mut after_hash = false;
    for token in tokens {
        match (&token, attribute(&token)) {
            (_, Some(attribute)) if after_hash => {
                let is_it = attribute.stream().into_iter().next().is_some_and(|first| first.to_string() == name);
                if is_it {
                    literals(attribute.stream(), found);
                }
            }
            (TokenTree::Group(group), _) => of_attributes(group.stream(), name, found),
            _ => {}
        }
        after_hash = matches!(&token, TokenTree::Punct(hash) if hash.as_char() == '#');
    }
}

fn attribute(token: &TokenTree) -> Option<&Group> {
    match token {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Bracket => Some(group),
        _ => None,
    }
}

/// Returns true if an item ends with `token`.
fn is_end(token: &TokenTree) -> bool {
    match token {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        other => other.to_string() == ";",
    }
}

/// Returns true if a string is a message: several words, and no sentence, which would be docs of generated code.
fn is_message(text: &str) -> bool {
    let first = text.chars().next().unwrap_or_default();
    text.split(' ').count() > 2
        && shown(text).contains(char::is_alphabetic)
        && (first.is_lowercase() || "`{#".contains(first))
}

/// Returns a message as the docs show it.
fn shown(message: &str) -> String {
    let mut shown = String::new();
    let mut rest = message;
    while let Some(at) = rest.find(['{', '}']) {
        let (before, brace) = rest.split_at(at);
        shown += before;
        let inner = brace.strip_prefix('{').and_then(|inner| inner.split_once('}')).map(|(inner, _)| inner);
        // Braces of `impl Cache { … }` in a plain string, or of `{:?}` in code of a message, are no placeholders.
        let is_placeholder = |inner: &str| !inner.contains(|c: char| !c.is_alphanumeric() && c != '_');
        rest = match inner {
            _ if brace.starts_with("{{") || brace.starts_with("}}") => {
                shown += &brace[..1];
                &brace[2..]
            }
            Some(inner) if is_placeholder(inner) => {
                shown += "…";
                &brace[inner.len() + 2..]
            }
            _ => {
                shown += &brace[..1];
                &brace[1..]
            }
        };
    }
    shown + rest
}

#[test]
fn placeholders_are_shown_as_dots() {
    assert_eq!(shown("`impl {state} {{ … }}`: {0}, {}, {path}"), "`impl … { … }`: …, …, …");
    assert_eq!(shown("`impl Cache { … }`, {:?}, }, {"), "`impl Cache { … }`, {:?}, }, {");
}

#[test]
fn strings_of_tests_and_docs_are_not_messages() {
    let mut found = Vec::new();
    let source = "/// a b c\nconst A: &str = \"of an item\"; #[cfg(test)] mod tests { const B: &str = \"d e f\"; } #[error(\"g\")] struct C;";
    literals(tokens(source), &mut found);
    assert_eq!(found, ["of an item", "g"]);
    found.clear();
    of_attributes(tokens(source), "error", &mut found);
    assert_eq!(found, ["g"]);
}
