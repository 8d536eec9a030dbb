//! Checks the rules of the code that no compiler checks: lengths, banned words, conditions on platforms, and that imports point
//! down the layers of `docs/design.md`.

use std::fs;
use std::path::Path;

/// The layers of `walr/src`, lowest first, as in `docs/design.md`: modules, which are a file or a folder with everything in it. A
/// module imports only from modules before it.
const LAYERS: [&[&str]; 9] = [
    &["lsn", "error", "panic", "options", "pace", "reentry", "fs", "sim"],
    &["codec"],
    &["schema/faithful", "schema/waiting", "schema/state", "schema/shape", "schema/migrate", "schema/signature"],
    &["log/frame", "log/layout", "log/segment", "log/journal", "log/view"],
    &["checkpoint"],
    &["recovery"],
    &["commit"],
    &["store", "manual", "schema/private"],
    &["testing", "lib"],
];
const FOLDERS: [&str; 5] = ["walr/src", "walr-derive/src", "examples", "tests", "benches"];
const MOST_LINES: usize = 400;
const MOST_LINES_OF_A_FUNCTION: usize = 70;

/// A source file: its path from the root, and its text.
struct Source {
    path: String,
    text: String,
}

#[test]
fn the_sources_are_tidy() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = Vec::new();
    FOLDERS.iter().for_each(|folder| collect(root, &root.join(folder), &mut sources));
    assert!(sources.len() > 50, "only {} sources were found", sources.len());
    let wrong: Vec<String> = sources.iter().flat_map(wrong_with).collect();
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn the_design_shows_the_same_layers() {
    let design = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/design.md")).unwrap();
    let rows = design.lines().skip_while(|line| !line.starts_with("| layer |")).skip(2);
    let rows = rows.take_while(|line| line.starts_with('|'));
    let shown: Vec<Vec<String>> = rows.map(|row| modules_of(row.split('|').nth(2).unwrap_or_default())).collect();
    assert_eq!(shown, LAYERS);
}

/// The modules that a row of the design's table names: "`log/frame.rs`, `fs/`".
fn modules_of(cell: &str) -> Vec<String> {
    let name = |name: &str| name.trim_matches(['`', '/', ' ']).trim_end_matches(".rs").to_string();
    cell.split(',').map(name).collect()
}

