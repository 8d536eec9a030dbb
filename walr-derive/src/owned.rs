//! Borrowed parameters and their owned forms: what the log stores, and what the method gets back on replay.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::visit_mut::{self, VisitMut};
use syn::{GenericArgument, Ident, PathArguments, Type, TypeReference};

use crate::text;
use crate::types::{bare, without_self};

/// How a parameter is passed, and so how it is stored.
pub(crate) enum Form<'a> {
    /// By value: stored as it is.
    Value(&'a Type),
    /// `&str`, stored as a `String`.
    Str(Span),
    /// `&[T]`, stored as a `Vec<T>`.
    Slice(&'a Type),
    /// `&Path`, `&OsStr`, `&CStr`, and the owned type's name.
    Unsized(&'a Type, &'static str),
    /// `&T`, stored as a `T`.
    Clone(&'a Type),
}

impl<'a> Form<'a> {
    pub(crate) fn of(ty: &'a Type) -> Form<'a> {
        let Type::Reference(TypeReference { mutability: None, elem, .. }) = bare(ty) else {
            return Form::Value(ty);
        };
        match bare(elem) {
            Type::Slice(slice) => Form::Slice(&slice.elem),
            Type::Path(path) if path.qself.is_none() => {
                let last = path.path.segments.last().map(|last| last.ident.to_string());
                match last.as_deref() {
                    Some("str") => Form::Str(elem.span()),
                    Some("Path") => Form::Unsized(elem, "PathBuf"),
                    Some("OsStr") => Form::Unsized(elem, "OsString"),
                    Some("CStr") => Form::Unsized(elem, "CString"),
                    _ => Form::Clone(elem),
                }
            }
            _ => Form::Clone(elem),
        }
    }

    /// The stored type. Its tokens bear the span of the parameter's type, where errors about it belong.
    pub(crate) fn owned(&self, state: &Type) -> TokenStream {
        match self {
            Form::Value(ty) | Form::Clone(ty) => without_self(ty.to_token_stream(), state),
            Form::Str(span) => quote_spanned!(*span=> ::std::string::String),
            Form::Slice(item) => {
                let span = item.span();
                let item = without_self(item.to_token_stream(), state);
                quote_spanned!(span=> ::std::vec::Vec<#item>)
            }
            // Not by the owned type's name: the user may have a `Path` of their own, which is stored as itself.
            Form::Unsized(ty, _) => quote_spanned!(ty.span()=> <#ty as ::std::borrow::ToOwned>::Owned),
        }
    }

    /// Of a slice, what it holds: that is copied one by one.
    pub(crate) fn item(&self, state: &Type) -> Option<TokenStream> {
        match self {
            Form::Slice(item) => Some(without_self(item.to_token_stream(), state)),
            _ => None,
        }
    }

    /// The stored type as the schema shows it.
    pub(crate) fn text(&self) -> String {
        match self {
            Form::Value(ty) | Form::Clone(ty) => text::of_type(ty),
            Form::Str(_) => "String".to_owned(),
            Form::Slice(item) => format!("Vec<{}>", text::of_type(item)),
            Form::Unsized(_, owned) => (*owned).to_owned(),
        }
    }

    /// The parameter's type in the handle's signature, without named lifetimes.
    pub(crate) fn passed(&self, state: &Type) -> TokenStream {
        match self {
            Form::Value(ty) => without_self(ty.to_token_stream(), state),
            Form::Str(span) => quote_spanned!(*span=> &str),
            Form::Slice(item) => {
                let item = without_self(item.to_token_stream(), state);
                quote!(&[#item])
            }
            Form::Unsized(ty, _) => quote!(&#ty),
            Form::Clone(ty) => {
                let ty = without_self(ty.to_token_stream(), state);
                quote!(&#ty)
            }
        }
    }

    /// The expression that makes the stored value of the argument `name`.
    pub(crate) fn store(&self, name: &Ident, state: &Type, private: &TokenStream) -> TokenStream {
        match self {
            Form::Value(_) => name.to_token_stream(),
            Form::Str(_) | Form::Unsized(..) => quote!(::std::borrow::ToOwned::to_owned(#name)),
            Form::Slice(item) => {
                let span = item.span();
                let item = without_self(item.to_token_stream(), state);
                quote_spanned!(span=> <#item as #private::Argument>::copy_all(#name))
            }
            Form::Clone(ty) => {
                let span = ty.span();
                let ty = without_self(ty.to_token_stream(), state);
                quote_spanned!(span=> <#ty as #private::Argument>::copy(#name))
            }
        }
    }

    /// The expression that passes the stored value `name` to the method.
    pub(crate) fn lend(&self, name: &Ident) -> TokenStream {
        match self {
            Form::Value(_) => name.to_token_stream(),
            _ => quote!(&#name),
        }
    }
}

/// `ty` with every borrow inside it in its owned form, for messages: `Option<&str>` → `Option<String>`.
pub(crate) fn suggestion(ty: &Type) -> String {
    struct Owned;
    impl VisitMut for Owned {
        fn visit_type_mut(&mut self, ty: &mut Type) {
            if let Some(owned) = cow(ty) {
                *ty = owned;
            }
            if matches!(ty, Type::Reference(_)) {
                let inner = Form::of(ty);
                let owned = match &inner {
                    Form::Value(ty) | Form::Clone(ty) => (*ty).clone(),
                    Form::Str(_) => syn::parse_quote!(String),
                    Form::Slice(item) => syn::parse_quote!(Vec<#item>),
                    Form::Unsized(_, name) => {
                        let name = Ident::new(name, Span::call_site());
                        syn::parse_quote!(#name)
                    }
                };
                *ty = owned;
            }
            visit_mut::visit_type_mut(self, ty);
        }
    }
    let mut ty = bare(ty).clone();
    Owned.visit_type_mut(&mut ty);
    text::of_tokens(ty.to_token_stream())
}

/// `Cow<'a, T>` as `&T`.
fn cow(ty: &Type) -> Option<Type> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last().filter(|last| last.ident == "Cow")?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    let inner = arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })?;
    Some(syn::parse_quote!(&#inner))
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    #[test]
    fn forms_and_their_texts() {
        let cases: [(Type, &str); 8] = [
            (parse_quote!(&str), "String"),
            (parse_quote!(&'a str), "String"),
            (parse_quote!(&[std::time::Duration]), "Vec<Duration>"),
            (parse_quote!(&std::path::Path), "PathBuf"),
            (parse_quote!(&CStr), "CString"),
            (parse_quote!(&Order), "Order"),
            (parse_quote!(&(u8, u8)), "(u8, u8)"),
            (parse_quote!(Vec<u8>), "Vec<u8>"),
        ];
        for (ty, expected) in cases {
            assert_eq!(Form::of(&ty).text(), expected);
        }
    }

    #[test]
    fn suggestions_own_everything() {
        let cases: [(Type, &str); 5] = [
            (parse_quote!(Option<&str>), "Option<String>"),
            (parse_quote!(&[&str]), "Vec<String>"),
            (parse_quote!(Cow<'_, str>), "String"),
            (parse_quote!((&Path, &[&'a Order])), "(PathBuf, Vec<Order>)"),
            (parse_quote!(&mut Vec<u8>), "&mut Vec<u8>"),
        ];
        for (ty, expected) in cases {
            assert_eq!(suggestion(&ty), expected);
        }
    }
}
