//! Fields that no checkpoint holds: a reopened store begins with their defaults, and queries that read them are wrong
//! until something rebuilds them.

use syn::{DeriveInput, Field, Fields, Type};

use crate::attributes::{serde, state};
use crate::errors::Errors;
use crate::types::bare;

/// Reports each field that is neither stored nor rebuilt, and each `not_rebuilt` on a field that is stored.
pub(super) fn check(input: &DeriveInput, has_after_load: bool, errors: &mut Errors) {
    let options = serde::options(&input.attrs);
    let is_converted = options.iter().any(|option| option.is_ident("from") || option.is_ident("try_from"));
    let is_rebuilt = has_after_load || is_converted;
    match &input.data {
        syn::Data::Struct(data) => fields(&data.fields, is_rebuilt, errors),
        syn::Data::Enum(data) => {
            for variant in &data.variants {
                state::refuse_on_variant(&variant.attrs, errors);
                // A value of a skipped variant can't be encoded at all.
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
                let message = "this field isn't in a checkpoint, so it is its default after a reopen: rebuild it in the \
                               function that `#[wal(after_load = ..)]` on the type names, or write \
                               `#[wal(not_rebuilt)]` on the field if its default is right";
                match &field.ident {
                    Some(name) => errors.at(name, message),
                    None => errors.at(&field.ty, message),
                }
            }
            (false, Some(option)) => {
                let message = "a checkpoint holds this field, so nothing has to rebuild it: remove `not_rebuilt`, or leave the \
                               field out with `#[serde(skip)]`";
                errors.at(option, message);
            }
            _ => {}
        }
    }
}

/// Whether serde neither writes nor reads the field.
pub(super) fn is_left_out(field: &Field) -> bool {
    let options = serde::options(&field.attrs);
    let has = |name: &str| options.iter().any(|option| option.is_ident(name));
    has("skip") || has("skip_serializing") && has("skip_deserializing")
}

/// Whether the type is a `PhantomData`, which has one value. serde knows it by its name, too.
fn is_phantom(ty: &Type) -> bool {
    match bare(ty) {
        Type::Path(path) => path.path.segments.last().is_some_and(|last| last.ident == "PhantomData"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use quote::quote;
    use syn::parse_quote;

    use super::*;

    fn mistakes(input: DeriveInput, has_after_load: bool) -> Vec<String> {
        let mut errors = Errors::default();
        check(&input, has_after_load, &mut errors);
        let text = quote!(#errors).to_string();
        text.split("compile_error").skip(1).map(str::to_owned).collect()
    }

    #[test]
    fn a_field_left_out_and_not_rebuilt_is_refused() {
        let inputs: [DeriveInput; 5] = [
            parse_quote!(
                struct A {
                    a: u8,
                    #[serde(skip)]
                    b: u8,
                }
            ),
            parse_quote!(
                struct A(u8, #[serde(default, skip_deserializing, skip_serializing)] u8);
            ),
            parse_quote!(
                enum A {
                    B,
                    C {
                        #[serde(skip, default = "one")]
                        d: u8,
                    },
                }
            ),
            parse_quote!(
                enum A {
                    B(#[serde(skip)] Phantom<u8>),
                }
            ),
            parse_quote!(
                #[serde(into = "B")]
                struct A {
                    #[serde(skip)]
                    b: u8,
                }
            ),
        ];
        for input in inputs {
            let found = mistakes(input.clone(), false);
            assert!(
                found.len() == 1 && found[0].contains("after_load") && found[0].contains("not_rebuilt"),
                "{found:?}"
            );
            assert!(mistakes(input, true).is_empty());
        }
    }

    #[test]
    fn a_field_with_an_answer_is_left_alone() {
        let inputs: [DeriveInput; 6] = [
            parse_quote!(
                struct A {
                    #[serde(default)]
                    a: u8,
                    #[serde(skip)]
                    #[wal(not_rebuilt)]
                    b: u8,
                }
            ),
            parse_quote!(
                struct A<T>(#[serde(skip)] std::marker::PhantomData<T>);
            ),
            parse_quote!(
                enum A {
                    B,
                    #[serde(skip)]
                    C {
                        #[serde(skip)]
                        d: u8,
                    },
                }
            ),
            parse_quote!(
                #[serde(from = "B", into = "B")]
                struct A {
                    #[serde(skip)]
                    a: u8,
                }
            ),
            parse_quote!(
                #[serde(try_from = "B")]
                struct A {
                    #[serde(skip)]
                    a: u8,
                }
            ),
            parse_quote!(
                struct A {
                    #[serde(with = "skip")]
                    a: u8,
                }
            ),
        ];
        for input in inputs {
            assert_eq!(mistakes(input, false), [""; 0]);
        }
    }

    #[test]
    fn not_rebuilt_belongs_on_a_field_left_out() {
        let found = mistakes(
            parse_quote!(
                struct A {
                    #[wal(not_rebuilt)]
                    a: u8,
                    #[wal(skip)]
                    b: u8,
                }
            ),
            false,
        );
        assert!(
            found.len() == 2 && found[0].contains("holds this field") && found[1].contains("`not_rebuilt` alone"),
            "{found:?}"
        );
        let found = mistakes(
            parse_quote!(
                enum A {
                    #[wal(not_rebuilt)]
                    B(u8),
                }
            ),
            false,
        );
        assert_eq!(found.len(), 1);
    }
}
