//! Checks the rules of the code that cargo's lints can't check: imports point down the layers of `docs/design.md`, production code
//! doesn't call tests, only `fs/` knows platforms, and files are short.

use std::fs;
use std::path::Path;

use proc_macro2::{TokenStream, TokenTree};

/// The layers of `walr/src`, lowest first, as in `docs/design.md`. A module is a file, or a folder with everything in it, and imports
/// only from modules before it.
const LAYERS: [&[&str]; 9] = [
    &["lsn", "error", "panic", "options", "fs", "sim"],
    &["codec"],
    &[
        "schema/unchecked_types",
        "schema/reentry",
        "schema/waiting",
        "schema/bytes",
        "schema/shape",
        "schema/state",
        "schema/trace",
        "schema/result_types",
        "schema/results",
        "schema/migrate",
        "schema/type_form",
        "schema/stored_schema",
        "schema/upgrade",
    ],
    &["log/frame", "log/layout", "log/segment", "log/journal", "log/view"],
    &["checkpoint"],
    &["recovery"],
    &["commit"],
    &["store", "manual", "schema/private"],
    &["testing", "lib"],
];
const FOLDERS: [&str; 5] = ["walr/src", "walr-derive/src", "examples", "tests", "benches"];
const LINES_MAX: usize = 400;

#[test]
fn the_sources_are_tidy() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut count, mut wrong) = (0, Vec::new());
    for folder in FOLDERS {
        for_each_source(&root.join(folder), &mut |path| {
            let text = fs::read_to_string(path).expect("a readable source");
            let parts: Vec<_> = path.strip_prefix(root).expect("a path below the root").iter().collect();
            let path = parts.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/");
            count += 1;
            wrong.extend(wrong_with(&path, &text).into_iter().map(|wrong| format!("{path}: {wrong}")));
        });
    }
    assert!(count > 50, "only {count} sources were found");
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn the_design_shows_the_same_layers() {
    let design = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/design.md")).unwrap();
    let rows = design.lines().skip_while(|line| !line.starts_with("| layer |")).skip(2);
    let rows = rows.take_while(|line| line.starts_with('|'));
    let module = |name: &str| name.trim_matches(['`', '/', ' ']).trim_end_matches(".rs").to_string();
    let modules = |row: &str| row.split('|').nth(2).unwrap_or_default().split(',').map(module).collect();
    let shown: Vec<Vec<String>> = rows.map(modules).collect();
    assert_eq!(shown, LAYERS);
}

fn for_each_source(folder: &Path, each: &mut impl FnMut(&Path)) {
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry of a folder").path();
        if path.is_dir() {
            // `benches/peers` is no member of the workspace: without its script, cargo builds into its folder.
            if !path.ends_with("target") {
                for_each_source(&path, each);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            each(&path);
        }
    }
}

/// Returns all that is wrong with a source.
fn wrong_with(path: &str, text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let lines = text.lines().count();
    if lines > LINES_MAX {
        wrong.push(format!("{lines} lines, more than {LINES_MAX}"));
    }
    let is_shipped = path.starts_with("walr/src/") || path.starts_with("walr-derive/src/");
    if !is_shipped || path.contains("/tests") || path.contains("/crash_tests/") {
        return wrong;
    }
    let tokens = text.parse().expect("the source is valid Rust");
    let mut found = Found::default();
    found.read(tokens);
    if !path.starts_with("walr/src/fs/") {
        wrong.extend(found.platforms.iter().map(|platform| format!("`cfg` of `{platform}` outside of fs/")));
    }
    if let Some(inside) = path.strip_prefix("walr/src/") {
        imports(inside, &found.imports, &mut wrong);
    }
    wrong
}

/// The tokens of a source that the rules are about, without those of test modules.
#[derive(Default)]
struct Found {
    /// The names of each path behind `crate::`.
    imports: Vec<Vec<String>>,
    /// The platforms in conditions.
    platforms: Vec<String>,
}

impl Found {
    fn read(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            at += 1;
            let rest = &tokens[at..];
            match token {
                TokenTree::Punct(_) => at += test_module(rest),
                TokenTree::Ident(word) if word == "crate" && is(rest.first(), ":") => {
                    let names = rest.chunks(3).map_while(|part| match part {
                        [TokenTree::Punct(_), TokenTree::Punct(_), TokenTree::Ident(name)] => Some(name.to_string()),
                        _ => None,
                    });
                    self.imports.push(names.collect());
                }
                TokenTree::Ident(word) if word == "cfg" || word == "cfg_attr" => {
                    let condition = rest.iter().take(2).find(|token| matches!(token, TokenTree::Group(_)));
                    let condition = condition.map(ToString::to_string).unwrap_or_default();
                    let mut words = condition.split(|c: char| !c.is_alphanumeric() && c != '_');
                    let platform = words.find(|word| ["unix", "windows", "target_os", "target_family"].contains(word));
                    self.platforms.extend(platform.map(str::to_string));
                }
                TokenTree::Group(group) => self.read(group.stream()),
                _ => {}
            }
        }
    }
}

