//! Parses a single option inside an attribute's parentheses.

use quote::ToTokens;
use syn::meta::ParseNestedMeta;
use syn::parse::ParseStream;
use syn::{Ident, LitStr, Path, Token};

/// Refuses an option that was given before.
pub(super) fn once(meta: &ParseNestedMeta<'_>, given: &mut Vec<Path>) -> syn::Result<()> {
    if given.contains(&meta.path) {
        let name = meta.path.to_token_stream();
        return Err(meta.error(format_args!("the option `{name}` is given twice: keep one")));
    }
    given.push(meta.path.clone());
    Ok(())
}

pub(super) fn unknown(meta: &ParseNestedMeta<'_>, known: &str) -> syn::Error {
    let name = meta.path.to_token_stream();
    let number = if known.contains(',') || known.contains(" and ") { "options are" } else { "only option is" };
    meta.error(format_args!("unknown option `{name}`: the {number} {known}"))
}

/// Parses an option without a value.
pub(super) fn flag(meta: &ParseNestedMeta<'_>) -> syn::Result<bool> {
    if meta.input.is_empty() || meta.input.peek(Token![,]) {
        return Ok(true);
    }
    let name = meta.path.to_token_stream();
    Err(meta.input.error(format_args!("`{name}` takes no value: write it alone")))
}

/// Returns the parser of the value after the `=`.
pub(super) fn value<'a>(meta: &ParseNestedMeta<'a>, example: &str) -> syn::Result<ParseStream<'a>> {
    if !meta.input.peek(Token![=]) {
        let name = meta.path.to_token_stream();
        return Err(meta.error(format_args!("`{name}` needs a value: `{name} = {example}`")));
    }
    meta.value()
}

pub(super) fn text(meta: &ParseNestedMeta<'_>) -> syn::Result<LitStr> {
    let value = value(meta, "\"…\"")?;
    if !value.peek(LitStr) {
        return Err(value.error("a name is a string: `name = \"put\"`"));
    }
    let text: LitStr = value.parse()?;
    if text.value().is_empty() {
        return Err(syn::Error::new_spanned(text, "a name can't be empty"));
    }
    Ok(text)
}

pub(super) fn identifier(text: &LitStr) -> syn::Result<Ident> {
    text.parse().map_err(|_| syn::Error::new_spanned(text, "this must be a method's name, such as \"read_entry\""))
}

pub(super) fn path(meta: &ParseNestedMeta<'_>) -> syn::Result<Path> {
    let value = value(meta, "a::path")?;
    if value.peek(LitStr) {
        let text: LitStr = value.parse()?;
        return Err(syn::Error::new_spanned(&text, format_args!("write the path without quotes: {}", text.value())));
    }
    value.parse()
}
