//! Finds a second `#[walr::mutations]` block of one state.
//!
//! Two blocks define everything twice, and rustc's word on that is a dozen errors about generated code. A macro sees
//! only its own block, so this reads the file that it stands in, and looks among the block's siblings. Where the file
//! can't be read rustc's errors remain; where the other block stands in another module they are few.

use std::fs;

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::ToTokens;

use crate::block::Block;
use crate::text;

/// Whether `block` has a sibling above it of the same type, under our attribute too.
pub(crate) fn stands_above(block: &Block) -> bool {
    // Only inside a macro call is there a file to ask for.
    if !proc_macro::is_available() {
        return false;
    }
    let Some(file) = proc_macro::Span::call_site().local_file() else { return false };
    let Some(source) = fs::read_to_string(file).ok().and_then(|source| source.parse().ok()) else { return false };
    is_second(source, &block.source)
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
