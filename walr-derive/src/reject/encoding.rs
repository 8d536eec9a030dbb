//! Attributes of serde's under which a state can't be read back from a checkpoint.
//!
//! The codec writes no names: fields go by their order, variants by their number. What an attribute makes of that shows
//! only when a checkpoint is read, which is too late.

use syn::{Data, DataEnum, DeriveInput, Field, Path, Variant};

use super::left_out::is_left_out;
use crate::attributes::serde;
use crate::errors::Errors;

/// Reports each such attribute on the type, its variants and its fields.
pub(super) fn check(input: &DeriveInput, errors: &mut Errors) {
    let options = serde::options(&input.attrs);
    // It is another type that is written then.
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
            let message = "the codec can't find out what an untagged value is, and a checkpoint couldn't be read back: \
                           remove `untagged`";
            errors.at(option, message);
        } else if option.is_ident("tag") {
            let message = "the codec knows a variant by its number and reads no tag, and a checkpoint couldn't be read \
                           back: remove `tag`; for another format, convert into a type of its own";
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
            "the codec reads all fields in their order, and couldn't read back a checkpoint without this one: remove \
             `skip_serializing_if`; `#[serde(skip)]` leaves a field out always"
        } else if option.is_ident("flatten") {
            "the codec writes no names, and couldn't read back what is flattened: remove `flatten`, or write the fields \
             here"
        } else if option.is_ident("skip_serializing") || option.is_ident("skip_deserializing") {
            "a field must be both written and read, or a checkpoint couldn't be read back: `#[serde(skip)]` leaves it \
             out of both"
        } else {
            continue;
        };
        errors.at(option, message);
    }
}

/// serde counts all variants when it writes, and those that aren't skipped when it reads: behind a skipped variant one
/// would be read as the next.
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
                let message = "behind a skipped variant each one would be read back as the next: move the skipped \
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
    use syn::parse_quote;

    use super::*;

    fn mistakes(input: DeriveInput) -> String {
        let mut errors = Errors::default();
        check(&input, &mut errors);
        quote!(#errors).to_string()
    }

    #[test]
    fn what_can_be_read_back_is_left_alone() {
        let inputs: [DeriveInput; 5] = [
            parse_quote!(
                #[serde(rename_all = "camelCase", bound(serialize = "T: Clone"), default)]
                struct A<T> {
                    #[serde(skip, default = "one")]
                    a: u8,
                    #[serde(rename = "flatten", with = "tag")]
                    b: T,
                    #[serde(skip_serializing, skip_deserializing)]
                    c: u8,
                }
            ),
            parse_quote!(
                #[serde(from = "B", into = "B")]
                struct A {
                    #[serde(flatten)]
                    a: B,
                }
            ),
            parse_quote!(
                enum A {
                    B(#[serde(skip)] u8),
                    #[serde(skip)]
                    C,
                }
            ),
            parse_quote!(
                #[other(tag = "t")]
                struct A(#[other(flatten)] u8);
            ),
            parse_quote!(
                #[serde(transparent)]
                struct A(u8);
            ),
        ];
        for input in inputs {
            assert_eq!(mistakes(input), "");
        }
    }

    #[test]
    fn variants_behind_a_skipped_one_are_found() {
        let found = mistakes(parse_quote!(
            enum A {
                #[serde(skip)]
                B,
                C {
                    #[serde(flatten)]
                    d: u8,
                },
                #[serde(untagged)]
                E(u8),
            }
        ));
        assert_eq!(found.matches("compile_error").count(), 3, "{found}");
        assert!(found.contains("to the end") && found.contains("`flatten`") && found.contains("`untagged`"));
    }
}
