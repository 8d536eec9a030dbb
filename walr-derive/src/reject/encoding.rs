//! Rejects serde attributes with which a state can't be read back from a checkpoint.
//!
//! The codec writes no names: it writes fields in order and variants by number. Without this check, the mistake would
//! show when a checkpoint is read.

use syn::{Data, DataEnum, DeriveInput, Field, Path, Variant};

use super::left_out::is_left_out;
use crate::attributes::serde;
use crate::errors::Errors;

/// Reports the attributes of the type, its variants and its fields.
pub(super) fn check(input: &DeriveInput, errors: &mut Errors) {
    let options = serde::options(&input.attrs);
    // serde writes another type in the state's place.
    if options.iter().any(|option| option.is_ident("into")) {
        return;
    }
    tags(&options, errors);
    match &input.data {
        Data::Struct(data) => data.fields.iter().for_each(|each| field(each, errors)),
        Data::Enum(data) => variants(data, errors),
        Data::Union(_) => {}
    }
}

fn tags(options: &[Path], errors: &mut Errors) {
    for option in options {
        if option.is_ident("untagged") {
            let message = "the codec can't read an untagged value back from a checkpoint: remove `untagged`";
            errors.at(option, message);
        } else if option.is_ident("tag") {
            let message = "the codec can't read a tagged value back from a checkpoint: remove `tag`; for another \
                         format, convert the state into another type";
            errors.at(option, message);
        }
    }
}

fn field(field: &Field, errors: &mut Errors) {
    let options = serde::options(&field.attrs);
    if is_left_out(field) {
        return;
    }
    for option in &options {
        let message = if option.is_ident("skip_serializing_if") {
            "the codec reads all fields in order, so it can't read a checkpoint without this one: remove \
             `skip_serializing_if`; `#[serde(skip)]` always leaves a field out"
        } else if option.is_ident("flatten") {
            "the codec writes no names, so it can't read a flattened field back: remove `flatten`, or write the \
             fields here"
        } else if option.is_ident("skip_serializing") || option.is_ident("skip_deserializing") {
            "a field that is only written, or only read, makes a checkpoint unreadable: `#[serde(skip)]` leaves it \
             out of both"
        } else {
            continue;
        };
        errors.at(option, message);
    }
}

/// Reports skipped variants before others. serde counts all variants when it writes, but only those that aren't
/// skipped when it reads.
fn variants(data: &DataEnum, errors: &mut Errors) {
    let skip = |variant: &Variant| {
        let options = serde::options(&variant.attrs);
        options.into_iter().find(|option| option.is_ident("skip") || option.is_ident("skip_deserializing"))
    };
    let last = data.variants.iter().rposition(|variant| skip(variant).is_none());
    for (place, variant) in data.variants.iter().enumerate() {
        tags(&serde::options(&variant.attrs), errors);
        match skip(variant) {
            Some(option) if last.is_some_and(|last| place < last) => {
                let message = "each variant after a skipped one would be read back as the next one: move the skipped \
                         variants to the end";
                errors.at(option, message);
            }
            Some(_) => {}
            None => variant.fields.iter().for_each(|each| field(each, errors)),
        }
    }
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    fn mistakes(input: &str) -> String {
        let mut errors = Errors::default();
        check(&syn::parse_str(input).unwrap(), &mut errors);
        quote!(#errors).to_string()
    }

    #[test]
    fn attributes_that_keep_the_encoding_pass() {
        for input in [
            "#[serde(rename_all = \"camelCase\", bound(serialize = \"T: Clone\"), default)] struct A<T> { \
             #[serde(skip, default = \"one\")] a: u8, #[serde(rename = \"flatten\", with = \"tag\")] b: T, \
             #[serde(skip_serializing, skip_deserializing)] c: u8 }",
            "#[serde(from = \"B\", into = \"B\")] struct A { #[serde(flatten)] a: B }",
            "enum A { B(#[serde(skip)] u8), #[serde(skip)] C }",
            "#[other(tag = \"t\")] struct A(#[other(flatten)] u8);",
            "#[serde(transparent)] struct A(u8);",
        ] {
            assert_eq!(mistakes(input), "", "{input}");
        }
    }

    #[test]
    fn variants_behind_a_skipped_one_are_refused() {
        let found = mistakes("enum A { #[serde(skip)] B, C { #[serde(flatten)] d: u8 }, #[serde(untagged)] E(u8) }");
        assert_eq!(found.matches("compile_error").count(), 3, "{found}");
        assert!(found.contains("to the end") && found.contains("`flatten`") && found.contains("`untagged`"));
    }
}
