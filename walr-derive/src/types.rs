//! Functions that look at a type's tokens, or replace some of them.

use proc_macro2::{Delimiter, Group, Ident, Spacing, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote_spanned};
use syn::visit::{self, Visit};
use syn::{GenericArgument, Lifetime, PathArguments, ReturnType, Type};

/// Returns the type inside parentheses and inside the invisible groups of `macro_rules!`.
pub(crate) fn bare(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => bare(&group.elem),
        Type::Paren(paren) => bare(&paren.elem),
        other => other,
    }
}

/// The parts of a type that a stored value can't have.
#[derive(Default)]
pub(crate) struct BorrowSearch {
    /// The first borrow: a reference or a lifetime that isn't `'static`.
    pub(crate) borrow: Option<TokenStream>,
    /// The first `impl Trait`.
    pub(crate) opaque: Option<TokenStream>,
    /// True if a `&'static` is a borrow, too, because a decoded value can't be one.
    strict: bool,
}

impl BorrowSearch {
    /// Searches a result. It is never decoded, so it may hold a `&'static str`.
    pub(crate) fn of_result(output: &ReturnType) -> BorrowSearch {
        let mut loans = BorrowSearch::default();
        loans.visit_return_type(output);
        loans
    }

    /// Searches an argument, which is encoded and decoded.
    pub(crate) fn of_argument(ty: &Type) -> BorrowSearch {
        let mut loans = BorrowSearch { strict: true, ..BorrowSearch::default() };
        loans.visit_type(ty);
        loans
    }
}

impl<'ast> Visit<'ast> for BorrowSearch {
    fn visit_type_reference(&mut self, reference: &'ast syn::TypeReference) {
        let is_static = reference.lifetime.as_ref().is_some_and(|lifetime| lifetime.ident == "static");
        if !is_static || self.strict {
            self.borrow.get_or_insert_with(|| reference.to_token_stream());
        }
        visit::visit_type_reference(self, reference);
    }

    fn visit_lifetime(&mut self, lifetime: &'ast Lifetime) {
        if lifetime.ident != "static" {
            self.borrow.get_or_insert_with(|| lifetime.to_token_stream());
        }
    }

    fn visit_type_path(&mut self, path: &'ast syn::TypePath) {
        if path.qself.is_none() && hides_a_lifetime(&path.path) {
            self.borrow.get_or_insert_with(|| path.to_token_stream());
        }
        visit::visit_type_path(self, path);
    }

    fn visit_type_impl_trait(&mut self, opaque: &'ast syn::TypeImplTrait) {
        self.opaque.get_or_insert_with(|| opaque.to_token_stream());
    }

    // Lifetimes in a function's signature, and those that `for<'a>` binds, are no borrows.
    fn visit_type_fn_ptr(&mut self, _: &'ast syn::TypeFnPtr) {}

    fn visit_parenthesized_generic_arguments(&mut self, _: &'ast syn::ParenthesizedGenericArguments) {}

    fn visit_trait_bound(&mut self, bound: &'ast syn::TraitBound) {
        if bound.lifetimes.is_none() {
            visit::visit_trait_bound(self, bound);
        }
    }
}

/// Returns whether the path is a borrowing type of std, written without its lifetime: `slice::Iter<u8>`, `Cow<str>`.
///
/// Of other types the tokens don't show it. Some types are known by their last segment: those with generic arguments
/// whose names the user's own types hardly have.
fn hides_a_lifetime(path: &syn::Path) -> bool {
    const KNOWN: [&str; 6] = ["Cow", "IterMut", "MutexGuard", "RefMut", "RwLockReadGuard", "RwLockWriteGuard"];
    const MODULES: [&str; 6] = ["btree_map", "btree_set", "hash_map", "hash_set", "slice", "vec_deque"];
    const OF_MODULES: [&str; 9] =
        ["Drain", "Entry", "Iter", "Keys", "OccupiedEntry", "Range", "VacantEntry", "Values", "ValuesMut"];
    const OF_STD: [&str; 8] =
        ["Bytes", "CharIndices", "Chars", "Components", "Lines", "Ref", "Split", "SplitWhitespace"];
    let Some(last) = path.segments.last() else { return false };
    let has_lifetime = match &last.arguments {
        PathArguments::AngleBracketed(arguments) => {
            arguments.args.iter().any(|argument| matches!(argument, GenericArgument::Lifetime(_)))
        }
        _ => false,
    };
    let is = |names: &[&str]| names.iter().any(|name| last.ident == name);
    let module = path.segments.iter().rev().nth(1).map(|module| module.ident.to_string()).unwrap_or_default();
    let is_std = path.segments.len() > 1 && ["std", "core", "alloc"].iter().any(|root| path.segments[0].ident == root);
    !has_lifetime
        && (is(&KNOWN) && !last.arguments.is_empty()
            || is(&OF_MODULES) && MODULES.contains(&module.as_str())
            || is(&OF_STD) && is_std)
}

/// Returns `tokens` with `Self` replaced by the state's type, for code outside of the impl block.
pub(crate) fn without_self(tokens: TokenStream, state: &Type) -> TokenStream {
    let mut tokens = tokens.into_iter().peekable();
    let mut replaced = TokenStream::new();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Ident(word) if word == "Self" => {
                replaced.extend(state_at(&word, tokens.peek(), state));
            }
            TokenTree::Group(group) => {
                let mut inner = Group::new(group.delimiter(), without_self(group.stream(), state));
                inner.set_span(group.span());
                replaced.extend([TokenTree::Group(inner)]);
            }
            other => replaced.extend([other]),
        }
    }
    replaced
}

