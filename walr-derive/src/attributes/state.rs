//! `#[wal(..)]` on a state and on its fields.

use syn::meta::ParseNestedMeta;
use syn::parse::ParseStream;
use syn::punctuated::Punctuated;
use syn::token::Bracket;
use syn::{Attribute, LitInt, LitStr, Path, Token, Type, bracketed};

use super::value::{flag, once, path, text, unknown, value};
use crate::errors::Errors;

/// The options of `#[wal(..)]`.
#[derive(Default)]
pub(crate) struct StateOptions {
    pub(crate) krate: Option<Path>,
    pub(crate) name: Option<LitStr>,
    pub(crate) version: Option<u32>,
    /// The types of earlier versions, oldest first.
    pub(crate) migrate_from: Vec<Type>,
    pub(crate) after_load: Option<Path>,
}

/// Parses the options of all `#[wal(..)]` in `attrs`.
pub(crate) fn options(attrs: &[Attribute], errors: &mut Errors) -> StateOptions {
    let mut options = StateOptions::default();
    let mut given = Vec::new();
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("wal")) {
        let parsed = attr.parse_nested_meta(|meta| {
            once(&meta, &mut given)?;
            if meta.path.is_ident("name") {
                options.name = Some(text(&meta)?);
            } else if meta.path.is_ident("version") {
                options.version = Some(version(&meta)?);
            } else if meta.path.is_ident("migrate_from") {
                options.migrate_from = versions_before(value(&meta, "OldType")?)?;
            } else if meta.path.is_ident("after_load") {
                options.after_load = Some(path(&meta)?);
            } else if meta.path.is_ident("crate") {
                options.krate = Some(path(&meta)?);
            } else {
                let known =
                    "`version = 2`, `migrate_from = Type`, `name = \"…\"`, `after_load = path` and `crate = path`";
                return Err(unknown(&meta, known));
            }
            Ok(())
        });
        errors.ok(parsed);
    }
    options
}

/// Returns the `not_rebuilt` of a field's `#[wal(not_rebuilt)]`.
pub(crate) fn not_rebuilt(attrs: &[Attribute], errors: &mut Errors) -> Option<Path> {
    let mut found = None;
    let mut given = Vec::new();
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("wal")) {
        let parsed = attr.parse_nested_meta(|meta| {
            once(&meta, &mut given)?;
            if !meta.path.is_ident("not_rebuilt") {
                let message = "a field's only option is `not_rebuilt`; to leave the field out of checkpoints, write \
                         `#[serde(skip)]`";
                return Err(meta.error(message));
            }
            flag(&meta)?;
            found = Some(meta.path);
            Ok(())
        });
        errors.ok(parsed);
    }
    found
}

/// Reports `#[wal(..)]` on a variant.
pub(crate) fn refuse_on_variant(attrs: &[Attribute], errors: &mut Errors) {
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("wal")) {
        errors.at(attr.path(), "a variant has no options: move them to the type, or `not_rebuilt` to a field");
    }
}

/// Parses `OldType` or `[OldestType, OldType]`.
fn versions_before(value: ParseStream<'_>) -> syn::Result<Vec<Type>> {
    if !value.peek(Bracket) {
        return Ok(vec![value.parse()?]);
    }
    let list;
    let bracket = bracketed!(list in value);
    let types = Punctuated::<Type, Token![,]>::parse_terminated(&list)?;
    if types.is_empty() {
        let message = "`migrate_from` needs the types of earlier versions, oldest first: `migrate_from = [CacheV1, \
                       CacheV2]`";
        return Err(syn::Error::new(bracket.span.join(), message));
    }
    Ok(types.into_iter().collect())
}

fn version(meta: &ParseNestedMeta<'_>) -> syn::Result<u32> {
    let value = value(meta, "2")?;
    if value.peek(Token![-]) || !value.peek(LitInt) {
        return Err(value.error("a version is a number from 1: `version = 2`"));
    }
    let number: LitInt = value.parse()?;
    match number.base10_parse() {
        Ok(0) | Err(_) => Err(syn::Error::new_spanned(number, "a version is a number from 1: `version = 2`")),
        Ok(version) => Ok(version),
    }
}
