//! What of a type can't go to another thread, as far as its tokens show it.
//!
//! rustc sees more, and says it twice: at the type in our words, and at the state's name in its own.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::visit::{self, Visit};
use syn::{Path, PathArguments, Type, TypeParamBound};

use crate::text;

/// A part of a type that stays in its thread.
pub(crate) struct Bound {
    pub(crate) tokens: TokenStream,
    /// What to write in its place.
    pub(crate) instead: String,
}

impl Bound {
    /// The first one in `ty`.
    pub(crate) fn in_type(ty: &Type) -> Option<Bound> {
        let mut search = Search(None);
        search.visit_type(ty);
        search.0
    }
}

struct Search(Option<Bound>);

impl Search {
    fn found(&mut self, tokens: &impl ToTokens, instead: impl Into<String>) {
        self.0.get_or_insert_with(|| Bound { tokens: tokens.to_token_stream(), instead: instead.into() });
    }
}

impl<'ast> Visit<'ast> for Search {
    fn visit_type_ptr(&mut self, pointer: &'ast syn::TypePtr) {
        self.found(pointer, "the value that it points to");
    }

    fn visit_type_path(&mut self, path: &'ast syn::TypePath) {
        if path.qself.is_none()
            && let Some(instead) = instead_of(&path.path)
        {
            self.found(path, instead);
        }
        visit::visit_type_path(self, path);
    }

    fn visit_type_trait_object(&mut self, object: &'ast syn::TypeTraitObject) {
        // Of other traits tokens don't show whether they ask for `Send` themselves.
        const KNOWN: [&str; 9] = ["Any", "Debug", "Display", "Error", "Fn", "FnMut", "FnOnce", "Future", "Iterator"];
        let names: Vec<_> = object.bounds.iter().filter_map(last_name).collect();
        let has = |wanted: &str| names.iter().any(|name| name == wanted);
        if !has("Send") && names.first().is_some_and(|name| KNOWN.contains(&name.as_str())) {
            // `?` makes no error that is `Send` alone.
            let more = if has("Sync") { "Send" } else { "Send + Sync" };
            self.found(object, format!("`{} + {more}`", text::of_tokens(object.to_token_stream())));
        }
        visit::visit_type_trait_object(self, object);
    }

    // What a function takes and gives isn't held by it.
    fn visit_type_fn_ptr(&mut self, _: &'ast syn::TypeFnPtr) {}

    fn visit_parenthesized_generic_arguments(&mut self, _: &'ast syn::ParenthesizedGenericArguments) {}
}

/// By the last name alone, and only with arguments: then it is no word of anybody's domain.
fn instead_of(path: &Path) -> Option<&'static str> {
    let last = path.segments.last().filter(|last| matches!(last.arguments, PathArguments::AngleBracketed(_)))?;
    let module = path.segments.iter().rev().nth(1).map(|module| module.ident.to_string());
    match last.ident.to_string().as_str() {
        "Rc" => Some("`Arc`"),
        "Weak" if module.as_deref() == Some("rc") => Some("`std::sync::Weak`"),
        "MutexGuard" | "RwLockReadGuard" | "RwLockWriteGuard" => Some("a clone of what it guards"),
        _ => None,
    }
}

fn last_name(bound: &TypeParamBound) -> Option<String> {
    match bound {
        TypeParamBound::Trait(bound) => bound.path.segments.last().map(|last| last.ident.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    #[test]
    fn what_stays_in_its_thread_is_found() {
        let of = |ty: Type| Bound::in_type(&ty).map(|bound| (text::of_tokens(bound.tokens), bound.instead));
        let found = |part: &str, instead: &str| Some((part.to_owned(), instead.to_owned()));
        assert_eq!(of(parse_quote!(Option<std::rc::Rc<u8>>)), found("std::rc::Rc<u8>", "`Arc`"));
        assert_eq!(of(parse_quote!((u8, *mut u8))), found("*mut u8", "the value that it points to"));
        assert_eq!(
            of(parse_quote!(Result<u8, Box<dyn Error + Sync>>)),
            found("dyn Error + Sync", "`dyn Error + Sync + Send`")
        );
        assert_eq!(of(parse_quote!(Box<dyn Fn(u8)>)), found("dyn Fn(u8)", "`dyn Fn(u8) + Send + Sync`"));
        for sound in [
            parse_quote!(Box<dyn Error + Send + Sync>),
            parse_quote!(Box<dyn Shape>),
            parse_quote!(Rc),
            parse_quote!(std::sync::Weak<u8>),
            parse_quote!(fn(Rc<u8>) -> *const u8),
            parse_quote!(Box<dyn Fn(Rc<u8>) + Send>),
        ] {
            assert_eq!(of(sound), None);
        }
    }
}