/// Returns the number of tokens of a test module behind its `#`, and 0 if `tokens` begin with something else.
fn test_module(tokens: &[TokenTree]) -> usize {
    let is_test = tokens.first().is_some_and(|token| token.to_string().replace(' ', "") == "[cfg(test)]");
    if is_test && is(tokens.get(1), "mod") { 4 } else { 0 }
}

fn is(token: Option<&TokenTree>, text: &str) -> bool {
    token.is_some_and(|token| token.to_string() == text)
}

/// Returns the position of a module in the layers.
fn position(module: &str) -> Option<usize> {
    LAYERS.concat().iter().position(|known| *known == module)
}

/// Returns the module of a path: `log/frame` of `log::frame::Header`, `commit` of `commit::queue::Queue`.
fn module_of(names: &[&str]) -> Option<String> {
    let two = names.get(..2).map(|two| two.join("/"));
    let one = names.first().map(|one| (*one).to_string());
    two.into_iter().chain(one).find(|module| position(module).is_some())
}

fn imports(inside: &str, imports: &[Vec<String>], wrong: &mut Vec<String>) {
    let names: Vec<_> = inside.trim_end_matches(".rs").split('/').collect();
    // A folder of several modules re-exports from all of them in its `mod.rs`.
    let is_list = names.last() == Some(&"mod")
        && LAYERS.concat().iter().any(|known| known.starts_with(&format!("{}/", names[0])));
    let Some(own) = module_of(&names).or_else(|| is_list.then(|| "lib".to_string())) else {
        return wrong.push(format!("`{}` has no place in the layers", names[0]));
    };
    for import in imports {
        let mut names: Vec<&str> = import.iter().map(String::as_str).collect();
        if names.first() == Some(&"__private") {
            names = vec!["schema", "private"];
        }
        // A re-export counts as one of the last module of its folder.
        let is_re_export = names.first() == Some(&"schema") && module_of(&names).is_none();
        let module = if is_re_export { Some("schema/upgrade".to_string()) } else { module_of(&names) };
        match module {
            Some(module) if position(&module) > position(&own) => {
                wrong.push(format!("`{own}` imports from `{module}`, which is above it"));
            }
            Some(_) => {}
            None => wrong.push(format!("`crate::{}` names no module of the layers", names.join("::"))),
        }
    }
}

#[test]
fn each_violation_is_caught() {
    let cases = [
        ("tests/x.rs", &*"\n".repeat(401), "401 lines"),
        ("walr/src/store/open.rs", "#[cfg(unix)]\nfn a() {}", "`cfg` of `unix`"),
        ("walr/src/store/open.rs", "fn a() -> bool { cfg!(any(test, target_os = \"linux\")) }", "`target_os`"),
        ("walr/src/log/frame.rs", "use crate::log::journal::Journal;", "imports from `log/journal`"),
        ("walr/src/fs/disk.rs", "fn a() { crate::codec::b() }", "imports from `codec`"),
        ("walr/src/fs/disk.rs", "#[cfg(test)]\nuse crate::codec;", "imports from `codec`"),
        ("walr/src/log/frame.rs", "use crate::Durable;", "`crate::Durable` names no module"),
        (
            "walr/src/commit/undo.rs",
            "fn a() { #[cfg(test)] crate::crash_tests::b(); }",
            "`crate::crash_tests::b` names",
        ),
        ("walr/src/attic.rs", "", "`attic` has no place"),
    ];
    for (path, text, expected) in cases {
        let wrong = wrong_with(path, text).join("\n");
        assert!(wrong.contains(expected), "not caught in {text:?}: {wrong:?}");
    }
}

#[test]
fn what_is_allowed_passes() {
    let text = r##"
        //! `use crate::store::durable::Durable` in words.
        use crate::lsn::Lsn;
        pub(crate) fn a() -> [&str; 2] { ["crate::store", r#"crate::store"#] }
        #[cfg(test)]
        mod tests {
            use crate::store::durable::Durable;
        }
    "##;
    let nothing: [&str; 0] = [];
    assert_eq!(wrong_with("walr/src/log/frame.rs", text), nothing);
    assert_eq!(wrong_with("walr/src/fs/disk.rs", "#[cfg(unix)]\nmod unix;"), nothing);
    assert_eq!(wrong_with("walr/src/crash_tests/tests.rs", "use crate::store::open::a;"), nothing);
}
