//! Finds what else has the names that a block's items get: a second `#[walr::mutations]` block of one state, or types of
//! the user's own.
//!
//! rustc's word on that is a dozen errors about generated code. A macro sees only its own block, so this reads the file
//! that it stands in, and looks among the block's siblings. Where the file can't be read rustc's errors remain; where the
//! other block stands in another module they are few.

use std::fs;

use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};
use quote::ToTokens;

use crate::block::Block;
use crate::text;

/// Whether `block` has a sibling above it of the same type, under our attribute too.
pub(crate) fn stands_above(block: &Block) -> bool {
    source().is_some_and(|source| is_second(source, &block.source))
}

/// Those of `names` that a sibling of `block` has already. An import counts, and what stands under a `#[cfg]` doesn't.
pub(crate) fn taken<'n>(block: &Block, names: &'n [Ident]) -> Vec<&'n Ident> {
    let wanted = text::fingerprint(block.source.clone());
    let siblings = source().and_then(|source| siblings(source, wanted)).unwrap_or_default();
    names.iter().filter(|name| is_declared(&siblings, name)).collect()
}

/// The file that the macro's call stands in.
fn source() -> Option<TokenStream> {
    // Only inside a macro call is there a file to ask for.
    if !proc_macro::is_available() {
        return None;
    }
    let file = proc_macro::Span::call_site().local_file()?;
    fs::read_to_string(file).ok()?.parse().ok()
}

/// The tokens of the module that has the block of the fingerprint `wanted`.
fn siblings(tokens: TokenStream, wanted: u64) -> Option<Vec<TokenTree>> {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let is_it = |(at, token): (usize, &TokenTree)| match token {
        TokenTree::Group(group) if is_our_attribute(group) => {
            Candidate::of(&tokens[at + 1..]).is_some_and(|found| found.fingerprint == wanted)
        }
        _ => false,
    };
    if tokens.iter().enumerate().any(is_it) {
        return Some(tokens);
    }
    let mut groups = tokens.into_iter().filter_map(|token| match token {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => Some(group),
        _ => None,
    });
    groups.find_map(|group| siblings(group.stream(), wanted))
}

/// Whether one of `tokens` declares or imports a type `name`.
fn is_declared(tokens: &[TokenTree], name: &Ident) -> bool {
    tokens.iter().enumerate().any(|(at, token)| match token {
        TokenTree::Ident(word) if is_conditional_item(&tokens[..at]) || word == name => false,
        TokenTree::Ident(word) if ["struct", "enum", "union", "type", "trait"].iter().any(|kind| word == kind) => {
            matches!(tokens.get(at + 1), Some(TokenTree::Ident(declared)) if declared == name)
        }
        TokenTree::Ident(word) if word == "use" => imports(&tokens[at + 1..], name),
        _ => false,
    })
}

/// Whether the attributes before an item's keyword, and before its visibility, hold a `cfg`.
fn is_conditional_item(before: &[TokenTree]) -> bool {
    match before {
        [above @ .., TokenTree::Group(scope)] if scope.delimiter() == Delimiter::Parenthesis => {
            is_conditional_item(above)
        }
        [above @ .., TokenTree::Ident(word)] if word == "pub" => is_conditional_item(above),
        [above @ .., TokenTree::Punct(hash), TokenTree::Group(attribute)] if hash.as_char() == '#' => {
            attribute.to_string().contains("cfg") || is_conditional_item(above)
        }
        _ => false,
    }
}

/// Whether a `use`, to its semicolon or to the end of a group, brings in `name`.
fn imports(tokens: &[TokenTree], name: &Ident) -> bool {
    let is_end = |token: &TokenTree| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ';');
    let end = tokens.iter().position(is_end).unwrap_or(tokens.len());
    tokens[..end].iter().enumerate().any(|(at, token)| match token {
        TokenTree::Group(group) => imports(&group.stream().into_iter().collect::<Vec<_>>(), name),
        TokenTree::Ident(word) if word == name => match tokens[..end].get(at + 1) {
            None => true,
            Some(TokenTree::Punct(punct)) => punct.as_char() == ',',
            // Brought in under another name.
            Some(_) => false,
        },
        _ => false,
    })
}

/// Whether `block`, as written in `source`, follows a sibling of its type.
fn is_second(source: TokenStream, block: &TokenStream) -> bool {
    let wanted = text::fingerprint(block.clone());
    let Some(state) = Candidate::of(&block.clone().into_iter().collect::<Vec<_>>()).map(|found| found.state) else {
        return false;
    };
    search(source, wanted, &state)
}

fn search(tokens: TokenStream, wanted: u64, state: &str) -> bool {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut has_twin = false;
    for (at, token) in tokens.iter().enumerate() {
        let TokenTree::Group(group) = token else { continue };
        if is_our_attribute(group) {
            let Some(candidate) = Candidate::of(&tokens[at + 1..]).filter(|found| found.state == state) else {
                continue;
            };
            if candidate.fingerprint == wanted && has_twin {
                return true;
            }
            has_twin |= !candidate.is_conditional && !is_conditional_above(&tokens[..at]);
        } else if group.delimiter() == Delimiter::Brace && search(group.stream(), wanted, state) {
            return true;
        }
    }
    false
}

