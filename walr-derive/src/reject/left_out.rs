//! Rejects fields that checkpoints leave out and nothing rebuilds: after a reopen they have their default values, so
//! that queries over an index are wrong.

use syn::{DeriveInput, Field, Fields, Type};

use crate::attributes::{serde, state};
use crate::errors::Errors;
use crate::types::bare;

/// Reports fields that are neither stored nor rebuilt, and `not_rebuilt` on fields that are stored.
pub(super) fn check(input: &DeriveInput, has_after_load: bool, errors: &mut Errors) {
    let options = serde::options(&input.attrs);
    let is_converted = options.iter().any(|option| option.is_ident("from") || option.is_ident("try_from"));
    let is_rebuilt = has_after_load || is_converted;
    match &input.data {
        syn::Data::Struct(data) => fields(&data.fields, is_rebuilt, errors),
        syn::Data::Enum(data) => {
            for variant in &data.variants {
                state::refuse_on_variant(&variant.attrs, errors);
                // A value of a skipped variant can't be encoded, so its fields don't matter.
                let is_stored = !serde::options(&variant.attrs).iter().any(|option| option.is_ident("skip"));
                fields(&variant.fields, is_rebuilt || !is_stored, errors);
            }
        }
        syn::Data::Union(_) => {}
    }
}

fn fields(fields: &Fields, is_rebuilt: bool, errors: &mut Errors) {
    for field in fields {
        let not_rebuilt = state::not_rebuilt(&field.attrs, errors);
        match (is_left_out(field), not_rebuilt) {
            (true, None) if !is_rebuilt && !is_phantom(&field.ty) => {
                let message = "checkpoints leave this field out, so after a reopen it has its default value: rebuild it \
                         in the function that `#[wal(after_load = ..)]` on the type names, or write \
                         `#[wal(not_rebuilt)]` on the field if its default is right";
                match &field.ident {
                    Some(name) => errors.at(name, message),
                    None => errors.at(&field.ty, message),
                }
            }
            (false, Some(option)) => {
                let message = "checkpoints hold this field, so nothing has to rebuild it: remove `not_rebuilt`, or leave \
                         the field out with `#[serde(skip)]`";
                errors.at(option, message);
            }
            _ => {}
        }
    }
}

/// Returns whether serde neither writes nor reads the field.
pub(super) fn is_left_out(field: &Field) -> bool {
    let options = serde::options(&field.attrs);
    let has = |name: &str| options.iter().any(|option| option.is_ident(name));
    has("skip") || has("skip_serializing") && has("skip_deserializing")
}

/// Returns whether the type is a `PhantomData`, which has a single value. serde's derives know it by this name, too.
fn is_phantom(ty: &Type) -> bool {
    match bare(ty) {
        Type::Path(path) => path.path.segments.last().is_some_and(|last| last.ident == "PhantomData"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    fn mistakes(input: &str, has_after_load: bool) -> Vec<String> {
        let mut errors = Errors::default();
        check(&syn::parse_str(input).unwrap(), has_after_load, &mut errors);
        let text = quote!(#errors).to_string();
        text.split("compile_error").skip(1).map(str::to_owned).collect()
    }

    #[test]
    fn a_field_left_out_and_not_rebuilt_is_refused() {
        for input in [
            "struct A { a: u8, #[serde(skip)] b: u8 }",
            "struct A(u8, #[serde(default, skip_deserializing, skip_serializing)] u8);",
            "enum A { B, C { #[serde(skip, default = \"one\")] d: u8 } }",
            "enum A { B(#[serde(skip)] Phantom<u8>) }",
            "#[serde(into = \"B\")] struct A { #[serde(skip)] b: u8 }",
        ] {
            let found = mistakes(input, false);
            assert!(found.len() == 1 && found[0].contains("after_load"), "{input}: {found:?}");
            assert!(mistakes(input, true).is_empty(), "{input}");
        }
    }

    #[test]
    fn a_field_stored_rebuilt_or_marked_passes() {
        for input in [
            "struct A { #[serde(default)] a: u8, #[serde(skip)] #[wal(not_rebuilt)] b: u8 }",
            "struct A<T>(#[serde(skip)] std::marker::PhantomData<T>);",
            "enum A { B, #[serde(skip)] C { #[serde(skip)] d: u8 } }",
            "#[serde(from = \"B\", into = \"B\")] struct A { #[serde(skip)] a: u8 }",
            "#[serde(try_from = \"B\")] struct A { #[serde(skip)] a: u8 }",
            "struct A { #[serde(with = \"skip\")] a: u8 }",
        ] {
            assert_eq!(mistakes(input, false), [""; 0], "{input}");
        }
    }
}
