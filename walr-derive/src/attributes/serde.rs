//! serde's attributes, as far as the derive has to know them.

use syn::meta::ParseNestedMeta;
use syn::token::Paren;
use syn::{Attribute, Expr, Path, Token};

/// The options of all `#[serde(..)]`, without their values. What serde can't parse is serde's to report.
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
