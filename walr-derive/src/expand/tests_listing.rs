//! Compares `docs/expansion.md` with the code that the macros generate for the README's cache.
//!
//! In the listing, `{ .. }` stands for any body and `_` for any word, and there are no attributes. Paths are written
//! as in a user's code: `Ok` for `::core::result::Result::Ok`.

use std::fs;
use std::path::Path;

use proc_macro2::{Group, Ident, Spacing, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::Item;

const LONGEST: usize = 150;

#[test]
fn the_docs_show_what_is_generated() {
    let readme = blocks("README.md").swap_remove(0);
    let docs = blocks("docs/expansion.md").concat();
    assert!(docs.lines().count() <= LONGEST, "the listing takes more than {LONGEST} lines");
    let made = normal(shortened(expanded(&readme)));
    let shown = normal(docs.parse().expect("a listing that Rust can read"));
    if let Err(difference) = compare(shown, made.clone()) {
        let made: TokenStream = made.into_iter().collect();
        panic!("docs/expansion.md differs: {difference}\nall of it is:\n{made}");
    }
}

/// Returns the Rust code blocks in a file of the workspace.
fn blocks(file: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
    let text = fs::read_to_string(path).expect("a readable page");
    let code = text.split("```rust").skip(1).filter_map(|rest| rest.split_once('\n')?.1.split("```").next());
    code.map(str::to_owned).collect()
}

/// Returns the code that both macros generate for the cache.
fn expanded(readme: &str) -> TokenStream {
    let file: syn::File = syn::parse_str(readme).expect("the README's program");
    let mut tokens = TokenStream::new();
    for item in file.items {
        match item {
            Item::Struct(state) => tokens.extend(crate::macros::derive_wal_state(state.into_token_stream())),
            Item::Impl(mut block) => {
                block.attrs.clear();
                tokens.extend(crate::macros::mutations(TokenStream::new(), block.into_token_stream()));
            }
            _ => {}
        }
    }
    tokens
}

/// Returns `tokens` with short paths in place of the generated absolute paths.
fn shortened(tokens: TokenStream) -> TokenStream {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut short = TokenStream::new();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let segments = segments(&tokens[at..]);
        // A `::` before another name follows a type, as in `<Cache>::get`.
        if segments.len() > 1 && ["core", "std", "walr"].contains(&segments[0].as_str()) {
            at += 3 * segments.len();
            let kept = kept(&segments);
            short.extend(quote!(#(#kept)::*));
            continue;
        }
        match token {
            TokenTree::Group(group) => {
                short.extend([TokenTree::Group(Group::new(group.delimiter(), shortened(group.stream())))]);
            }
            other => short.extend([other.clone()]),
        }
        at += 1;
    }
    short
}

/// Returns the segments of the path with a leading `::` at the start of `tokens`.
fn segments(tokens: &[TokenTree]) -> Vec<String> {
    let mut names = Vec::new();
    for next in tokens.chunks(3) {
        match next {
            [TokenTree::Punct(colon), TokenTree::Punct(other), TokenTree::Ident(name)]
                if colon.as_char() == ':' && colon.spacing() == Spacing::Joint && other.as_char() == ':' =>
            {
                names.push(name.to_string());
            }
            _ => break,
        }
    }
    names
}

/// Returns the segments that a user with the usual imports would write.
fn kept(segments: &[String]) -> Vec<Ident> {
    let is_type = |name: &String| name.starts_with(|first: char| first.is_uppercase());
    let mut kept: Vec<&str> = match segments[0].as_str() {
        "walr" if segments[1] == "__private" => ["private"].into_iter().chain(names(&segments[2..])).collect(),
        "walr" => names(segments).collect(),
        _ if segments[1] == "fmt" => names(&segments[1..]).collect(),
        _ => names(&segments[segments.iter().position(is_type).unwrap_or(segments.len() - 1)..]).collect(),
    };
    if let ["Result", "Ok" | "Err"] | ["Option", "Some" | "None"] = kept[..] {
        kept.remove(0);
    }
    kept.into_iter().map(|name| Ident::new(name, Span::call_site())).collect()
}

fn names(segments: &[String]) -> impl Iterator<Item = &str> {
    segments.iter().map(String::as_str)
}

/// Returns `tokens` without attributes, and without the commas that are optional.
fn normal(tokens: TokenStream) -> Vec<TokenTree> {
    let mut normal: Vec<TokenTree> = Vec::new();
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        let next = tokens.peek();
        match &token {
            TokenTree::Punct(hash) if hash.as_char() == '#' => drop(tokens.next()),
            TokenTree::Punct(comma) if comma.as_char() == ',' && (next.is_none() || is_body(normal.last())) => {}
            TokenTree::Group(group) => {
                let inner: TokenStream = self::normal(group.stream()).into_iter().collect();
                normal.push(TokenTree::Group(Group::new(group.delimiter(), inner)));
            }
            _ => normal.push(token),
        }
    }
    normal
}

fn is_body(token: Option<&TokenTree>) -> bool {
    matches!(token, Some(TokenTree::Group(group)) if group.delimiter() == proc_macro2::Delimiter::Brace)
}

/// Finds the first difference between the listing and the generated code.
fn compare(shown: Vec<TokenTree>, made: Vec<TokenTree>) -> Result<(), String> {
    for (at, (shown_token, made_token)) in shown.iter().zip(&made).enumerate() {
        match (shown_token, made_token) {
            (TokenTree::Group(one), TokenTree::Group(other)) if one.delimiter() == other.delimiter() => {
                if one.stream().to_string().replace(' ', "") != ".." {
                    compare(one.stream().into_iter().collect(), other.stream().into_iter().collect())?;
                }
            }
            (TokenTree::Ident(any), _) if any == "_" => {}
            (TokenTree::Literal(one), TokenTree::Literal(other))
                if one.to_string() == other.to_string().trim_end_matches("u32") => {}
            (one, other) if one.to_string() == other.to_string() => {}
            _ => return Err(format!("`{}` is shown for `{}`", text(&shown[at..]), text(&made[at..]))),
        }
    }
    match shown.len().cmp(&made.len()) {
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Less => Err(format!("`{}` isn't shown", text(&made[shown.len()..]))),
        std::cmp::Ordering::Greater => Err(format!("`{}` isn't made", text(&shown[made.len()..]))),
    }
}

/// Returns the first few of `tokens` as text.
fn text(tokens: &[TokenTree]) -> String {
    let text: TokenStream = tokens.iter().take(12).cloned().collect();
    text.to_string().chars().take(200).collect()
}

#[test]
fn a_difference_is_found() {
    let tokens = |text: &str| normal(text.parse().unwrap());
    let compare = |shown, made| compare(tokens(shown), tokens(made));
    assert_eq!(compare("a { .. } b(c { d, })", "#[e] a { f } b(c { d })"), Ok(()));
    for shown in ["a { .. }", "a { .. } b(c { e })", "a ( .. ) b(c { d })", "a { .. } b(c { d }) e"] {
        assert!(compare(shown, "a { f } b(c { d })").is_err(), "{shown}");
    }
    let short = shortened(quote!(
        fn a() -> ::core::fmt::Result {
            ::walr::__private::B::c(::core::option::Option::None)
        }
    ));
    assert_eq!(
        short.to_string(),
        quote!(
            fn a() -> fmt::Result {
                private::B::c(None)
            }
        )
        .to_string()
    );
}
