//! Parameters and their owned forms. The log stores the owned form, and lends it to the method.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::visit_mut::{self, VisitMut};
use syn::{GenericArgument, Ident, PathArguments, Type, TypeReference};

use crate::text;
use crate::types::{bare, without_self};

/// The form in which a parameter is passed. It determines the form in which the log stores the argument.
pub(crate) enum ParameterForm<'a> {
    /// `T`, stored as a `T`.
    Value(&'a Type),
    /// `&str`, stored as a `String`.
    Str(Span),
    /// `&[T]`, stored as a `Vec<T>`.
    Slice(&'a Type),
    /// `&Path`, `&OsStr` or `&CStr`, with the owned type's name.
    Unsized(&'a Type, &'static str),
    /// `&T`, stored as a `T`.
    Clone(&'a Type),
}

impl<'a> ParameterForm<'a> {
    pub(crate) fn of(ty: &'a Type) -> ParameterForm<'a> {
        let Type::Reference(TypeReference { mutability: None, elem, .. }) = bare(ty) else {
            return ParameterForm::Value(ty);
        };
        match bare(elem) {
            Type::Slice(slice) => ParameterForm::Slice(&slice.elem),
            Type::Path(path) if path.qself.is_none() => {
                let last = path.path.segments.last().map(|last| last.ident.to_string());
                match last.as_deref() {
                    Some("str") => ParameterForm::Str(elem.span()),
                    Some("Path") => ParameterForm::Unsized(elem, "PathBuf"),
                    Some("OsStr") => ParameterForm::Unsized(elem, "OsString"),
                    Some("CStr") => ParameterForm::Unsized(elem, "CString"),
                    _ => ParameterForm::Clone(elem),
                }
            }
            _ => ParameterForm::Clone(elem),
        }
    }

    /// Returns the stored type, at the span of the parameter's type, so that rustc reports errors there.
    pub(crate) fn owned(&self, state: &Type) -> TokenStream {
        match self {
            ParameterForm::Value(ty) | ParameterForm::Clone(ty) => without_self(ty.to_token_stream(), state),
            ParameterForm::Str(span) => quote_spanned!(*span=> ::std::string::String),
            ParameterForm::Slice(item) => {
                let span = item.span();
                let item = without_self(item.to_token_stream(), state);
                quote_spanned!(span=> ::std::vec::Vec<#item>)
            }
            // Not `PathBuf`: the user may have a `Path` of their own, which is stored as itself.
            ParameterForm::Unsized(ty, _) => quote_spanned!(ty.span()=> <#ty as ::std::borrow::ToOwned>::Owned),
        }
    }

    /// Returns the type of a slice's items.
    pub(crate) fn item(&self, state: &Type) -> Option<TokenStream> {
        match self {
            ParameterForm::Slice(item) => Some(without_self(item.to_token_stream(), state)),
            _ => None,
        }
    }

    /// Returns the stored type as the schema shows it.
    pub(crate) fn text(&self) -> String {
        match self {
            ParameterForm::Value(ty) | ParameterForm::Clone(ty) => text::of_type(ty),
            ParameterForm::Str(_) => "String".to_owned(),
            ParameterForm::Slice(item) => format!("Vec<{}>", text::of_type(item)),
            ParameterForm::Unsized(_, owned) => (*owned).to_owned(),
        }
    }

    /// Returns the parameter's type in the handle's signature, without named lifetimes.
    pub(crate) fn passed(&self, state: &Type) -> TokenStream {
        match self {
            ParameterForm::Value(ty) => without_self(ty.to_token_stream(), state),
            ParameterForm::Str(span) => quote_spanned!(*span=> &str),
            ParameterForm::Slice(item) => {
                let item = without_self(item.to_token_stream(), state);
                quote!(&[#item])
            }
            ParameterForm::Unsized(ty, _) => quote!(&#ty),
            ParameterForm::Clone(ty) => {
                let ty = without_self(ty.to_token_stream(), state);
                quote!(&#ty)
            }
        }
    }

    /// Returns the expression that turns the argument `name` into the stored value.
    pub(crate) fn store(&self, name: &Ident, state: &Type, private: &TokenStream) -> TokenStream {
        match self {
            ParameterForm::Value(_) => name.to_token_stream(),
            ParameterForm::Str(_) | ParameterForm::Unsized(..) => quote!(::std::borrow::ToOwned::to_owned(#name)),
            ParameterForm::Slice(item) => {
                let span = item.span();
                let item = without_self(item.to_token_stream(), state);
                quote_spanned!(span=> <#item as #private::Argument>::copy_all(#name))
            }
            ParameterForm::Clone(ty) => {
                let span = ty.span();
                let ty = without_self(ty.to_token_stream(), state);
                quote_spanned!(span=> <#ty as #private::Argument>::copy(#name))
            }
        }
    }

    /// Returns the expression that passes the stored value `name` to the method.
    pub(crate) fn lend(&self, name: &Ident) -> TokenStream {
        match self {
            ParameterForm::Value(_) => name.to_token_stream(),
            _ => quote!(&#name),
        }
    }
}

/// Returns `ty` with all borrows in it replaced by their owned forms, for messages: `Option<String>` for
/// `Option<&str>`.
pub(crate) fn suggestion(ty: &Type) -> String {
    struct Owned;
    impl VisitMut for Owned {
        fn visit_type_mut(&mut self, ty: &mut Type) {
            if let Some(owned) = cow(ty) {
                *ty = owned;
            }
            if matches!(ty, Type::Reference(_)) {
                let inner = ParameterForm::of(ty);
                let owned = match &inner {
                    ParameterForm::Value(ty) | ParameterForm::Clone(ty) => (*ty).clone(),
                    ParameterForm::Str(_) => syn::parse_quote!(String),
                    ParameterForm::Slice(item) => syn::parse_quote!(Vec<#item>),
                    ParameterForm::Unsized(_, name) => {
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

/// Returns `&T` for `Cow<'a, T>`.
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
            assert_eq!(ParameterForm::of(&ty).text(), expected);
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
