//! Copies the attributes and docs of a user's method to the items that are generated from it.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Attribute, Expr, ExprLit, Lit, LitStr, Meta};

use crate::model::BlockModel;

/// Returns the `#[cfg(..)]` attributes. All that is generated from a method has them.
pub(crate) fn conditions(attrs: &[Attribute]) -> TokenStream {
    attrs.iter().filter(|attr| attr.path().is_ident("cfg")).map(ToTokens::to_token_stream).collect()
}

/// Returns the conditions in the `#[cfg(..)]` attributes.
pub(crate) fn cfgs(attrs: &[Attribute]) -> Vec<TokenStream> {
    let list = |attr: &Attribute| match &attr.meta {
        Meta::List(list) if list.path.is_ident("cfg") => Some(list.tokens.clone()),
        _ => None,
    };
    attrs.iter().filter_map(list).collect()
}

/// Returns the attributes of a log's variant: `#[cfg]`, `#[deprecated]` and the allowed lints.
pub(crate) fn of_variant(attrs: &[Attribute]) -> TokenStream {
    attrs.iter().filter_map(|attr| carried(attr, &["cfg", "deprecated"])).collect()
}

/// Returns the attributes of a handle's method, without docs.
///
/// A mutation doesn't keep `#[must_use]`, because its result is inside a `Result`, which must be used anyway.
pub(crate) fn of_method(attrs: &[Attribute], is_query: bool) -> TokenStream {
    let kept: &[&str] = if is_query { &["cfg", "deprecated", "must_use"] } else { &["cfg", "deprecated"] };
    attrs.iter().filter_map(|attr| carried(attr, kept)).collect()
}

fn carried(attr: &Attribute, kept: &[&str]) -> Option<TokenStream> {
    let name = attr.path().get_ident()?.to_string();
    match name.as_str() {
        name if kept.contains(&name) => Some(attr.to_token_stream()),
        "allow" => Some(attr.to_token_stream()),
        // In generated code the expected lint may not fire, which would be another warning.
        "expect" => {
            let Meta::List(list) = &attr.meta else { return None };
            let lints = &list.tokens;
            Some(quote!(#[allow(#lints)]))
        }
        _ => None,
    }
}

/// Returns a method's docs for use outside of its impl block: links to `Self::…` go to the state.
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

/// Returns the first paragraph of a method's docs.
pub(crate) fn summary(attrs: &[Attribute]) -> String {
    let lines = attrs.iter().filter(|attr| attr.path().is_ident("doc")).filter_map(line).map(|text| text.value());
    let text = lines.collect::<Vec<_>>().join("\n");
    let paragraph: Vec<_> = text.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
    paragraph.join(" ")
}

/// Returns whether a method's docs have a section of this title.
pub(crate) fn has_section(attrs: &[Attribute], title: &str) -> bool {
    let docs = attrs.iter().filter(|attr| attr.path().is_ident("doc")).filter_map(line);
    docs.into_iter().any(|text| text.value().lines().any(|line| line.trim().trim_start_matches('#').trim() == title))
}

/// Returns the index of the attribute with the first heading of a method's docs, or the number of attributes. A
/// hidden line of an example is no heading, though it begins with `#`.
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
