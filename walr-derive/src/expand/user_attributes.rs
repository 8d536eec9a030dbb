//! The user's attributes and docs on what is generated from their method.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Attribute, Expr, ExprLit, Lit, LitStr, Meta};

use crate::model::BlockModel;

/// `#[cfg(..)]`: on every piece of a mutation.
pub(crate) fn conditions(attrs: &[Attribute]) -> TokenStream {
    attrs.iter().filter(|attr| attr.path().is_ident("cfg")).map(ToTokens::to_token_stream).collect()
}

/// The conditions inside those attributes.
pub(crate) fn cfgs(attrs: &[Attribute]) -> Vec<TokenStream> {
    let list = |attr: &Attribute| match &attr.meta {
        Meta::List(list) if list.path.is_ident("cfg") => Some(list.tokens.clone()),
        _ => None,
    };
    attrs.iter().filter_map(list).collect()
}

/// What a log's variant keeps: `#[cfg]`, `#[deprecated]` and the allowed lints.
pub(crate) fn of_variant(attrs: &[Attribute]) -> TokenStream {
    attrs.iter().filter_map(|attr| carried(attr, &["cfg", "deprecated"])).collect()
}

/// What a handle's method keeps, docs aside.
///
/// Of a mutation not `#[must_use]`: its result stands in a `Result`, which is that already.
pub(crate) fn of_method(attrs: &[Attribute], is_query: bool) -> TokenStream {
    let kept: &[&str] = if is_query { &["cfg", "deprecated", "must_use"] } else { &["cfg", "deprecated"] };
    attrs.iter().filter_map(|attr| carried(attr, kept)).collect()
}

fn carried(attr: &Attribute, kept: &[&str]) -> Option<TokenStream> {
    let name = attr.path().get_ident()?.to_string();
    match name.as_str() {
        name if kept.contains(&name) => Some(attr.to_token_stream()),
        "allow" => Some(attr.to_token_stream()),
        // The expected lint may not fire on a generated piece, which is a warning of its own.
        "expect" => {
            let Meta::List(list) = &attr.meta else { return None };
            let lints = &list.tokens;
            Some(quote!(#[allow(#lints)]))
        }
        _ => None,
    }
}

/// The user's docs of a method, for a place outside its impl block: links to `Self::…` go to the state.
pub(crate) fn docs(attrs: &[Attribute], model: &BlockModel<'_>) -> TokenStream {
    let docs = attrs.iter().filter(|attr| attr.path().is_ident("doc"));
    docs.map(|attr| match line(attr) {
        Some(text) if text.value().contains("Self::") => {
            let text = text.value().replace("Self::", &format!("{}::", model.state));
            quote!(#[doc = #text])
        }
        _ => attr.to_token_stream(),
    })
    .collect()
}

/// The first paragraph of the user's docs.
pub(crate) fn summary(attrs: &[Attribute]) -> String {
    let lines = attrs.iter().filter(|attr| attr.path().is_ident("doc")).filter_map(line).map(|text| text.value());
    let text = lines.collect::<Vec<_>>().join("\n");
    let paragraph: Vec<_> = text.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
    paragraph.join(" ")
}

/// Whether the user's docs have a section of that title.
pub(crate) fn has_section(attrs: &[Attribute], title: &str) -> bool {
    let docs = attrs.iter().filter(|attr| attr.path().is_ident("doc")).filter_map(line);
    docs.into_iter().any(|text| text.value().lines().any(|line| line.trim().trim_start_matches('#').trim() == title))
}

/// The place of the attribute with the first heading of the user's docs, or behind the last. A hidden line of an example looks
/// like a heading, and is none.
pub(crate) fn first_section(attrs: &[Attribute]) -> usize {
    let mut in_example = false;
    for (place, attr) in attrs.iter().enumerate().filter(|(_, attr)| attr.path().is_ident("doc")) {
        let Some(text) = line(attr).map(LitStr::value) else { continue };
        for text in text.lines().map(str::trim_start) {
            if text.starts_with("```") {
                in_example = !in_example;
            } else if !in_example && text.starts_with('#') && text.trim_start_matches('#').starts_with(' ') {
                return place;
            }
        }
    }
    attrs.len()
}

fn line(attr: &Attribute) -> Option<&LitStr> {
    match &attr.meta {
        Meta::NameValue(meta) => match &meta.value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text),
            _ => None,
        },
        _ => None,
    }
}
