//! The options of serde's attributes.

use syn::meta::ParseNestedMeta;
use syn::token::Paren;
use syn::{Attribute, Expr, Path, Token};

/// Returns the options of all `#[serde(..)]`, without their values. serde reports those that don't parse.
pub(crate) fn options(attrs: &[Attribute]) -> Vec<Path> {
    let mut options = Vec::new();
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("serde")) {
        let _ = attr.parse_nested_meta(|meta| {
            pass_value(&meta)?;
            options.push(meta.path);
            Ok(())
        });
    }
    options
}

fn pass_value(meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
    if meta.input.peek(Token![=]) {
        meta.value()?.parse::<Expr>()?;
    } else if meta.input.peek(Paren) {
        meta.parse_nested_meta(|inner| pass_value(&inner))?;
    }
    Ok(())
}