/// Returns the state's type in place of a `Self`, in the form that the next token needs.
fn state_at(word: &Ident, next: Option<&TokenTree>, state: &Type) -> TokenStream {
    let span = word.span();
    let ty = respanned(state.to_token_stream(), span);
    match next {
        Some(TokenTree::Punct(punct)) if punct.as_char() == ':' && punct.spacing() == Spacing::Joint => {
            quote_spanned!(span=> <#ty>)
        }
        // In the expressions `Self { .. }` and `Self(..)` generic arguments can't follow the name, and rustc infers
        // them.
        Some(TokenTree::Group(group)) if matches!(group.delimiter(), Delimiter::Brace | Delimiter::Parenthesis) => {
            without_arguments(state).map_or(ty, |path| respanned(path, span))
        }
        _ => ty,
    }
}

fn without_arguments(state: &Type) -> Option<TokenStream> {
    let Type::Path(path) = bare(state) else { return None };
    let mut path = path.path.clone();
    path.segments.last_mut()?.arguments = syn::PathArguments::None;
    Some(path.to_token_stream())
}

fn respanned(tokens: TokenStream, span: Span) -> TokenStream {
    let respan = |mut token: TokenTree| {
        if let TokenTree::Group(group) = &token {
            token = Group::new(group.delimiter(), respanned(group.stream(), span)).into();
        }
        token.set_span(span.resolved_at(token.span()));
        token
    };
    tokens.into_iter().map(respan).collect()
}

/// Returns whether one of `tokens` is the identifier `name`.
pub(crate) fn mentions(tokens: TokenStream, name: &Ident) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(word) => word == *name,
        TokenTree::Group(group) => mentions(group.stream(), name),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use quote::quote;
    use syn::parse_quote;

    use super::*;
    use crate::text;

    #[test]
    fn borrows_are_found_where_they_hide() {
        let borrows = |output: ReturnType| BorrowSearch::of_result(&output).borrow.is_some();
        assert!(borrows(parse_quote!(-> &str)));
        assert!(borrows(parse_quote!(-> Option<&str>)));
        assert!(borrows(parse_quote!(-> Iter<'_, u8>)));
        assert!(borrows(parse_quote!(-> Box<dyn Fn() + 'a>)));
        assert!(borrows(parse_quote!(-> Option<std::slice::Iter<u8>>)));
        assert!(borrows(parse_quote!(-> hash_map::Entry<String, u8>)));
        assert!(borrows(parse_quote!(-> Cow<str>)));
        assert!(borrows(parse_quote!(-> std::str::Chars)));
        assert!(!borrows(parse_quote!(-> (Entry<u8>, Iter<u8>, Cow, str::Chars, cell::Ref<u8>))));
        assert!(!borrows(parse_quote!(-> &'static str)));
        assert!(!borrows(parse_quote!(-> Cow<'static, str>)));
        assert!(!borrows(parse_quote!(-> fn(&str) -> &str)));
        assert!(!borrows(parse_quote!(-> Box<dyn Fn(&str) -> &str>)));
        assert!(!borrows(parse_quote!(-> Box<dyn for<'a> Visit<'a>>)));
        assert!(!borrows(parse_quote!()));
    }

    #[test]
    fn a_static_borrow_is_no_argument() {
        assert!(BorrowSearch::of_argument(&parse_quote!(Option<&'static str>)).borrow.is_some());
        assert!(BorrowSearch::of_argument(&parse_quote!(Cow<'static, str>)).borrow.is_none());
    }

    #[test]
    fn self_becomes_the_state() {
        let of = |tokens| text::of_tokens(without_self(tokens, &parse_quote!(Table<K, V>)));
        assert_eq!(of(quote!(Option<Self>)), "Option<Table<K, V>>");
        assert_eq!(of(quote!(Self::new(1))), "<Table<K, V>>::new(1)");
        assert_eq!(of(quote!(f(Self { a }))), "f(Table{a})");
    }
}
