//! Text and fingerprints of code that don't depend on its formatting.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::ToTokens;
use syn::Type;
use syn::visit_mut::{self, VisitMut};

/// Returns a type as the schema shows it: `HashMap<String, u64>`.
///
/// A path is reduced to its last segment, so that a new `use` changes nothing. Two types of the same name then have
/// the same text.
pub(crate) fn of_type(ty: &Type) -> String {
    struct LastSegments;
    impl VisitMut for LastSegments {
        fn visit_path_mut(&mut self, path: &mut syn::Path) {
            if let Some(last) = path.segments.last().cloned() {
                path.leading_colon = None;
                path.segments = [last].into_iter().collect();
            }
            visit_mut::visit_path_mut(self, path);
        }

        fn visit_type_path_mut(&mut self, ty: &mut syn::TypePath) {
            // The qself holds the number of segments of `<T as Trait>::Item`.
            match ty.qself {
                Some(_) => {}
                None => visit_mut::visit_type_path_mut(self, ty),
            }
        }
    }
    let mut ty = ty.clone();
    LastSegments.visit_type_mut(&mut ty);
    of_tokens(ty.to_token_stream())
}

/// Returns `tokens` as text, with spaces that depend on the tokens alone.
pub(crate) fn of_tokens(tokens: TokenStream) -> String {
    let mut text = String::new();
    write(tokens, &mut text);
    text.trim_end().to_owned()
}

fn write(tokens: TokenStream, text: &mut String) {
    for token in tokens {
        match token {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::None => ("", ""),
                };
                text.push_str(open);
                write(group.stream(), text);
                text.truncate(text.trim_end().len());
                text.push_str(close);
            }
            TokenTree::Punct(punct) => {
                let spaced = matches!(punct.as_char(), '+' | '=') && !text.ends_with(' ');
                if spaced {
                    text.push(' ');
                }
                text.push(punct.as_char());
                let ends_arrow = text.ends_with("->");
                if ends_arrow || matches!(punct.as_char(), ',' | ';' | '+' | '=') {
                    text.push(' ');
                }
            }
            word => {
                if text.ends_with(|last: char| last.is_alphanumeric() || last == '_') {
                    text.push(' ');
                }
                text.push_str(&word.to_string());
            }
        }
    }
}

/// Returns a hash of code: FNV-1a over its tokens, without doc comments.
///
/// It hashes token by token, because the spaces in rustc's text of tokens may change.
pub(crate) fn fingerprint(tokens: TokenStream) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325;
    hash_tokens(tokens, &mut hash);
    hash
}

fn hash_tokens(tokens: TokenStream, hash: &mut u64) {
    let add = |text: &str, hash: &mut u64| {
        for byte in text.bytes().chain([0]) {
            *hash = (*hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    };
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Punct(punct) if punct.as_char() == '#' && tokens.peek().is_some_and(is_doc) => {
                tokens.next();
            }
            // `macro_rules!` puts this group around a fragment.
            TokenTree::Group(group) if group.delimiter() == Delimiter::None => hash_tokens(group.stream(), hash),
            TokenTree::Group(group) => {
                add(&format!("{:?}", group.delimiter()), hash);
                hash_tokens(group.stream(), hash);
                add("end", hash);
            }
            other => add(&other.to_string(), hash),
        }
    }
}

fn is_doc(token: &TokenTree) -> bool {
    match token {
        TokenTree::Group(group) if matches!(group.delimiter(), Delimiter::Bracket | Delimiter::None) => {
            group.stream().into_iter().next().is_some_and(|first| match &first {
                TokenTree::Ident(word) => word == "doc",
                fragment => is_doc(fragment),
            })
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use quote::quote;
    use syn::parse_quote;

    use super::*;

    #[test]
    fn types_read_well_and_keep_their_last_segment() {
        let cases: [(Type, &str); 8] = [
            (parse_quote!(std::collections::HashMap<String, Vec<u64>>), "HashMap<String, Vec<u64>>"),
            (parse_quote!([u8; 32]), "[u8; 32]"),
            (parse_quote!((u32, String)), "(u32, String)"),
            (parse_quote!(Option<Box<dyn Fn(u8) -> u8 + Send>>), "Option<Box<dyn Fn(u8)-> u8 + Send>>"),
            (parse_quote!(()), "()"),
            (parse_quote!(<T as Trait>::Item), "<T as Trait>::Item"),
            (parse_quote!(Cow<'static, str>), "Cow<'static, str>"),
            (parse_quote!(a::Iter<Item = a::B>), "Iter<Item = B>"),
        ];
        for (ty, expected) in cases {
            assert_eq!(of_type(&ty), expected);
        }
    }

    #[test]
    fn only_code_changes_the_fingerprint() {
        let of = fingerprint;
        assert_eq!(
            of(quote!(
                #[doc = "a"]
                fn a() {
                    b(1)
                }
            )),
            of(quote!(
                fn a() {
                    b(1)
                }
            ))
        );
        assert_ne!(
            of(quote!(
                fn a() {
                    b(1)
                }
            )),
            of(quote!(
                fn a() {
                    b(2)
                }
            ))
        );
        assert_ne!(of(quote!(a(b) c)), of(quote!(a(b c))));
    }
}