/// `[walr::mutations]`, `[mutations(..)]`.
fn is_our_attribute(group: &proc_macro2::Group) -> bool {
    if group.delimiter() != Delimiter::Bracket {
        return false;
    }
    let path = group.stream().into_iter().take_while(|token| !matches!(token, TokenTree::Group(_)));
    matches!(path.last(), Some(TokenTree::Ident(word)) if word == "mutations")
}

/// Whether the attributes that `tokens` end in, with the `#` of ours, hold a `cfg`.
fn is_conditional_above(tokens: &[TokenTree]) -> bool {
    match tokens {
        [above @ .., TokenTree::Punct(hash), TokenTree::Group(attribute), TokenTree::Punct(_)]
            if hash.as_char() == '#' =>
        {
            attribute.to_string().contains("cfg") || is_conditional_above(&tokens[..above.len() + 1])
        }
        _ => false,
    }
}

/// An impl block below our attribute.
struct Candidate {
    state: String,
    fingerprint: u64,
    is_conditional: bool,
}

impl Candidate {
    /// The block that `tokens` begin with, its other attributes included.
    fn of(tokens: &[TokenTree]) -> Option<Candidate> {
        let is_body =
            |token: &TokenTree| matches!(token, TokenTree::Group(body) if body.delimiter() == Delimiter::Brace);
        let end = tokens.iter().position(is_body)?;
        let header = &tokens[..end];
        let start = header.iter().rposition(|token| matches!(token, TokenTree::Ident(word) if word == "impl"))?;
        let is_conditional = header[..start].iter().any(|token| token.to_string().contains("cfg"));
        let state = text::of_tokens(header[start + 1..].iter().map(ToTokens::to_token_stream).collect());
        let block = tokens[..=end].iter().cloned().collect();
        Some(Candidate { state, fingerprint: text::fingerprint(block), is_conditional })
    }
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    fn second(source: TokenStream) -> bool {
        is_second(source, &quote!(impl Cache { #[mutation] fn b(&mut self) {} }))
    }

    #[test]
    fn a_sibling_above_is_found() {
        let other = quote!(
            #[walr::mutations]
            impl Cache {
                #[mutation]
                fn a(&mut self) {}
            }
        );
        let block = quote!(
            #[walr::mutations]
            impl Cache {
                #[mutation]
                fn b(&mut self) {}
            }
        );
        assert!(second(quote!(#other #block)));
        assert!(second(quote!(mod inner { #other struct Between; #block })));
        assert!(!second(quote!(#block #other)), "the first of the two is not to blame");
        assert!(!second(quote!(mod inner { #other } #block)), "another module's `Cache` is another type");
        assert!(!second(quote!(#block)));
    }

    #[test]
    fn taken_names_are_found_among_the_siblings() {
        let block = quote!(impl Cache { #[mutation] fn b(&mut self) {} });
        let name: Ident = syn::parse_quote!(CacheLog);
        let is_taken = |source: TokenStream| {
            let siblings = siblings(source, text::fingerprint(block.clone()));
            is_declared(&siblings.expect("the block is there"), &name)
        };
        let marked = quote!(#[walr::mutations] #block);
        assert!(is_taken(quote!(pub(crate) struct CacheLog; #marked)));
        assert!(is_taken(quote!(mod inner { #marked #[derive(Debug)] enum CacheLog {} })));
        assert!(is_taken(quote!(use a::{b::CacheLog, c}; #marked)));
        assert!(is_taken(quote!(use a::B as CacheLog; #marked)));
        assert!(!is_taken(quote!(use CacheLog::*; use a::CacheLog as Other; fn f(log: CacheLog) {} #marked)));
        assert!(!is_taken(quote!(#[cfg(any())] pub struct CacheLog; #[cfg(any())] use a::CacheLog; #marked)));
        assert!(!is_taken(quote!(struct CacheLog; mod inner { #marked })), "another module's");
    }

    #[test]
    fn other_types_and_conditional_blocks_are_none() {
        let block = quote!(
            #[walr::mutations]
            impl Cache {
                #[mutation]
                fn b(&mut self) {}
            }
        );
        assert!(!second(quote!(#[walr::mutations] impl Ledger { #[mutation] fn a(&mut self) {} } #block)));
        assert!(!second(quote!(#[walr::mutations] #[cfg(unix)] impl Cache { #[mutation] fn a(&mut self) {} } #block)));
        assert!(!second(quote!(#[cfg(unix)] #[walr::mutations] impl Cache { #[mutation] fn a(&mut self) {} } #block)));
        assert!(!second(quote!(impl Cache { fn a(&mut self) {} } #block)));
    }
}