fn collect(root: &Path, folder: &Path, sources: &mut Vec<Source>) {
    // Not every folder has to be there.
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.map(|entry| entry.expect("an entry of a folder").path()) {
        if path.is_dir() {
            collect(root, &path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let parts: Vec<_> = path
                .strip_prefix(root)
                .expect("a path below the root")
                .iter()
                .map(|part| part.to_string_lossy())
                .collect();
            sources.push(Source { path: parts.join("/"), text: fs::read_to_string(&path).expect("a readable source") });
        }
    }
}

/// All that is wrong with a file.
fn wrong_with(source: &Source) -> Vec<String> {
    let path = &source.path;
    let code = code(&source.text);
    let mut wrong = Vec::new();
    too_long(source, &code, &mut wrong);
    banned(path, &code, &mut wrong);
    let shipped = path.starts_with("walr/src/") || path.starts_with("walr-derive/src/");
    let leaf = path.rsplit('/').next().unwrap_or_default();
    let of_tests = leaf.starts_with("tests") || path.contains("/crash_tests/");
    if shipped && !of_tests && !path.contains("/tests/") {
        let code = without_tests(&code);
        if !path.starts_with("walr/src/fs/") {
            platforms(path, &code, &mut wrong);
        }
        panicking(path, &code, &mut wrong);
        if let Some(inside) = path.strip_prefix("walr/src/") {
            imports(path, inside, &code, &mut wrong);
            messages(source, &mut wrong);
        }
    }
    wrong
}

fn line_of(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

fn too_long(source: &Source, code: &str, wrong: &mut Vec<String>) {
    let path = &source.path;
    let lines = source.text.lines().count();
    if lines > MOST_LINES {
        wrong.push(format!("{path}: {lines} lines, more than {MOST_LINES}"));
    }
    for at in words(code, "fn") {
        let Some(name) = code[at + 2..].strip_prefix(' ') else { continue };
        let name: String = name.chars().take_while(|&c| is_word(c)).collect();
        let end = end_of_item(code, at);
        let lines = line_of(code, end) - line_of(code, at) + 1;
        if !name.is_empty() && lines > MOST_LINES_OF_A_FUNCTION {
            let line = line_of(code, at);
            wrong.push(format!("{path}:{line}: `{name}` takes {lines} lines, more than {MOST_LINES_OF_A_FUNCTION}"));
        }
    }
}

fn banned(path: &str, code: &str, wrong: &mut Vec<String>) {
    for word in ["todo", "unimplemented", "dbg"] {
        for at in words(code, word).filter(|at| code[at + word.len()..].starts_with('!')) {
            wrong.push(format!("{path}:{}: `{word}!`", line_of(code, at)));
        }
    }
    // The macro rejects unsafe mutations, and has to name the word for that; so has the test of its message.
    let rejects = path == "tests/ui/mutation_is_unsafe.rs";
    for at in words(code, "unsafe").filter(|&at| !rejects && !code[..at].ends_with("Token![")) {
        wrong.push(format!("{path}:{}: `unsafe`", line_of(code, at)));
    }
}

/// Only `fs/` may tell one platform from another.
fn platforms(path: &str, code: &str, wrong: &mut Vec<String>) {
    for at in ["cfg", "cfg_attr"].into_iter().flat_map(|word| words(code, word)) {
        let Some(open) = code[at..].find('(').map(|open| at + open) else { continue };
        let condition = &code[open..matching(code, open)];
        for platform in ["unix", "windows", "target_os", "target_family"] {
            if words(condition, platform).next().is_some() {
                wrong.push(format!("{path}:{}: `cfg` of `{platform}` outside of fs/", line_of(code, at)));
            }
        }
    }
}

fn panicking(path: &str, code: &str, wrong: &mut Vec<String>) {
    for call in [".unwrap()", ".expect("] {
        for (at, _) in code.match_indices(call) {
            wrong.push(format!("{path}:{}: `{call}` outside of tests", line_of(code, at)));
        }
    }
}

/// The place of a module in the layers, and the place of a folder of several modules as that of its first one.
fn place(module: &str) -> Option<usize> {
    LAYERS.concat().iter().position(|known| *known == module)
}

/// The module that a path of names leads to: `log/frame` for `log::frame::Header`, `commit` for `commit::queue::Queue`.
fn module_of(names: &[&str]) -> Option<String> {
    let two = names.get(..2).map(|two| two.join("/"));
    let one = names.first().map(|one| (*one).to_string());
    two.into_iter().chain(one).find(|module| place(module).is_some())
}

fn imports(path: &str, inside: &str, code: &str, wrong: &mut Vec<String>) {
    let names: Vec<_> = inside.trim_end_matches(".rs").split('/').collect();
    // The list of a folder's modules knows them all, and nothing else.
    let folder = names.last() == Some(&"mod")
        && LAYERS.concat().iter().any(|known| known.starts_with(&format!("{}/", names[0])));
    let Some(own) = module_of(&names).or_else(|| folder.then(|| "lib".to_string())) else {
        return wrong.push(format!("{path}: `{}` has no place in the layers", names[0]));
    };
    for at in words(code, "crate") {
        let Some(rest) = code[at + 5..].strip_prefix("::") else { continue };
        let end = rest.find(|c: char| !is_word(c) && c != ':').unwrap_or(rest.len());
        let mut names: Vec<_> = rest[..end].split("::").collect();
        if names[0] == "__private" {
            names = vec!["schema", "private"];
        }
        // What a folder's list hands on belongs to the last module that it lists.
        let re_exported = names[0] == "schema" && module_of(&names).is_none();
        let name = if re_exported { Some("schema/signature".to_string()) } else { module_of(&names) };
        let line = line_of(code, at);
        match name.as_deref().and_then(place) {
            Some(other) if Some(other) > place(&own) => {
                wrong.push(format!(
                    "{path}:{line}: `{own}` imports from `{}`, which is above it",
                    name.unwrap_or_default()
                ));
            }
            Some(_) => {}
            None => wrong.push(format!("{path}:{line}: `crate::{}` names no module of the layers", names[0])),
        }
    }
}

/// The messages of errors begin with a lower-case letter.
fn messages(source: &Source, wrong: &mut Vec<String>) {
    for (at, attribute) in source.text.match_indices("#[error(") {
        let message = source.text[at + attribute.len()..].trim_start().strip_prefix('"').unwrap_or_default();
        if message.starts_with(|first: char| !first.is_lowercase() && first != '{') {
            let line = line_of(&source.text, at);
            wrong.push(format!("{}:{line}: the message doesn't begin with a lower-case letter", source.path));
        }
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Where `word` stands in `code` as a word of its own.
fn words<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> {
    code.match_indices(word)
        .map(|(at, _)| at)
        .filter(move |&at| !code[..at].ends_with(is_word) && !code[at + word.len()..].starts_with(is_word))
}

/// The end of what the bracket at `open` encloses.
fn matching(code: &str, open: usize) -> usize {
    let mut depth = 0;
    for (at, c) in code[open..].char_indices() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return open + at + 1;
        }
    }
    code.len()
}

/// The end of the item, or the statement, that begins at `start`: its `;`, or the brace that closes it.
fn end_of_item(code: &str, start: usize) -> usize {
    let mut at = start;
    while let Some(c) = code[at..].chars().next() {
        match c {
            '(' | '[' => at = matching(code, at),
            '{' => return matching(code, at),
            ';' | '}' => return at,
            _ => at += c.len_utf8(),
        }
    }
    code.len()
}

/// `code` without what `#[cfg(test)]` stands before; lines stay where they are.
fn without_tests(code: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let mut rest = code.to_string();
    while let Some(start) = rest.find(MARK) {
        let end = end_of_item(&rest, start + MARK.len());
        let blank: String = rest[start..end].chars().map(|c| if c == '\n' { c } else { ' ' }).collect();
        rest.replace_range(start..end, &blank);
    }
    rest
}

/// `text` with blanks in the place of comments and of what strings and characters hold; lines stay where they are.
fn code(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let word_before = out.ends_with(is_word);
        let count = skipped(rest, word_before);
        if count > 0 {
            out.extend(rest[..count].chars().map(|c| if c == '\n' { c } else { ' ' }));
            rest = &rest[count..];
        } else {
            let c = rest.chars().next().unwrap_or_default();
            out.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    out
}

/// How many bytes of a comment, a string or a character `rest` begins with; 0 if it begins with none.
fn skipped(rest: &str, word_before: bool) -> usize {
    let until = |end: &str, from: usize| rest[from..].find(end).map_or(rest.len(), |at| from + at + end.len());
    if rest.starts_with("//") {
        return rest.find('\n').unwrap_or(rest.len());
    }
    if rest.starts_with("/*") {
        return until("*/", 2);
    }
    let quoted = rest.strip_prefix('b').unwrap_or(rest);
    let prefix = rest.len() - quoted.len();
    let hashes = quoted.strip_prefix('r').map(|raw| (raw.len() - raw.trim_start_matches('#').len(), raw));
    if let Some((hashes, raw)) = hashes
        && !word_before
        && raw[hashes..].starts_with('"')
    {
        return until(&format!("\"{}", "#".repeat(hashes)), prefix + 1 + hashes + 1);
    }
    let prefix = if word_before { 0 } else { prefix };
    match rest[prefix..].chars().next() {
        Some('"') => prefix + quote_end(&rest[prefix..], '"'),
        Some('\'') => {
            // A lifetime has no quote behind its first letter.
            let mut after = rest[prefix + 1..].chars();
            let (first, second) = (after.next(), after.next());
            if first == Some('\\') || second == Some('\'') { prefix + quote_end(&rest[prefix..], '\'') } else { 0 }
        }
        _ => 0,
    }
}

/// Where the text that begins with `quote` ends, escapes minded.
fn quote_end(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return at + c.len_utf8(),
            _ => {}
        }
    }
    text.len()
}

/// What is wrong with `text` as the file `path`.
fn found(path: &str, text: &str) -> String {
    wrong_with(&Source { path: path.to_string(), text: text.to_string() }).join("\n")
}

#[track_caller]
fn catches(path: &str, text: &str, what: &str) {
    let found = found(path, text);
    assert!(found.contains(what), "not caught in {text:?}: {found:?}");
}

#[test]
fn each_violation_is_caught() {
    let long = format!("fn long(a: [u8; 2]) -> u8 {{\n{}}}\n", "    a();\n".repeat(70));
    catches("walr/src/log/frame.rs", &long, ":1: `long` takes 72 lines");
    catches("tests/x.rs", &"\n".repeat(401), "401 lines");
    for word in ["todo", "unimplemented", "dbg"] {
        catches("examples/x.rs", &format!("fn a() {{\n    {word}!()\n}}"), &format!("x.rs:2: `{word}!`"));
    }
    catches("walr/src/log/frame.rs", "unsafe fn a() {}", "`unsafe`");
    catches("walr/src/store/open.rs", "#[cfg(unix)]\nfn a() {}", "open.rs:1: `cfg` of `unix`");
    catches("walr/src/store/open.rs", "fn a() -> bool { cfg!(any(test, target_os = \"linux\")) }", "`target_os`");
    catches("walr/src/store/open.rs", "fn a() { b().unwrap() }", "`.unwrap()`");
    catches("walr-derive/src/lib.rs", "fn a() { b().expect(\"c\") }", "`.expect(`");
    catches("walr/src/log/frame.rs", "use crate::log::journal::Journal;", "imports from `log/journal`");
    catches("walr/src/fs/disk.rs", "fn a() { crate::codec::b() }", "imports from `codec`");
    catches("walr/src/log/frame.rs", "use crate::Durable;", "`crate::Durable` names no module");
    catches("walr/src/attic.rs", "", "`attic` has no place");
    catches("walr/src/error.rs", "#[error(\n    \"The disk is full\"\n)]", "lower-case");
}

#[test]
fn what_is_allowed_passes() {
    let text = r##"
        //! A `todo!` and `unsafe` in words, and `use crate::store::durable::Durable`.
        #![forbid(unsafe_code)]
        use crate::lsn::Lsn;
        fn a<'a>(b: &'a str) -> char { /* x.unwrap() */ c("todo!() \" unsafe", r#"x.expect("y")"#, b'"', '"', '\'') }
        #[cfg(test)]
        use crate::store::open::d;
        #[cfg(test)]
        mod tests {
            use crate::store::durable::Durable;
            fn a() { b().unwrap(); }
        }
        #[error("{what} is damaged")]
        #[error("can't {action}")]
    "##;
    assert_eq!(found("walr/src/log/frame.rs", text), "");
    assert_eq!(found("walr/src/fs/disk.rs", "#[cfg(unix)]\nmod unix;"), "");
    assert_eq!(found("walr/src/crash_tests/tests.rs", "use crate::store::open::a;\nfn b() { c().unwrap() }"), "");
    assert_eq!(found("walr-derive/src/block.rs", "type A = Token![unsafe];"), "");
}
